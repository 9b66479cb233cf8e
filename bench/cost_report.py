"""Predictions of the cost model, and how docs/scaling.md shows them: a generated part between two markers, and a plot."""

import math
import os
import statistics

import common
import network
from step_cost import PARAMETERS, step_time

WORKERS = [8, 16, 32, 64, 128, 256, 512, 1024]
LINKS = {"10 Gbit/s": 10, "100 Gbit/s": 100}
NETWORK_LATENCY = 25e-6  # s, one way: assumed, not measured
STRONG_LANES = 1024
WEAK_LANES = 2  # of each worker
LARGEST = "100M"
NAMES = {"mlp": "MLP", "cnn": "CNN", "large": "MLP 2048", LARGEST: "100M parameters"}
COLORS = {"mlp": "#2563c9", "cnn": "#1a8a54", LARGEST: "#dd6b20"}


def predict(record):
    """Seconds a step by model, scaling, link and workers: without overlap, and with all of it that there can be."""
    costs = record["fits"]["tcp"]["costs"]
    sizes = dict(PARAMETERS, **{LARGEST: 100_000_000})
    lane_seconds = dict(record["lane_seconds"])
    lane_seconds[LARGEST] = lane_seconds["large"] * sizes[LARGEST] / sizes["large"]
    predictions = []
    for model in ("mlp", "cnn", LARGEST):
        for scaling in ("weak", "strong"):
            for link, gbit in LINKS.items():
                wire = network.OVERHEAD * 8 / (1e9 * gbit)
                for workers in [1, *WORKERS]:
                    lanes = WEAK_LANES * workers if scaling == "weak" else STRONG_LANES
                    seconds, parts, hidden = step_time(
                        costs, sizes[model], lanes, workers, workers, lane_seconds[model],
                        wire=wire, latency=NETWORK_LATENCY, shared=False,
                    )  # fmt: skip
                    predictions.append(
                        {"model": model, "scaling": scaling, "link": link, "workers": workers, "lanes": lanes,
                         "seconds": seconds, "overlapped": seconds - hidden, "parts": parts}
                    )  # fmt: skip
    one = {(p["model"], p["scaling"], p["link"]): p for p in predictions if p["workers"] == 1}
    for p in predictions:
        alone = one[p["model"], p["scaling"], p["link"]]
        ideal = alone["seconds"] / (1 if p["scaling"] == "weak" else p["workers"])
        p["efficiency"] = ideal / p["seconds"]
        p["efficiency_overlapped"] = ideal / p["overlapped"]
    return predictions


def error_of(entry):
    return entry["predicted"] / entry["seconds"] - 1


def groups(record):
    """The held-out checks by what they show."""
    found = {}
    for transport, fit in record["fits"].items():
        for entry in fit["checks"]:
            if entry["held_out"]:
                kind = "tcp, limited links" if entry["mbit"] else f"{transport}, this host"
                found.setdefault(kind, []).append(abs(error_of(entry)))
    return found


def summary(record):
    return "\n".join(
        f"{kind}: {len(errors)} held-out runs, error median {100 * statistics.median(errors):.0f} %, "
        f"worst {100 * max(errors):.0f} %"
        for kind, errors in groups(record).items()
    )


def milliseconds(seconds):
    return f"{1000 * seconds:,.{0 if seconds >= 0.1 else 1 if seconds >= 0.01 else 2}f}"


def costs_table(record):
    rows = [
        ("message", "CPU time of a message", 1e6, "µs"),
        ("byte", "CPU time of a byte sent and received", 1e9, "ns"),
        ("round", "waiting for each other, a round", 1e6, "µs"),
        ("add", "adding a lane's gradients, a byte", 1e9, "ns"),
        ("update", "the optimizer, a byte of weights", 1e9, "ns"),
        ("fixed", "a step's fixed cost", 1e6, "µs"),
        ("contention", "how much longer a lane takes when both cores compute", 1, "times"),
    ]
    lines = ["| cost | | tcp | shared memory |", "| --- | --- | --: | --: |"]
    for key, text, scale, unit in rows:
        values = [record["fits"][transport]["costs"][key] * scale for transport in ("tcp", "shm")]
        lines.append(f"| `{key}` | {text} | {values[0]:.3g} {unit} | {values[1]:.3g} {unit} |")
    lanes = ", ".join(f"{NAMES[m]} {milliseconds(seconds)} ms" for m, seconds in record["lane_seconds"].items())
    return "\n".join(lines) + f"\n\nComputing one lane (64 samples; CNN 32): {lanes}."


