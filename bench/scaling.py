"""Measures how Convoy's speed grows with workers: processes of one replica each, on one host, that exchange through
shared memory, as `convoy launch --workers N` starts them. SGD with momentum on MNIST in memory.

  strong  one job, whatever the workers: the global batch and its lanes stay the same
  weak    each worker brings its part of the batch, in lanes of the same size

Parallel efficiency is the speed over min(workers, cores) times the speed of one worker: the cores there are, no more,
could at best do that. With more workers than cores it shows what sharing them costs. The counts of workers take turns
within each repetition, so that a machine that drifts does so for all.
"""

import itertools
import os
import time

import common

WORKERS = [1, 2, 3, 4, 6, 8]
LANES = 8
BATCHES = {"mlp": 512, "cnn": 256}  # strong scaling's, in LANES lanes
WEAK_LANES = 2  # of each worker, as large as strong scaling's lanes


def job(mode, model, workers):
    """Lanes and global batch."""
    if mode == "strong":
        return LANES, BATCHES[model]
    lanes = WEAK_LANES * workers
    return lanes, BATCHES[model] // LANES * lanes


def measure(data, repetitions, seconds):
    """All runs by (lanes, batch, model, workers): weak and strong scaling share one of them."""
    runs = {}
    wanted = {
        (*job(mode, model, workers), model, workers)
        for mode, model, workers in itertools.product(("strong", "weak"), BATCHES, WORKERS)
    }
    for repetition, key in itertools.product(range(repetitions), sorted(wanted, key=lambda key: key[::-1])):
        lanes, batch, model, workers = key
        result = common.measure_convoy(data, model, batch, 1, lanes, seconds, workers, ["--after", "0"])
        runs.setdefault(key, []).append(result)
        print(
            f"{repetition + 1}/{repetitions} {model} batch {batch:5} lanes {lanes:2} workers {workers} "
            f"{result['samples_per_second']:10,.0f} samples/s",
            flush=True,
        )
    return runs


def results(runs):
    """What is stored: one entry for each point of a curve."""
    entries = []
    for mode, model, workers in itertools.product(("strong", "weak"), BATCHES, WORKERS):
        lanes, batch = job(mode, model, workers)
        own = runs[(lanes, batch, model, workers)]
        speed = common.middle(own, "samples_per_second")
        one = common.middle(runs[(*job(mode, model, 1), model, 1)], "samples_per_second")
        entries.append(
            {
                "mode": mode,
                "model": model,
                "workers": workers,
                "lanes": lanes,
                "batch": batch,
                "samples_per_second": speed,
                "speed_up": speed / one,
                "efficiency": speed / one / min(workers, os.cpu_count()),
                "runs": own,
            }
        )
    return entries


def table(entries, mode, model):
    lines = [
        "| workers | global batch | lanes | samples/s, median (min - max) | speed-up | efficiency |",
        "| --: | --: | --: | --: | --: | --: |",
    ]
    for entry in entries:
        if (entry["mode"], entry["model"]) != (mode, model):
            continue
        lines.append(
            f"| {entry['workers']} | {entry['batch']:,} | {entry['lanes']} "
            f"| {common.spread([run['samples_per_second'] for run in entry['runs']])} "
            f"| {entry['speed_up']:.2f} | {100 * entry['efficiency']:.0f} % |"
        )
    return "\n".join(lines)


def write(entries, folder, repetitions, seconds):
    about = common.environment("bench/scaling")
    parts = [
        f"## {'Strong' if mode == 'strong' else 'Weak'} scaling, {model.upper()}\n\n{table(entries, mode, model)}"
        for mode, model in itertools.product(("strong", "weak"), BATCHES)
    ]
    text = f"""# Convoy with more workers

{common.about_machine(about)}

Workers are processes of one replica on this host, exchanging through shared memory. {repetitions} repetitions, the counts
of workers taking turns, at least {seconds:g} s of timed steps each. MNIST in memory, SGD with momentum 0.9.
MLP: {common.MODELS['mlp']}. CNN: {common.MODELS['cnn']}.

Speed-up is against 1 worker; efficiency is the speed-up over min(workers, {about['cores']} cores). Strong: the same job for
all. Weak: {WEAK_LANES} lanes and a batch of {BATCHES['mlp'] // LANES * WEAK_LANES} (MLP) or {BATCHES['cnn'] // LANES * WEAK_LANES} (CNN) for each worker, so that every lane is as large as in strong scaling.

""" + "\n\n".join(parts)
    common.write_pair(folder, "scaling", {"environment": about, "entries": entries}, text + "\n")
    print("\n" + "\n\n".join(parts))


def main():
    parser = common.options_parser("bench/scaling", __doc__, data=True)
    parser.add_argument("--seconds", type=float, default=1, help="timed steps of each measurement")
    options = parser.parse_args()
    data = common.mnist_folder(options)
    begun = time.monotonic()
    runs = measure(data, options.repetitions, options.seconds)
    write(results(runs), options.out, options.repetitions, options.seconds)
    print(f"\n{time.monotonic() - begun:.0f} s; written to {options.out}")


if __name__ == "__main__":
    common.run("bench/scaling", main)
