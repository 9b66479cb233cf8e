"""Measures what checkpoints cost training: one every 5 steps against none, for Convoy and for PyTorch, in one run.

MNIST, global batch 64, AdamW, so that a checkpoint holds three numbers a parameter. Two models: the CNN (32 and 64 channels,
then 128-10; 5 MB a checkpoint) and an MLP (784-2048-2048-10; 70 MB).
  Convoy   one process with 2 replica threads. A checkpoint is copied in memory; another thread writes, syncs and renames it. One
           that cannot begin before the next is due is superseded by that one.
  PyTorch  one process, set as bench/compare found best for the CNN; torch.save of module and optimizer into a file, then a rename, as the loop of PyTorch's
           manual. Nothing is synced. Or torch.distributed.checkpoint.async_save, which copies the state and writes it in another
           thread; training waits for the one before, if that is not written yet.
A step lasts from the end of the one before to its own end, checkpoints included; the first 20 are left out. The stall is the
time for which training waits for a checkpoint: for the copy, or for torch.save. What the thread that writes takes from the
cores shows in steps a second.
"""

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time

import common
import recovery
import torch_settings

EVERY = 5
WARM_UP = 20
MODELS = {
    "cnn": {"convoy": recovery.MODELS["cnn"], "words": "CNN", "steps": 250},
    "wide": {"convoy": "{kind: mlp, hidden: [2048, 2048]}", "words": "MLP 784-2048-2048-10", "steps": 250},
}


def facts(ends, stalls):
    """Of the moments at which the steps ended."""
    lengths = [after - before for before, after in itertools.pairwise(ends[WARM_UP:])]
    return {
        "steps_per_second": len(lengths) / sum(lengths),
        "median_step_seconds": statistics.median(lengths),
        "longest_step_seconds": max(lengths),
        "median_stall_seconds": statistics.median(stalls) if stalls else 0,
        "longest_stall_seconds": max(stalls, default=0),
        "checkpoints_written": len(stalls),
    }


def run_convoy(data, folder, model, every):
    steps = MODELS[model]["steps"]
    out = os.path.join(folder, "run")
    command = [common.CONVOY, "train", recovery.job_file(folder, "cnn", data, steps), "--replicas", "2", "--out", out]
    command += ["--overwrite", "--set", f"model={MODELS[model]['convoy']}", "--set", "train.lanes=2"]
    command += ["--set", f"train.checkpoint.every={every}"]
    common.call(command)
    with open(os.path.join(out, "metrics.jsonl")) as file:
        events = [json.loads(line) for line in file]
    # The last checkpoint, at the end of the run, is waited for by both.
    stalls = [event["stall_seconds"] for event in events if event["event"] == "checkpoint" and event["step"] < steps]
    return facts([event["time"] for event in events if event["event"] == "step"], stalls)


def run_torch(data, folder, model, every, saving="save"):
    words = ["--torch", model, "--saving", saving, "--data", data, "--folder", folder, "--every", every]
    settings = torch_settings.best(f"cnn {recovery.BATCH}", "PyTorch, 1 process")
    environment = torch_settings.environment(1, settings)
    return json.loads(common.call(common.torch_command("checkpoint_stall.py", *words), environment))


def run_torch_async(data, folder, model, every):
    return run_torch(data, folder, model, every, "async_save")


def torch_saver(options):
    """Saves a state, and waits as a loop of training has to: for the file, or until the one before is written."""
    import torch
    import torch.distributed.checkpoint as distributed_checkpoint

    checkpoint = os.path.join(options.folder, "checkpoint.pt")
    under_way = []

    def save(state):
        torch.save(state, checkpoint + ".new")
        os.replace(checkpoint + ".new", checkpoint)

    def async_save(state):
        if under_way:
            under_way.pop().result()
        folder = os.path.join(options.folder, f"checkpoint-{state['step'] % 2}")
        under_way.append(distributed_checkpoint.async_save(state, checkpoint_id=folder))

    return save if options.saving == "save" else async_save


