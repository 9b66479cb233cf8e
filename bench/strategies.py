"""Measures the strategies beside each other: what accuracy they reach, how soon, and with how many bytes.

Tasks: mlp and cnn (MNIST) and recommender (examples/recommender), each short. Contestants: synchronous, plain and with each
compressor; the parameter server with each consistency and compensation; local SGD, the same with DiLoCo's outer optimizer,
elastic averaging, gossip. All of a task see as many samples; workers are processes of one replica. They run on this host as
`convoy launch` starts them (shared memory; one server), and on hosts whose links are limited to 100 Mbit/s (network
namespaces, one a worker, and a parameter server beside each worker; needs root). The first of --seeds is measured
everywhere, the others with the most workers on this host. On limited links a run ends when it has reached the target.

Time to the target is that of the training steps until the first evaluation of the validation split at or above the target.
Evaluations are not in it, but for those before with ssp and async servers, where others train on while worker 0 evaluates.
The learning rate of each contestant is the one of FACTORS times the task's that ended with the highest validation accuracy
with 4 workers and a seed that is measured with nowhere else (--tune, which writes bench/strategies.json).

Results are added to those in --out after every measurement; --missing measures only what is not there yet.
"""

import argparse
import itertools
import json
import os
import time

import common
import strategy_contestants as contestants
import strategy_report
import strategy_run

FACTORS = (0.25, 0.5, 1, 2)
TUNE_SEED, TUNE_WORKERS = 100, 4
LINKS = {"here": 0, "100": 100}  # Mbit/s


def key_of(run):
    return [run[name] for name in ("task", "contestant", "workers", "mbit", "seed")]


def plan_of(options):
    """(task, contestant, workers, mbit, seed) in the order of measurement: contestants take turns. Further seeds are for the
    most workers on this host alone."""
    everything = itertools.product(options.seeds, options.links, options.tasks, options.workers, options.contestants)
    return [
        (task, contestant, workers, LINKS[link], seed)
        for seed, link, task, workers, contestant in everything
        if seed == options.seeds[0] or (link == "here" and workers == max(options.workers))
    ]


def load(folder):
    try:
        with open(os.path.join(folder, "strategies.json")) as file:
            return json.load(file)["runs"]
    except FileNotFoundError:
        return []


def tell(run, left):
    what = f"{run['task']:12}{run['contestant']:27}{run['workers']} workers, "
    what += f"{run['mbit']} Mbit/s" if run["mbit"] else "this host "
    if "error" in run:
        result = f"FAILED: {run['error']}"
    else:
        steps, seconds, sent = strategy_report.to_target(run) or (None, None, None)
        result = f"target in {seconds:.2f} s, {steps} steps" if steps else "target not reached"
        if "final" in run:
            result += f", {sent / 1e6:.1f} MB" if steps else ""
            result += f", test accuracy {run['final']:.4f}"
    print(f"{what} seed {run['seed']}: {result} ({run['wall_seconds']:.0f} s; {left} left)", flush=True)


def measure(options):
    """All runs, the earlier ones in --out included."""
    runs = load(options.out)
    plan = plan_of(options)
    if options.missing:
        there = [key_of(run) for run in runs if "error" not in run]
        plan = [one for one in plan if list(one) not in there]
    deadline = time.monotonic() + options.budget
    about = common.environment("bench/strategies")
    for number, one in enumerate(plan):
        if time.monotonic() > deadline:
            print(f"--budget is used up; {len(plan) - number} measurements are left (--missing)")
            break
        run = strategy_run.measure(*one, contestants.rate_of(one[0], one[1]))
        run["version"] = about["convoy"]
        runs = [other for other in runs if key_of(other) != key_of(run)] + [run]
        tell(run, len(plan) - number - 1)
        strategy_report.write(about, runs, options.out)
    return runs


def tune(options):
    rates = contestants.tuned_rates()
    for task, contestant in itertools.product(options.tasks, options.contestants):
        if options.missing and contestant in rates.get(task, {}):
            continue
        found = []
        for factor in FACTORS:
            rate = contestants.TASKS[task]["rate"] * factor
            run = strategy_run.measure(task, contestant, TUNE_WORKERS, 0, TUNE_SEED, rate)
            accuracy = run["curve"][-1][2] if "curve" in run else 0.0
            found.append((accuracy, rate))
            print(f"{task} {contestant}, rate {rate:g}: {run.get('error', f'{accuracy:.4f}')}", flush=True)
        best = max(found)
        if best[0] > 0:
            rates.setdefault(task, {})[contestant] = best[1]
        with open(contestants.RATES, "w") as file:
            json.dump(rates, file, indent=2)
            file.write("\n")


def main():
    parser = argparse.ArgumentParser(
        prog="bench/strategies", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = list(contestants.CONTESTANTS)
    tasks = list(contestants.TASKS)
    parser.add_argument("--tasks", nargs="+", choices=tasks, default=tasks)
    parser.add_argument("--contestants", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--workers", nargs="+", type=int, choices=(2, 4), default=[2, 4])
    parser.add_argument("--links", nargs="+", choices=LINKS, default=list(LINKS), help="this host; 100 Mbit/s")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--budget", type=float, default=1e9, help="seconds after which nothing new is begun")
    parser.add_argument("--missing", action="store_true", help="measure, or tune, only what is not there yet")
    parser.add_argument("--tune", action="store_true", help="find the learning rates and store them; about half an hour")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the report of --out again")
    parser.add_argument("--out", default=common.RESULTS, help="where the results go")
    options = parser.parse_args()
    begun = time.monotonic()
    if not options.report and not os.path.exists(os.path.join(contestants.RECOMMENDER_DATA, "test-labels.npy")):
        maker = os.path.join(common.ROOT, "examples/recommender/make_data.py")
        common.call(["/usr/bin/python3", maker, contestants.RECOMMENDER_DATA])
    if options.tune:
        tune(options)
        return
    if options.report:
        with open(os.path.join(options.out, "strategies.json")) as file:
            record = json.load(file)
        strategy_report.write(record["environment"], record["runs"], options.out)
        runs = record["runs"]
    else:
        runs = measure(options)
    strategy_report.write_docs(runs, options.out)
    print(f"\n{strategy_report.when_to_use(runs)}\n\n{time.monotonic() - begun:.0f} s; written to {options.out}")


if __name__ == "__main__":
    common.run("bench/strategies", main)