def checks_table(record):
    lines = [
        "| transport | link | model | workers | lanes | measured, ms (min - max) | predicted, ms | error | used for |",
        "| --- | --- | --- | --: | --: | --: | --: | --: | --- |",
    ]
    for transport, fit in record["fits"].items():
        for entry in fit["checks"]:
            low, high = entry["spread"]
            lines.append(
                f"| {transport} | {str(entry['mbit']) + ' Mbit/s' if entry['mbit'] else 'this host'} "
                f"| {NAMES[entry['model']]} | {entry['workers']} | {entry['lanes']} "
                f"| {milliseconds(entry['seconds'])} ({milliseconds(low)} - {milliseconds(high)}) "
                f"| {milliseconds(entry['predicted'])} | {100 * error_of(entry):+.0f} % "
                f"| {'the check' if entry['held_out'] else 'the fit'} |"
            )
    return "\n".join(lines)


def predictions_table(record, model, scaling):
    found = {
        (p["link"], p["workers"]): p
        for p in record["predictions"]
        if p["model"] == model and p["scaling"] == scaling
    }
    head = "| workers |" + "".join(f" {link}: ms a step, without - with overlap | efficiency |" for link in LINKS)
    lines = [head, "| --: |" + " --: | --: |" * len(LINKS)]
    for workers in [1, *WORKERS]:
        cells = ""
        for link in LINKS:
            p = found[link, workers]
            cells += f" {milliseconds(p['seconds'])} - {milliseconds(p['overlapped'])} |"
            cells += f" {100 * p['efficiency']:.0f} - {100 * p['efficiency_overlapped']:.0f} % |"
        lines.append(f"| {workers:,} |{cells}")
    return "\n".join(lines)


def generated(record):
    about = record["environment"]
    predictions = "\n\n".join(
        f"### {NAMES[model]}, {scaling} scaling\n\n{predictions_table(record, model, scaling)}"
        for model in ("mlp", "cnn", LARGEST)
        for scaling in ("weak", "strong")
    )
    errors = "\n".join(f"- {line}" for line in summary(record).splitlines())
    notes = "".join(f"\n{note}\n" for note in record["notes"])
    return f"""{common.about_machine(about)}
Also used: `bench/results/comm.json` (by `bench/comm`), `bench/results/scaling.json` (by `bench/scaling`).
{notes}
## The fitted costs

{costs_table(record)}

## The checks

{errors}

{checks_table(record)}

## Predictions

Nothing in this section was measured. One worker with one replica a host; tcp; what a lane takes is this machine's.
{1e6 * NETWORK_LATENCY:.0f} µs of network latency a round are assumed. Weak: {WEAK_LANES} lanes a worker. Strong: {STRONG_LANES:,} lanes, whatever the
workers. A lane is 64 samples (CNN: 32). The model of 100M parameters is assumed to compute as fast, a parameter and
sample, as the measured MLP 2048. Efficiency is against 1 worker.

![Predicted weak scaling](scaling.svg)

{predictions}"""


def plot(record):
    """Weak scaling's predicted efficiency, without overlap, as SVG."""
    left, top, width, height = 60, 30, 560, 300

    def x(workers):
        return left + width * math.log2(workers) / 10

    def y(efficiency):
        return top + height * (1 - efficiency)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 170} {top + height + 60}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="{left}" y="18">Predicted efficiency of weak scaling, without overlap</text>',
    ]
    for percent in range(0, 101, 25):
        at = y(percent / 100)
        parts.append(f'<path d="M{left} {at}H{left + width}" stroke="#e2e6ec"/>')
        parts.append(f'<text x="{left - 8}" y="{at + 4}" text-anchor="end">{percent} %</text>')
    for workers in [1, *WORKERS]:
        parts.append(f'<text x="{x(workers)}" y="{top + height + 20}" text-anchor="middle">{workers}</text>')
    parts.append(f'<text x="{left + width / 2}" y="{top + height + 44}" text-anchor="middle">workers</text>')
    row = 0
    for model, color in COLORS.items():
        for link in LINKS:
            curve = [p for p in record["predictions"]
                     if (p["model"], p["scaling"], p["link"]) == (model, "weak", link)]  # fmt: skip
            points = " ".join(f"{x(p['workers']):.1f},{y(p['efficiency']):.1f}" for p in curve)
            dash = ' stroke-dasharray="6 4"' if link.startswith("10 ") else ""
            parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dash}/>')
            at = top + 14 + 22 * row
            begin = left + width + 12
            parts.append(f'<path d="M{begin} {at - 4}h24" stroke="{color}" stroke-width="2"{dash}/>')
            parts.append(f'<text x="{begin + 30}" y="{at}">{NAMES[model].split()[0]}, {link}</text>')
            row += 1
    return "\n".join(parts) + "\n</svg>\n"


def write(record):
    common.write_part("bench/cost_model.py", "docs/scaling.md", generated(record))
    with open(os.path.join(common.ROOT, "docs/scaling.svg"), "w") as file:
        file.write(plot(record))
