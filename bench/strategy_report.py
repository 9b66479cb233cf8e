"""What bench/strategies measured, for people: tables, a plot, and which contestant was best at what."""

import math
import os
import statistics

import common
import strategy_contestants as contestants

COLUMNS = [(2, 0), (4, 0), (2, 100), (4, 100)]  # workers, Mbit/s
COLORS = {0: "#2563c9", 100: "#dd6b20"}


def link_name(mbit):
    return f"{mbit} Mbit/s" if mbit else "this host"


def to_target(run):
    """Steps, seconds and bytes (NaN on limited links) until the target was reached; None if it was not."""
    if "curve" not in run:
        return None
    for step, seconds, accuracy in run["curve"]:
        if accuracy >= contestants.TASKS[run["task"]]["target"]:
            return step, seconds, run["bytes"] * step / run["steps"] if "bytes" in run else math.nan
    return None


def chosen(runs, **wanted):
    return [run for run in runs if all(run[name] == value for name, value in wanted.items())]


def middle(runs, part):
    """The median of the runs' steps, seconds or bytes to the target; None unless all of them reached it."""
    found = [to_target(run) for run in runs]
    if not found or None in found:
        return None
    return statistics.median(values[part] for values in found)


def significant(value):
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.{min(digits, 3)}f}"


# ---- tables ----


def cell(runs, part, scale=1.0):
    if not runs:
        return ""
    failed = sum("error" in run for run in runs)
    if failed:
        return f"failed{f' ({failed} of {len(runs)})' if len(runs) > 1 else ''}"
    value = middle(runs, part)
    if value is not None:
        return significant(value * scale)
    missed = sum(to_target(run) is None for run in runs)
    return f"not reached{f' ({missed} of {len(runs)})' if len(runs) > 1 else ''}"


def final_cell(runs):
    finals = [100 * run["final"] for run in runs if "final" in run]
    if not finals:
        return "failed" if runs else ""
    spread = f" ± {statistics.stdev(finals):.2f}" if len(finals) > 1 else ""
    return f"{statistics.mean(finals):.2f}{spread}"


def table(runs, task):
    places = [f"{workers} workers, {link_name(mbit)}" for workers, mbit in COLUMNS]
    head = ["contestant", "rate", "final, %, 2 workers", "final, %, 4 workers", *(f"s: {place}" for place in places)]
    head += ["MB: 2 workers", "MB: 4 workers"]
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " --: |" * (len(head) - 1)]
    for name in contestants.CONTESTANTS:
        own = chosen(runs, task=task, contestant=name)
        if not own:
            continue
        cells = [name, f"{own[-1]['rate']:g}"]
        cells += [final_cell(chosen(own, workers=workers, mbit=0)) for workers in (2, 4)]
        cells += [cell(chosen(own, workers=workers, mbit=mbit), 1) for workers, mbit in COLUMNS]
        cells += [cell(chosen(own, workers=workers, mbit=0), 2, 1e-6) for workers in (2, 4)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def failures(runs):
    lines = [
        f"- {run['task']}, {run['contestant']}, {run['workers']} workers, {link_name(run['mbit'])}, seed {run['seed']}: "
        f"`{run['error']}`"
        for run in runs
        if "error" in run
    ]
    return "\n## What failed\n\n" + "\n".join(lines) + "\n" if lines else ""


# ---- which is best ----


def ranking(runs, task, workers, mbit, part):
    """(value, contestant), the best first, of those that reached the target with every seed."""
    found = []
    for name in contestants.CONTESTANTS:
        value = middle(chosen(runs, task=task, contestant=name, workers=workers, mbit=mbit), part)
        if value is not None:
            found.append((value, name))
    return sorted(found)


def best_of(ranked, unit, scale=1.0):
    """The first three, and for comparison the plain strategy."""
    shown = ranked[:3] + [(value, name) for value, name in ranked[3:] if name == "synchronous"]
    return ", ".join(f"`{name}` {significant(value * scale)} {unit}" for value, name in shown)


def when_to_use(runs):
    """The three that reached the target first, and with the fewest bytes, as Markdown."""
    lines = ["| task | workers | where | reached the target first | with the fewest bytes |", "| --- | --: | --- | --- | --- |"]
    for task in contestants.TASKS:
        for workers, mbit in COLUMNS:
            by_time = ranking(runs, task, workers, mbit, 1)
            if not by_time:
                continue
            by_bytes = ranking(runs, task, workers, 0, 2)
            lines.append(
                f"| {task} | {workers} | {link_name(mbit)} | {best_of(by_time, 's')} | {best_of(by_bytes, 'MB', 1e-6)} |"
            )
    return "\n".join(lines)


# ---- the plot ----


def plot(runs):
    """Seconds to the target with 4 workers: a panel a task, a row a contestant, a dot a link. Logarithmic."""
    left, top, width, row, gap = 190, 64, 240, 20, 60
    names = list(contestants.CONTESTANTS)
    height = row * len(names)
    whole = left + len(contestants.TASKS) * (width + gap)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {top + height + 40}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<text x="8" y="18">Seconds of training to the target, 4 workers (logarithmic; no dot: not reached)</text>',
    ]
    for k, (mbit, color) in enumerate(COLORS.items()):
        parts.append(f'<circle cx="{left + 120 * k}" cy="34" r="5" fill="{color}"/>')
        parts.append(f'<text x="{left + 10 + 120 * k}" y="38">{link_name(mbit)}</text>')
    for k, name in enumerate(names):
        y = top + row * (k + 0.5)
        parts.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{name}</text>')
        parts.append(f'<path d="M{left} {y}H{whole - gap}" stroke="#eef1f5"/>')
    for k, task in enumerate(contestants.TASKS):
        parts += panel(runs, task, left + k * (width + gap), top, width, row)
    return "\n".join(parts) + "\n</svg>\n"


