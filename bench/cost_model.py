#!/usr/bin/python3
"""Fits a cost model of a training step to measurements, checks it on runs that were held out, and predicts larger groups.

The model is that of docs/scaling.md, which this writes too (its generated part, and docs/scaling.svg). It uses what
bench/comm and bench/scaling left in bench/results, and runs of its own: one replica a worker, SGD with momentum on MNIST
in memory, over tcp on the loopback device and between network namespaces with limited links (needs root; left out, and
said so, where the kernel or the user does not allow it).
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import tempfile
import time

import common
import cost_report
import network
from step_cost import PARAMETERS, counts, step_time

STORED = "cost_model.json"
FIT_WORKERS = (1, 2, 6)  # the runs with others are held out
LANE_SAMPLES = {"mlp": 64, "cnn": 32, "large": 64}
HIDDEN = {"large": "2048,2048"}
LANES = 8
LOOPBACK = [(model, workers) for model in ("mlp", "cnn") for workers in (1, 2, 3, 4, 6, 8)]
LOOPBACK += [("large", workers) for workers in (1, 2, 3, 4, 6, 8)]
LINKS = [("mlp", 2, 1000), ("mlp", 4, 1000), ("mlp", 3, 300), ("cnn", 2, 1000), ("large", 2, 1000)]
SLICE = 4 << 20  # bytes of an all-reduce that travel together (src/comm/collectives.cpp)


# ---- measuring ----


def measure_hosts(data, model, workers, mbit, seconds):
    with network.Hosts(workers, mbit) as hosts, tempfile.TemporaryDirectory() as folder:
        secret = os.path.join(folder, "secret")
        subprocess.run([common.CONVOY, "launch", "--make-secret", secret], check=True, capture_output=True)
        words = [common.TRAIN, "--data", data, *job_words(model, seconds), "--hosts", str(workers)]
        words += ["--rendezvous", f"{hosts.address(0)}:4711", "--secret-file", secret]
        commands = [hosts.command(host, [*words, "--host", str(host)]) for host in range(workers)]
        return common.run_processes(commands)


def job_words(model, seconds):
    kind = "cnn" if model == "cnn" else "mlp"
    words = ["--model", kind, "--batch", str(LANES * LANE_SAMPLES[model]), "--lanes", str(LANES)]
    words += ["--replicas", "1", "--bucket", "off", "--seconds", str(seconds), "--warm-up", "1", "--after", "0"]
    return words + (["--hidden", HIDDEN[model]] if model in HIDDEN else [])


def measure(data, repetitions, seconds):
    runs, notes = {}, []
    plan = [(model, workers, 0) for model, workers in LOOPBACK] + LINKS
    for repetition, (model, workers, mbit) in itertools.product(range(repetitions), plan):
        if mbit and notes:
            continue
        try:
            if mbit:
                result = measure_hosts(data, model, workers, mbit, seconds)
            else:
                command = [common.TRAIN, "--data", data, *job_words(model, seconds)]
                command += ["--workers", str(workers), "--transport", "tcp"]
                result = common.run_processes([command])
        except OSError as problem:
            notes.append(f"Limited links could not be made here: {problem}.")
            continue
        runs.setdefault((model, workers, mbit), []).append(result)
        link = f"{mbit} Mbit/s" if mbit else "loopback"
        print(f"{repetition + 1}/{repetitions} {model:5} {workers} workers, tcp, {link}: "
              f"{1000 * step_of(result):.1f} ms a step", flush=True)  # fmt: skip
    return runs, notes


def step_of(run):
    return run["seconds"] / run["steps"]


# ---- fitting ----


def own_costs(ones, two):
    """What one worker alone shows, by model: `ones` are its runs, `two` those with two workers."""
    lane, adds, updates, fixed, contention = {}, [], [], [], []
    for (model, lanes), runs in ones.items():
        median = {key: statistics.median(run["seconds_per_step"][key] for run in runs)
                  for key in runs[0]["seconds_per_step"]}  # fmt: skip
        computed = median["load"] + median["forward"] + median["backward"]
        size = 4 * PARAMETERS[model]
        lane[model, lanes] = computed / lanes
        adds.append(median["reduce"] / ((lanes - 1) * size))
        updates.append(median["update"] / size)
        step = statistics.median(step_of(run) for run in runs)
        fixed.append(max(0.0, step - computed - median["reduce"] - median["update"]))
        for run in two.get((model, lanes), []):
            seconds = run["seconds_per_step"]
            together = seconds["load"] + seconds["forward"] + seconds["backward"]
            contention.append(together / (lanes / 2) / lane[model, lanes])
    costs = {"add": statistics.median(adds), "update": statistics.median(updates), "fixed": statistics.median(fixed)}
    costs["contention"] = max(1.0, statistics.median(contention))
    return costs, lane


def least_squares(rows):
    """Coefficients >= 0 of three features that make sum((features . x - target)^2) least. Every set of those that are not
    zero is tried: there are seven."""

    def solve(chosen):
        matrix = [
            [sum(row[a] * row[b] for row, _ in rows) for b in chosen] + [sum(row[a] * target for row, target in rows)]
            for a in chosen
        ]
        for k in range(len(chosen)):  # Gauss and Jordan's elimination; positive definite, or else useless
            if matrix[k][k] <= 0:
                return None
            for r in range(len(chosen)):
                if r != k:
                    factor = matrix[r][k] / matrix[k][k]
                    matrix[r] = [value - factor * other for value, other in zip(matrix[r], matrix[k])]
        found = [0.0, 0.0, 0.0]
        for k, index in enumerate(chosen):
            found[index] = matrix[k][-1] / matrix[k][k]
        return found

    def error(x):
        return sum((sum(f * c for f, c in zip(row, x)) - target) ** 2 for row, target in rows)

    candidates = [solve(chosen) for size in (1, 2, 3) for chosen in itertools.combinations(range(3), size)]
    return min((found for found in candidates if found and min(found) >= 0), key=error)


def all_reduce_features(size, workers, cores):
    slices = max(1, -(-size // SLICE))
    busy = min(workers, cores)
    messages = slices * 2 * workers * (workers - 1)
    return [messages / busy, 2 * (workers - 1) * size / busy, 2 * slices]


def fit(points, comm, transport, cores):
    """All costs from the points with FIT_WORKERS, and the all-reduces of two workers."""
    fitted = [point for point in points if point["workers"] in FIT_WORKERS and not point["mbit"]]
    by = {1: {}, 2: {}}
    for point in fitted:
        if point["workers"] <= 2:
            # Weak scaling's lanes are as large: a worker alone has the same cost a lane.
            by[point["workers"]][point["model"], point["lanes"]] = point["runs"]
    costs, lane = own_costs(by[1], by[2])
    rows = []
    for point in fitted:
        if point["workers"] == 1:
            continue
        alone = dict(costs, message=0.0, byte=0.0, round=0.0)
        rest, _, _ = step_time(alone, PARAMETERS[point["model"]], point["lanes"], point["workers"], cores,
                               lane_of(lane, point), point["buckets"])  # fmt: skip
        left = point["seconds"] - rest
        count = counts(PARAMETERS[point["model"]], point["lanes"], point["workers"], point["buckets"])
        busy = min(point["workers"], cores)
        features = [count["messages"] / busy, count["bytes"] / busy, count["rounds"]]
        # Relative to the whole step: that is whose error matters.
        rows.append(([feature / point["seconds"] for feature in features], left / point["seconds"]))
    for size, seconds in comm.get((transport, 2), []):
        rows.append(([feature / seconds for feature in all_reduce_features(size, 2, cores)], 1.0))
    costs["message"], costs["byte"], costs["round"] = least_squares(rows)
    return costs, lane


def lane_of(lane, point):
    """Seconds of one lane of this point's model, from the run of one worker with as many lanes or else any."""
    own = lane.get((point["model"], point["lanes"]))
    if own is not None:
        return own
    return statistics.mean(seconds for (model, _), seconds in lane.items() if model == point["model"])


