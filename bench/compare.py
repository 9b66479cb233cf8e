"""Measures Convoy against PyTorch: the same models, batches, data and optimizer, on this machine, in one run.

Contestants, all with SGD (momentum 0.9) and cross-entropy on MNIST held in memory as float32:
  Convoy               2 replica threads, 2 lanes: what two processes of DistributedDataParallel compute
  Convoy, 2 processes  2 workers with a replica each, as `convoy launch` starts them; shared memory between them
  Convoy, lanes: 8     2 replica threads with a finer cut of the batch, which is what `lanes` costs
  Convoy, 1 replica    one thread
  PyTorch, 1 process   on both cores
  PyTorch DDP          2 processes, gloo
PyTorch is PyPI's of the version of Convoy's libtorch. Its settings (threads, malloc, foreach and fused optimizers, channels-last,
torch.compile, DDP's static graph, bucket views and sizes) are the best that `--tune` found for each case (bench/settings.json).

Each measurement is a new process, or two: untimed warm-up, then the timed steps. The contestants take turns within each
repetition, so that a machine that drifts does so for all. Memory is the proportional set size (PSS: shared pages are
counted once) summed over the contestant's processes, a launcher included, its highest sample from start to end.
Results are written after every measurement; with --missing, what --out has already is kept: it can be measured in pieces.
"""

import itertools
import json
import os
import time

import common
import torch_settings

CASES = [("mlp", 64), ("mlp", 512), ("cnn", 64), ("cnn", 256)]
CONVOY = {
    "convoy": {"replicas": 2, "lanes": 2},
    "convoy, 2 processes": {"replicas": 1, "lanes": 2, "workers": 2},
    "convoy, lanes: 8": {"replicas": 2, "lanes": 8},
    "convoy, 1 replica": {"replicas": 1, "lanes": 2},
}
TORCH = torch_settings.CONTESTANTS
CONTESTANTS = ["convoy", "convoy, 2 processes", *TORCH, "convoy, lanes: 8", "convoy, 1 replica"]


def case_name(model, batch):
    return f"{model} {batch}"


def measure(data, cases, contestants, repetitions, seconds, runs, store):
    """Adds to `runs`, by case and contestant, what there are less than so many repetitions of; stores them after each."""
    for (model, batch), repetition, name in itertools.product(cases, range(repetitions), contestants):
        case = case_name(model, batch)
        own = runs.setdefault(case, {}).setdefault(name, [])
        if len(own) > repetition:
            continue
        load = os.getloadavg()[0]
        if name in CONVOY:
            result = common.measure_convoy(data, model, batch, **CONVOY[name], seconds=seconds)
        else:
            best = torch_settings.best(case, name)
            result = torch_settings.measure(data, model, batch, TORCH[name], best, seconds)
        result["load_average_before"] = load
        own.append(result)
        store(runs)
        speed, memory = result["samples_per_second"], result["peak_bytes"] / 2**20
        print(
            f"{case:8} {repetition + 1}/{repetitions} {name:20} {speed:10,.0f} samples/s "
            f"{memory:6.0f} MiB  loss {result['loss']:.4f}",
            flush=True,
        )
    return runs


def ratio(own, other, key):
    return f"{common.middle(own, key) / common.middle(other, key):.2f}" if other else ""


def readable(name):
    for short, long in (("mlp", "MLP,"), ("cnn", "CNN,"), ("convoy", "Convoy")):
        name = name.replace(short, long)
    return name


def summary_table(runs):
    """The best of each: who wins, by how much."""
    shown = CONTESTANTS[:4]
    heads = ["Convoy, 2 threads", *(readable(name) for name in shown[1:])]
    lines = [
        f"| model, global batch | {' | '.join(heads)} | best Convoy / best PyTorch | best Convoy / DDP |",
        "| --- |" + " --: |" * (len(heads) + 2),
    ]
    for case, contestants in runs.items():
        if not set(shown) <= contestants.keys():
            continue
        speeds = [common.middle(contestants[name], "samples_per_second") for name in shown]
        own = max(speeds[:2])
        cells = " | ".join(f"{speed:,.0f}" for speed in speeds)
        lines.append(f"| {readable(case)} | {cells} | {own / max(speeds[2:]):.2f} | {own / speeds[3]:.2f} |")
    return "\n".join(lines)


def table(runs):
    """The whole comparison."""
    lines = [
        "| model, global batch | contestant | samples/s, median (min - max) | against 1 process | against DDP "
        "| peak memory, MiB | against DDP |",
        "| --- | --- | --: | --: | --: | --: | --: |",
    ]
    for case, contestants in runs.items():
        for name in sorted(contestants, key=CONTESTANTS.index):
            own = contestants[name]
            lines.append(
                f"| {readable(case)} | {readable(name)} | {common.spread([run['samples_per_second'] for run in own])} "
                f"| {ratio(own, contestants.get('PyTorch, 1 process'), 'samples_per_second')} "
                f"| {ratio(own, contestants.get('PyTorch DDP'), 'samples_per_second')} "
                f"| {common.middle(own, 'peak_bytes') / 2**20:,.0f} "
                f"| {ratio(own, contestants.get('PyTorch DDP'), 'peak_bytes')} |"
            )
    return "\n".join(lines)


def lanes_table(runs):
    lines = [
        "| model, global batch | `lanes: 2`, samples/s | `lanes: 8`, samples/s | cost |",
        "| --- | --: | --: | --: |",
    ]
    for case, contestants in runs.items():
        if {"convoy", "convoy, lanes: 8"} <= contestants.keys():
            two = common.middle(contestants["convoy"], "samples_per_second")
            eight = common.middle(contestants["convoy, lanes: 8"], "samples_per_second")
            lines.append(f"| {readable(case)} | {two:,.0f} | {eight:,.0f} | {100 * (1 - eight / two):.0f} % |")
    return "\n".join(lines)