def torch_loop(options):
    """The process that run_torch starts."""
    import torch
    import torch.nn.functional as functional
    from torch import nn

    import torch_step

    torch.manual_seed(1)
    if options.torch == "cnn":
        module = torch_step.make_model("cnn")
    else:
        sizes = [784, 2048, 2048, 10]
        layers = [nn.Linear(before, after) for before, after in itertools.pairwise(sizes)]
        module = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    images, labels = torch_step.load(options.data, "cnn" if options.torch == "cnn" else "mlp", channels_last=False)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.001, fused=True)
    order = torch_step.batches(len(images), recovery.BATCH, 0, 1)
    save = torch_saver(options)
    ends, stalls, steps = [], [], MODELS[options.torch]["steps"]
    for step in range(1, steps + 1):
        samples = next(order)
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(module(images.index_select(0, samples)), labels.index_select(0, samples)).backward()
        optimizer.step()
        if step % options.every == 0 and step < steps:
            begin = time.time()
            save({"module": module.state_dict(), "optimizer": optimizer.state_dict(), "step": step})
            stalls.append(time.time() - begin)
        ends.append(time.time())
    print(json.dumps(facts(ends, stalls)))


CONTESTANTS = {"Convoy": run_convoy, "PyTorch, torch.save": run_torch, "PyTorch, async_save": run_torch_async}


def measure(data, repetitions):
    runs = {model: {name: {"none": [], "every": []} for name in CONTESTANTS} for model in MODELS}
    for repetition, model, name in itertools.product(range(repetitions), MODELS, CONTESTANTS):
        for when in ("none", "every") if repetition % 2 == 0 else ("every", "none"):
            # Beside the repository: the temporary directory may be in memory.
            with tempfile.TemporaryDirectory(dir=os.path.join(common.ROOT, "build")) as folder:
                run = CONTESTANTS[name](data, folder, model, EVERY if when == "every" else 1_000_000)
            runs[model][name][when].append(run)
            print(
                f"{repetition + 1}/{repetitions} {model:4} {name:19} checkpoints {when:5}: {run['steps_per_second']:.1f} steps/s, "
                f"longest step {1000 * run['longest_step_seconds']:.1f} ms, {run['checkpoints_written']} written",
                flush=True,
            )
    return runs


def table(runs):
    lines = [
        "| model | | steps/s without | with checkpoints | they cost | stall, ms: median (longest) | longest step without, ms | with, ms | "
        "written |",
        "| --- | --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for model, contestants in runs.items():
        for name, own in contestants.items():
            without, with_them = (common.middle(own[when], "steps_per_second") for when in ("none", "every"))
            longest = [1000 * common.middle(own[when], "longest_step_seconds") for when in ("none", "every")]
            stalls = [1000 * common.middle(own["every"], f"{which}_stall_seconds") for which in ("median", "longest")]
            written = common.middle(own["every"], "checkpoints_written")
            due = (MODELS[model]["steps"] - 1) // EVERY
            lines.append(
                f"| {MODELS[model]['words']} | {name} | {without:.1f} | {with_them:.1f} | {100 * (1 - with_them / without):.1f} % | "
                f"{stalls[0]:.1f} ({stalls[1]:.1f}) | {longest[0]:.1f} | {longest[1]:.1f} | {written:.0f} of {due} |"
            )
    return "\n".join(lines)


def write_results(runs, folder, repetitions, loads):
    about = common.environment("bench/checkpoint_stall")
    text = f"""# What checkpoints cost

{common.about_machine(about)}
Load average before and after: {loads[0]:.1f}, {loads[1]:.1f}.

MNIST, global batch {recovery.BATCH}, AdamW, a checkpoint (weights and both moments) every {EVERY} steps against none; medians of {repetitions} runs,
the contestants taking turns. Convoy: one process, 2 replica threads, checkpoints written, synced and renamed by another thread. PyTorch: one
process, `torch.save` and a rename, or `torch.distributed.checkpoint.async_save`; nothing synced. A step lasts from the end of the one before to its own, checkpoints included.
The stall is the time for which training waits: for a copy in memory, for `torch.save`, or for the asynchronous one before. Convoy gives a checkpoint up that could not begin before
the next one was due; what was written is in the last column.

{table(runs)}
"""
    facts = {"environment": about, "load_average": loads, "runs": runs}
    common.write_pair(folder, "checkpoint_stall", facts, text)
    print("\n" + table(runs))


def main():
    parser = common.options_parser("bench/checkpoint_stall", __doc__, repetitions=5, data=True)
    parser.add_argument("--torch", choices=list(MODELS), help=argparse.SUPPRESS)
    parser.add_argument("--saving", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--every", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.torch:
        torch_loop(options)
        return
    data = common.mnist_folder(options)
    load = os.getloadavg()[0]
    runs = measure(data, options.repetitions)
    write_results(runs, options.out, options.repetitions, (load, os.getloadavg()[0]))


if __name__ == "__main__":
    common.run("bench/checkpoint_stall", main)
