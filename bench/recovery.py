"""Measures what a lost worker costs, and what being ready for it costs, on this machine, in one run.

Recovery: a job of 2 workers, MNIST, the CNN (32 and 64 channels, then 128-10), global batch 64, AdamW. One of the two is
killed (SIGKILL) in the middle of training; the worker that writes the log and the other one take turns.
  Convoy    `convoy launch --workers 1:2`; a step is committed when it is in metrics.jsonl (report.every: 1)
  torchrun  `python3 -m torch.distributed.run --nproc_per_node 2 --max_restarts 3`: the same model and
            batch in DistributedDataParallel over gloo, a checkpoint every 50 steps. The monitor interval is what it has by itself.
            TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1, or restarts fail: see STALE_STORE.
  torchft   a lighthouse and 2 replica groups of a process each, torchft's DistributedDataParallel (with a hook of ours in place of
            one that a death breaks: see torch_ft.py) and Optimizer over gloo. The lighthouse gives a replica up after 1 s without a
            heartbeat (by itself: 5 s). The survivor's batch is half of the job's.
  next step      from the kill until a step is told, be it one that was told before
  next new step  from the kill until a step is told that was not told before
  told again     steps between the two. torchrun does them again, from the checkpoint. Of Convoy it is one at most: that
                 of which the survivors cannot know whether the worker that wrote the log had told it.

Overhead: `convoy launch --workers 2` against `--workers 1:2` without failures, samples a second of the steps from
summary.json, the two taking turns, in the other order every second time.
"""

import itertools
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import common
import torch_settings

CHECKPOINT_EVERY = 50
BATCH = 64
MODELS = {
    "cnn": "{kind: cnn, channels: [32, 64], kernel: 3, pool: 2, hidden: [128]}",
    "mlp": "{kind: mlp, hidden: [512, 512]}",
}
# Why torchrun's workers would not always meet again after a restart, and what its authors advise.
STALE_STORE = """torchrun keeps one store for all its restarts (dynamic_rendezvous.py:1209 of 2.13.0; rendezvous.py:189 expects a new one each time), so that a
worker which is ready first reads where the dead one listened, and the start fails or waits
([pytorch 135712](https://github.com/pytorch/pytorch/issues/135712)): it runs with the way out given there, `TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1`."""
TORCHFT_HOOK = """torchft's DistributedDataParallel ends the survivor of an all-reduce in which the other one died (`assert fut._fut`, ddp.py:76 of 0.2.0: manager.py
has kept the error, and made no future): it has a hook here that calls `Manager.allreduce` and nothing else."""
TORCHFT = "its DistributedDataParallel over gloo, a lighthouse that gives a replica up after 1 s (by itself: 5 s)"
STEPS = {"cnn": 250, "mlp": 900}  # of a run without failures


def job_file(folder, model, data, steps):
    path = os.path.join(folder, "job.yaml")
    with open(path, "w") as file:
        file.write(
            f"""name: recovery
seed: 1
data:
  format: idx
  train: {{features: {data}/train-images-idx3-ubyte, labels: {data}/train-labels-idx1-ubyte}}
preprocess: [{{scale: 255}}, {{standardise: {{per: all}}}}]
model: {MODELS[model]}
loss: cross_entropy
train:
  steps: {steps}
  batch: {BATCH}
  lanes: 8
  optimizer: {{kind: adamw, rate: 0.001}}
  checkpoint: {{every: {max(CHECKPOINT_EVERY, steps)}}}
evaluate: {{every: 1000000}}
report: {{every: 1, html: false}}
"""
        )
    return path


def events(path):
    """The whole lines of a log so far."""
    try:
        with open(path) as file:
            lines = file.read().split("\n")[:-1]
    except FileNotFoundError:
        return []
    return [event for event in map(json.loads, lines) if event["event"] == "step"]