def settings_table(runs, settings):
    lines = ["| model, global batch | contestant | best settings |", "| --- | --- | --- |"]
    for case, (name, processes) in itertools.product(runs, TORCH.items()):
        words = torch_settings.in_words(processes, torch_settings.best(case, name))
        searched = name in settings.get(case, {})
        lines.append(f"| {readable(case)} | {name} | {words}{'' if searched else ' (found with the other batch)'} |")
    return "\n".join(lines)


def write_results(runs, folder, seconds, about):
    settings = torch_settings.load()
    repetitions = min(len(own) for contestants in runs.values() for own in contestants.values())
    text = f"""# Convoy against PyTorch

{common.about_machine(about)}

Samples a second, medians of {repetitions} repetitions, contestants taking turns, at least {seconds:g} s of timed steps each:

{summary_table(runs)}

MNIST in memory as float32, SGD with momentum 0.9, cross-entropy. MLP: {common.MODELS['mlp']}. CNN: {common.MODELS['cnn']}.
Convoy with `lanes: 2`, which computes what 2 processes of DDP compute; "2 processes" are workers as `convoy launch` starts
them, of one replica each, that exchange through shared memory. PyTorch with the best settings that were found for each row (below).

## All contestants

Convoy with 2 replica threads and `lanes: 2` unless said. Memory: PSS summed over processes, the highest sample of the whole run; the
data set is 188 MB of it, once for each process that holds it.

{table(runs)}

## What `lanes: 8` costs against `lanes: 2`, with 2 replicas

{lanes_table(runs)}

## PyTorch's settings

The best that `bench/compare --tune` found, one setting after the other; threads are those of each process. Always: batches by
`index_select` on the tensor in memory, `zero_grad(set_to_none=True)`. Tried: 1 and 2 threads;
{', '.join(torch_settings.MALLOC)}; a loop over the parameters, foreach and fused in the optimizer; channels-last (CNN);
`torch.compile` of the model with the loss, and of the optimizer's step too; `OMP_WAIT_POLICY=active` (1 process); static graph,
bucket views, buckets of 25, 4 and 1 MB (DDP).

{settings_table(runs, settings)}
"""
    common.write_pair(folder, "compare", {"environment": about, "settings": settings, "runs": runs}, text)


def part_of_readme(runs, about):
    pairs = [contestants for contestants in runs.values() if {"convoy", "convoy, 2 processes", "PyTorch DDP"} <= contestants.keys()]
    memory = []
    for name in ("convoy", "convoy, 2 processes"):
        parts = [common.middle(own[name], "peak_bytes") / common.middle(own["PyTorch DDP"], "peak_bytes") for own in pairs]
        memory.append(f"{min(parts):.2f} to {max(parts):.2f}" if parts else "-")
    return f"""Measured on {about['cpu']}, {about['cores']} cores ([all numbers, settings and spreads](bench/results/compare.md)). SGD with momentum on MNIST in
memory; Convoy with `lanes: 2`, which computes what 2 processes of DDP compute, as 2 replica threads and as 2 processes over shared memory;
PyTorch {about['peers'].get('torch', '')} from PyPI with the best settings that were found for each row: threads, malloc, optimizer, channels-last,
`torch.compile`, DDP's options. Samples a second:

{summary_table(runs)}

2 threads need {memory[0]} of DDP's memory, 2 processes {memory[1]}: each process holds the data set here. More lanes let more replicas
share a job, but make each lane's part of the batch smaller; what that costs is in the same results."""


def load_runs(folder):
    try:
        with open(os.path.join(folder, "compare.json")) as file:
            return json.load(file)["runs"]
    except FileNotFoundError:
        return {}


def main():
    parser = common.options_parser("bench/compare", __doc__, repetitions=5, data=True)
    parser.add_argument("--tune", action="store_true", help="find PyTorch's best settings and store them; some 15 minutes")
    parser.add_argument("--only", nargs="+", help="with --tune: only these settings, from what is stored, e.g. channels-last")
    parser.add_argument("--cases", nargs="+", help='e.g. "mlp 64" "cnn 256"; default: all')
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=CONTESTANTS)
    parser.add_argument("--seconds", type=float, default=3, help="timed steps of each measurement")
    parser.add_argument("--missing", action="store_true", help="measure only what --out does not have yet")
    options = parser.parse_args()
    cases = [case for case in CASES if not options.cases or case_name(*case) in options.cases]
    if not cases:
        parser.error(f"--cases: choose among {', '.join(repr(case_name(*case)) for case in CASES)}")
    data = common.mnist_folder(options)
    begun = time.monotonic()
    if options.tune:
        for (model, batch), name in itertools.product(cases, [name for name in options.contestants if name in TORCH]):
            torch_settings.tune(data, case_name(model, batch), model, batch, name, options.seconds, options.only)
        return
    before = load_runs(options.out) if options.missing else {}
    about = common.environment("bench/compare")
    runs = measure(
        data, cases, options.contestants, options.repetitions, options.seconds, before,
        lambda runs: write_results(runs, options.out, options.seconds, about),
    )  # fmt: skip
    common.write_part("bench/compare", "README.md", part_of_readme(runs, about), options.out)
    print("\n" + table(runs) + "\n\n" + lanes_table(runs) + "\n\n" + summary_table(runs))
    print(f"\n{time.monotonic() - begun:.0f} s; written to {options.out}")


if __name__ == "__main__":
    common.run("bench/compare", main)