def check(points, costs, lane, cores):
    checked = []
    for point in points:
        wire = network.OVERHEAD * 8 / (1e6 * point["mbit"]) if point["mbit"] else 0.0
        predicted, _, _ = step_time(costs, PARAMETERS[point["model"]], point["lanes"], point["workers"], cores,
                                    lane_of(lane, point), point["buckets"], wire)  # fmt: skip
        held_out = point["workers"] not in FIT_WORKERS or bool(point["mbit"])
        checked.append({key: point[key] for key in ("model", "workers", "lanes", "mbit", "seconds", "spread")}
                       | {"predicted": predicted, "held_out": held_out})  # fmt: skip
    return checked


# ---- putting it together ----


def make_point(model, workers, lanes, mbit, runs):
    seconds = [step_of(run) for run in runs]
    bucket = runs[-1]["bucket_bytes"]
    buckets = -(-4 * PARAMETERS[model] // bucket) if bucket else 1
    return {"model": model, "workers": workers, "lanes": lanes, "mbit": mbit, "buckets": buckets, "runs": runs,
            "seconds": statistics.median(seconds), "spread": (min(seconds), max(seconds))}  # fmt: skip


def scaling_points(folder):
    with open(os.path.join(folder, "scaling.json")) as file:
        entries = json.load(file)["entries"]
    points = {}
    for entry in entries:  # weak and strong scaling share some
        key = (entry["model"], entry["workers"], entry["lanes"])
        points[key] = make_point(*key, 0, entry["runs"])
    return list(points.values())


def comm_points(folder):
    """Seconds of all-reduces by (transport, workers): (bytes, seconds)."""
    with open(os.path.join(folder, "comm.json")) as file:
        results = json.load(file)["results"]
    return {
        (name, result["workers"]): [(point["bytes"], point["seconds"][name]["median"]) for point in result["points"]]
        for result in results
        if result.get("link", "loopback") == "loopback"
        for name in ("shm", "tcp")
        if name in result["contestants"]
    }


def main():
    parser = argparse.ArgumentParser(
        prog="bench/cost_model.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--no-runs", action="store_true", help="take this script's own runs from --results too")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1, help="timed steps of each run")
    parser.add_argument("--data", help="folder of the IDX files; default: fetched into Convoy's cache")
    parser.add_argument("--results", default=common.RESULTS)
    options = parser.parse_args()
    begun = time.monotonic()
    for name, script in (("comm.json", "bench/comm"), ("scaling.json", "bench/scaling")):
        if not os.path.exists(os.path.join(options.results, name)):
            parser.error(f"{options.results}/{name} is missing: run {script} first")
    stored = os.path.join(options.results, STORED)
    if options.no_runs:
        with open(stored) as file:
            record = json.load(file)
    else:
        data = common.mnist_folder(options)
        runs, notes = measure(data, options.repetitions, options.seconds)
        record = {"environment": common.environment("bench/cost_model.py"), "notes": notes,
                  "runs": [{"model": m, "workers": w, "mbit": r, "runs": own} for (m, w, r), own in runs.items()]}  # fmt: skip
    cores = record["environment"]["cores"]
    comm = comm_points(options.results)
    points = {
        "tcp": [make_point(e["model"], e["workers"], LANES, e["mbit"], e["runs"]) for e in record["runs"]],
        "shm": scaling_points(options.results),
    }
    record["fits"] = {}
    lanes = {}
    for transport, own in points.items():
        costs, lanes[transport] = fit(own, comm, transport, cores)
        record["fits"][transport] = {"costs": costs, "checks": check(own, costs, lanes[transport], cores)}
    record["lane_seconds"] = {
        model: lane_of(lanes["tcp"], {"model": model, "lanes": LANES}) for model in PARAMETERS
    }
    record["predictions"] = cost_report.predict(record)
    with open(stored, "w") as file:
        json.dump(record, file, indent=1)
        file.write("\n")
    if os.path.realpath(options.results) == common.RESULTS:
        cost_report.write(record)
    print(cost_report.summary(record))
    print(f"{time.monotonic() - begun:.0f} s; written to {stored}, docs/scaling.md and docs/scaling.svg")


if __name__ == "__main__":
    common.run("bench/cost_model.py", main)