def await_step(process, path, done, what, patience=60):
    """The log's steps as soon as `done` of them holds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        steps = events(path)
        if done(steps):
            return steps
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise common.Failed(f"{what} did not come to the step that was waited for")


def workers_of(process):
    """Rank by rank; a launcher's other children, such as the rendezvous, don't train."""

    def trains(child):
        with open(f"/proc/{child}/cmdline") as file:
            words = file.read().split("\0")
        return "train" in words or any(word.endswith(("torch_elastic.py", "torch_ft.py")) for word in words)

    return [child for child in common.children(process) if trains(child)]


def kill_one(command, environment, log, victim, at_step):
    """Starts a job, kills its worker `victim` after the step, and says what that cost."""
    said = tempfile.TemporaryFile(mode="w+", errors="replace")
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=said, stderr=said)
    try:
        await_step(process, log, lambda steps: steps and steps[-1]["step"] >= at_step, command[0])
        os.kill(workers_of(process.pid)[victim], signal.SIGKILL)
        killed = time.time()
        # A worker that has begun to die may still have written a line that was under way.
        before = [step for step in events(log) if step["time"] <= killed]
        last = max(step["step"] for step in before)
        steps = await_step(
            process, log, lambda steps: any(step["step"] > last for step in steps if step["time"] > killed), command[0]
        )
        after = [step for step in steps if step["time"] > killed]
        new = next(step for step in after if step["step"] > last)
        return {
            "next_step_seconds": after[0]["time"] - killed,
            "next_new_step_seconds": new["time"] - killed,
            "told_again": sum(1 for step in after[: after.index(new)] if step["step"] <= last),
            "killed_after_step": last,
            "victim": victim,
        }
    except common.Failed as failure:
        said.seek(0)
        raise common.Failed(f"{failure}; it said last:\n" + "".join(said.readlines()[-15:])) from None
    finally:
        end(process)
        said.close()


def end(process):
    """The launcher and what it started."""
    started = common.children(process.pid) if process.poll() is None else []
    process.kill()
    process.wait()
    for child in started:
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            pass


def recover_convoy(data, victim, at_step):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "run")
        command = [common.CONVOY, "launch", "--workers", "1:2", "--", "train", job_file(folder, "cnn", data, 100000)]
        command += ["--replicas", "1", "--out", out]
        return kill_one(command, {}, os.path.join(out, "metrics.jsonl"), victim, at_step)


def recover_torch(data, victim, at_step):
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
        command += ["--max_restarts", "3", os.path.join(common.ROOT, "bench/torch_elastic.py"), "--data", data, "--folder", folder]
        command += ["--batch", str(BATCH), "--checkpoint-every", str(CHECKPOINT_EVERY)]
        environment = torch_environment() | {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
        return kill_one(command, environment, os.path.join(folder, "steps.jsonl"), victim, at_step)


def recover_torchft(data, victim, at_step):
    with tempfile.TemporaryDirectory() as folder:
        command = common.torch_command("torch_ft.py", "--data", data, "--folder", folder, "--batch", BATCH)
        return kill_one(command, torch_environment(), os.path.join(folder, "steps.jsonl"), victim, at_step)


def torch_environment():
    return torch_settings.environment(2, torch_settings.best(f"cnn {BATCH}", "PyTorch DDP") | {"threads": 1})


def recover_or_none(name, recover, data, victim, at_step):
    """Nothing where a peer does not recover, which the results say; Convoy has to."""
    try:
        return recover(data, victim, at_step)
    except common.Failed as failure:
        if name == "Convoy":
            raise
        print(f"recovery: {name} did not recover: {failure}", flush=True)
        return None


def measure_recovery(data, repetitions):
    contestants = {"Convoy": recover_convoy, "torchrun": recover_torch}
    if "torchft" in common.peer_versions():
        contestants["torchft"] = recover_torchft
    runs = {name: [] for name in contestants}
    chance = random.Random(1)
    for repetition in range(repetitions):
        at_step = chance.randrange(2 * CHECKPOINT_EVERY, 3 * CHECKPOINT_EVERY)
        for name, recover in contestants.items():
            run = recover_or_none(name, recover, data, repetition % 2, at_step)
            runs[name].append(run)
            if run is None:
                continue
            print(
                f"recovery {repetition + 1}/{repetitions} {name:9} killed after step {run['killed_after_step']:4}: "
                f"next step {run['next_step_seconds']:.3f} s, next new step {run['next_new_step_seconds']:.3f} s, "
                f"{run['told_again']} told again",
                flush=True,
            )
    return runs


def run_whole(data, model, workers):
    """Samples a second of a run without failures."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "run")
        command = [common.CONVOY, "launch", "--workers", workers, "--", "train"]
        command += [job_file(folder, model, data, STEPS[model]), "--replicas", "1", "--out", out]
        command += ["--set", "report.every=100"]
        common.call(command)
        with open(os.path.join(out, "summary.json")) as file:
            summary = json.load(file)
        return {"samples_per_second": summary["samples_per_second"], "weights_sha256": summary["weights_sha256"]}