def panel(runs, task, left, top, width, row):
    names = list(contestants.CONTESTANTS)
    points = {(name, mbit): value for mbit in COLORS for value, name in ranking(runs, task, 4, mbit, 1)}
    low = math.floor(math.log10(min(points.values(), default=0.1)))
    high = max(low + 1, math.ceil(math.log10(max(points.values(), default=10))))

    def x(seconds):
        return left + width * (math.log10(seconds) - low) / (high - low)

    bottom = top + row * len(names)
    parts = [f'<text x="{left + width / 2}" y="{top - 8}" text-anchor="middle" font-weight="600">{task}</text>']
    for power in range(low, high + 1):
        at = x(10.0**power)
        parts.append(f'<path d="M{at:.1f} {top}V{bottom}" stroke="#d5dbe3"/>')
        parts.append(f'<text x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{10.0**power:g} s</text>')
    for (name, mbit), seconds in points.items():
        y = top + row * (names.index(name) + 0.5)
        parts.append(f'<circle cx="{x(seconds):.1f}" cy="{y}" r="5" fill="{COLORS[mbit]}" fill-opacity="0.85"/>')
    return parts


# ---- writing ----


def write(about, runs, folder):
    tasks = "\n\n".join(
        f"## {name}: {task['what']}\n\nTarget: {100 * task['target']:g} % of the validation split.\n\n{table(runs, name)}"
        for name, task in contestants.TASKS.items()
        if chosen(runs, task=name)
    )
    versions = sorted({run["version"] for run in runs})
    mixed = f"Runs of several versions: {', '.join(versions)}.\n" if len(versions) > 1 else ""
    settings = "\n".join(
        f"| {name} | {', '.join(f'`{word}`' for word in words)} |" for name, words in contestants.CONTESTANTS.items()
    )
    text = f"""# Strategies beside each other

{common.about_machine(about)}
{mixed}
What the columns are, and how it was measured: `bench/strategies --help`. "s": seconds of training steps until the target was
reached; "MB": 10^6 bytes that all workers and servers together sent for gradients and weights until then, on this host.
Medians over the seeds where there are several. On limited links a run (one seed) ends at the target. "final": accuracy on
the test split after as many samples for all, mean ± standard deviation over the seeds, on this host. Workers are processes of
one replica; all share {about['cores']} cores, on limited links too. On this host they exchange through shared memory, and one
parameter server serves them; on limited links each worker has a host (a network namespace) of its own, which sends at most
100 Mbit/s, with a parameter server beside it.

{tasks}

## When to use which

The three that came first, of those that reached the target with every seed.

{when_to_use(runs)}

## Settings

| contestant | `--set` |
| --- | --- |
{settings}

All: {', '.join(f'`{word}`' for word in contestants.COMMON)}. The learning rate falls linearly; which, is in the tables.
{failures(runs)}"""
    common.write_pair(folder, "strategies", {"environment": about, "runs": runs}, text)


def write_docs(runs, folder):
    """The plot, and the part of docs/strategies.md between the two marks, if these results are the repository's."""
    text = f"![Seconds to the target](strategies.svg)\n\n{when_to_use(runs)}"
    common.write_part("bench/strategies", "docs/strategies.md", text, folder)
    if os.path.realpath(folder) == common.RESULTS:
        with open(os.path.join(common.ROOT, "docs/strategies.svg"), "w") as file:
            file.write(plot(runs))