def measure_overhead(data, repetitions):
    runs = {model: {"2": [], "1:2": []} for model in MODELS}
    for repetition, model in itertools.product(range(repetitions), MODELS):
        for workers in ("2", "1:2") if repetition % 2 == 0 else ("1:2", "2"):
            run = run_whole(data, model, workers)
            runs[model][workers].append(run)
            print(
                f"overhead {repetition + 1}/{repetitions} {model} --workers {workers:3} "
                f"{run['samples_per_second']:9,.0f} samples/s",
                flush=True,
            )
        if runs[model]["2"][-1]["weights_sha256"] != runs[model]["1:2"][-1]["weights_sha256"]:
            sys.exit("bench/recovery: the two ended with other weights")
    return runs


def recovery_table(runs):
    lines = [
        "| | next step, s: median (worst) | next new step, s: median (worst) | steps told again: median (worst) |",
        "| --- | --: | --: | --: |",
    ]
    for name, own in runs.items():
        cells = []
        for key, form in (("next_step_seconds", ".2f"), ("next_new_step_seconds", ".2f"), ("told_again", ".0f")):
            values = [run[key] for run in own if run]
            cells.append("none" if not values else f"{statistics.median(values):{form}} ({max(values):{form}})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def failures_text(runs):
    told = [f"{name} in {own.count(None)} of {len(own)} repetitions" for name, own in runs.items() if None in own]
    return f"Ended, or had no next step within 60 s, and not in the medians: {', '.join(told)}." if told else "All recovered each time."


def overhead_table(runs):
    lines = [
        "| model, global batch 64 | `--workers 2`, samples/s: median (min - max) | `--workers 1:2` | elastic costs |",
        "| --- | --: | --: | --: |",
    ]
    for model, own in runs.items():
        cells = []
        for workers in ("2", "1:2"):
            cells.append(common.spread([run["samples_per_second"] for run in own[workers]]))
        cost = 100 * (1 - common.middle(own["1:2"], "samples_per_second") / common.middle(own["2"], "samples_per_second"))
        lines.append(f"| {model.upper()} | {cells[0]} | {cells[1]} | {cost:.1f} % |")
    return "\n".join(lines)


def write_results(recovery, overhead, folder, repetitions, loads):
    about = common.environment("bench/recovery")
    text = f"""# What a lost worker costs

{common.about_machine(about)}
Load average before and after: {loads[0]:.1f}, {loads[1]:.1f}.

A job of 2 workers on one host: MNIST, the CNN with 32 and 64 channels and a layer of 128, global batch {BATCH}, AdamW. One of the
two workers is killed with SIGKILL between steps 100 and 150, the one that writes the log and the other one taking turns.
{repetitions} repetitions, the contestants taking turns. Convoy: `--workers 1:2`; torchrun: DistributedDataParallel over gloo, a checkpoint
every {CHECKPOINT_EVERY} steps; torchft: {TORCHFT if "torchft" in recovery else "not measured, it could not be installed here"}. "Next step" is the time from the kill until the log
tells a step at all, "next new step" until it tells one that it had not told before. The steps between the two torchrun does again; Convoy's
survivor only tells the last one once more, if it took the log over.

{STALE_STORE}
{TORCHFT_HOOK if "torchft" in recovery else ""}

{recovery_table(recovery)}

{failures_text(recovery)}
Convoy's survivor goes on alone; a new worker joins it later, while it trains. torchrun starts both workers again, from the last checkpoint.
torchft's survivor goes on alone as well, with its own half of the batch: the step in which the other one died is given up.

# What being elastic costs without failures

The same two workers as a fixed group and as an elastic job, {repetitions} runs each, taking turns; both end with the same weights. In both
each worker updates a part of the weights; an elastic job's optimizer state is in memory that they share, so that any one of them can go on.

{overhead_table(overhead)}
"""
    facts = {"environment": about, "load_average": loads, "recovery": recovery, "overhead": overhead}
    common.write_pair(folder, "recovery", facts, text)
    part = f"""Killed with SIGKILL, 2 workers on {about['cores']} cores ([how, and what being elastic costs without failures](../bench/results/recovery.md)):

{recovery_table(recovery)}"""
    common.write_part("bench/recovery", "docs/elastic.md", part, folder)
    print("\n" + recovery_table(recovery) + "\n\n" + overhead_table(overhead))


def main():
    options = common.options_parser("bench/recovery", __doc__, repetitions=5, data=True).parse_args()
    data = common.mnist_folder(options)
    begun = time.monotonic()
    load = os.getloadavg()[0]
    recovery = measure_recovery(data, options.repetitions)
    overhead = measure_overhead(data, options.repetitions)
    write_results(recovery, overhead, options.out, options.repetitions, (load, os.getloadavg()[0]))
    print(f"\n{time.monotonic() - begun:.0f} s; written to {options.out}")


if __name__ == "__main__":
    common.run("bench/recovery", main)
