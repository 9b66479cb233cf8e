"""Measures Convoy against PyTorch: the same models, batches, data and optimizer, on this machine, in one run.

Contestants, all with SGD (momentum 0.9) and cross-entropy on MNIST held in memory as float32:
  Convoy               2 replica threads, 2 lanes: what two processes of DistributedDataParallel compute
  Convoy, 2 processes  2 workers with a replica each, as `convoy launch` starts them; shared memory between them
  Convoy, lanes: 8     2 replica threads with a finer cut of the batch, which is what `lanes` costs
  Convoy, 1 replica    one thread
  PyTorch, 1 process   2 threads
  PyTorch DDP          2 processes, gloo
PyTorch's thread counts and options are the best that `--tune` found for each case (bench/settings.json).

Each measurement is a new process, or two: untimed warm-up, then the timed steps. The contestants take turns within each
repetition, so that a machine that drifts does so for all. Memory is the proportional set size (PSS: shared pages are
counted once) summed over the contestant's processes, a launcher included, its highest sample from start to end.
"""

import argparse
import datetime
import functools
import itertools
import json
import operator
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM = os.path.join(ROOT, "build/release/bench/convoy_bench_train")
SETTINGS = os.path.join(ROOT, "bench/settings.json")
CASES = [("mlp", 64), ("mlp", 512), ("cnn", 64), ("cnn", 256)]
MODELS = {
    "mlp": "784-512-512-10, ReLU",
    "cnn": "twice (3×3 convolution, ReLU, 2×2 max-pooling) with 32 and 64 channels, then 128-10",
}
CONVOY = {
    "convoy": {"replicas": 2, "lanes": 2},
    "convoy, 2 processes": {"replicas": 1, "lanes": 2, "workers": 2},
    "convoy, lanes: 8": {"replicas": 2, "lanes": 8},
    "convoy, 1 replica": {"replicas": 1, "lanes": 2},
}
TORCH = {"PyTorch, 1 process": 1, "PyTorch DDP": 2}
CONTESTANTS = [
    "convoy",
    "convoy, 2 processes",
    "PyTorch, 1 process",
    "PyTorch DDP",
    "convoy, lanes: 8",
    "convoy, 1 replica",
]
# What `--tune` tries. The environment's thread counts hold for each process.
THREADS = {1: [(2, 2), (2, 1), (1, 2), (1, 1)], 2: [(1, 1), (1, 2), (2, 1), (2, 2)]}
OPTIONS = {
    1: {"foreach": [0, 1], "channels-last": [0, 1]},
    2: {
        "foreach": [0, 1],
        "channels-last": [0, 1],
        "bucket-view": [1, 0],
        "static-graph": [0, 1],
        "bucket-mb": [25, 1, 4],
    },
}


class MemorySampler(threading.Thread):
    """Samples the summed PSS of some processes and their children: often, but rarely while the measured steps run."""

    def __init__(self, processes):
        super().__init__(daemon=True)
        self.processes = [process.pid for process in processes]
        self.peak = 0
        self.timing = False
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(1.0 if self.timing else 0.02):
            everybody = self.processes + [child for process in self.processes for child in self.children(process)]
            self.peak = max(self.peak, sum(self.proportional_size(process) for process in everybody))

    @staticmethod
    def children(process):
        try:
            with open(f"/proc/{process}/task/{process}/children") as file:
                return [int(child) for child in file.read().split()]
        except OSError:
            return []

    @staticmethod
    def proportional_size(process):
        try:
            with open(f"/proc/{process}/smaps_rollup") as file:
                return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):  # ended already, or not yet started
            return 0


def run_processes(commands, environment):
    """Runs one contestant's processes together; returns the first one's result with the memory of all."""
    processes = [
        subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in commands
    ]
    sampler = MemorySampler(processes)
    sampler.start()
    result, said = None, []
    for line in processes[0].stdout:
        line = line.removeprefix("[0] ")  # of a launcher: what worker 0 says
        sampler.timing = line.strip() == "timing"
        if line.startswith("{"):
            result = json.loads(line)
        said.append(line)
    said += [process.communicate()[0] for process in processes]
    sampler.ended.set()
    sampler.join()
    if result is None or any(process.returncode for process in processes):
        sys.exit(f"bench/compare: {' '.join(commands[0])} failed:\n" + "".join(said))
    result["peak_bytes"] = sampler.peak
    return result


def measure_convoy(data, model, batch, replicas, lanes, seconds, workers=1, extra=()):
    command = [PROGRAM, "--data", data, "--model", model, "--batch", batch]
    command += ["--replicas", replicas, "--lanes", lanes, "--seconds", seconds]
    if workers > 1:
        command += ["--workers", workers, "--transport", "shm"]
    command += extra
    return run_processes([[str(word) for word in command]], {})


def measure_torch(data, model, batch, processes, settings, seconds):
    environment = {
        "OMP_NUM_THREADS": str(settings["omp"]),
        "OPENBLAS_NUM_THREADS": str(settings["blas"]),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    command = ["/usr/bin/python3", os.path.join(ROOT, "bench/torch_step.py"), "--data", data, "--model", model]
    command += ["--batch", str(batch), "--seconds", str(seconds), "--intra-op", str(settings["omp"])]
    for name, value in settings["options"].items():
        command += [f"--{name}", str(value)]
    with tempfile.TemporaryDirectory() as folder:
        command += ["--world", str(processes), "--store", os.path.join(folder, "store")]
        return run_processes([[*command, "--rank", str(rank)] for rank in range(processes)], environment)


def case_name(model, batch):
    return f"{model} {batch}"


def tune(data, cases, seconds):
    """Finds PyTorch's best settings: first the threads, then one option after the other, the median of 3 deciding."""
    found = load_settings()
    for (model, batch), (contestant, processes) in itertools.product(cases, TORCH.items()):

        def speed(settings, model=model, batch=batch, contestant=contestant, processes=processes):
            runs = [measure_torch(data, model, batch, processes, settings, seconds) for _ in range(3)]
            result = statistics.median(run["samples_per_second"] for run in runs)
            print(f"{case_name(model, batch)}, {contestant}, {settings}: {result:,.0f}", flush=True)
            return result

        ranked = []
        for omp, blas in THREADS[processes]:
            settings = {"omp": omp, "blas": blas, "options": {}}
            ranked.append((speed(settings), settings))
        best = max(ranked, key=lambda item: item[0])
        for option, values in OPTIONS[processes].items():
            if option == "channels-last" and model == "mlp":
                continue
            for value in values[1:]:
                settings = {**best[1], "options": {**best[1]["options"], option: value}}
                ranked.append((speed(settings), settings))
                best = max(best, ranked[-1], key=lambda item: item[0])
        found.setdefault(case_name(model, batch), {})[contestant] = best[1]
        print(f"best: {best[1]}", flush=True)
        with open(SETTINGS, "w") as file:
            json.dump(found, file, indent=2)
            file.write("\n")


def load_settings():
    if not os.path.exists(SETTINGS):
        return {}
    with open(SETTINGS) as file:
        return json.load(file)


def measure(data, cases, contestants, repetitions, seconds):
    settings = load_settings()
    runs = {}
    for (model, batch), repetition, name in itertools.product(cases, range(repetitions), contestants):
        load = os.getloadavg()[0]
        if name in CONVOY:
            result = measure_convoy(data, model, batch, **CONVOY[name], seconds=seconds)
        else:
            own = settings[case_name(model, batch)][name]
            result = measure_torch(data, model, batch, TORCH[name], own, seconds)
        result["load_average_before"] = load
        runs.setdefault(case_name(model, batch), {}).setdefault(name, []).append(result)
        speed, memory = result["samples_per_second"], result["peak_bytes"] / 2**20
        print(
            f"{case_name(model, batch):8} {repetition + 1}/{repetitions} {name:20} {speed:10,.0f} samples/s "
            f"{memory:6.0f} MiB  loss {result['loss']:.4f}",
            flush=True,
        )
    return runs


def middle(runs, *keys):
    """The median of run[key]…[last key]."""
    return statistics.median(functools.reduce(operator.getitem, keys, run) for run in runs)


def ratio(own, other, key):
    return f"{middle(own, key) / middle(other, key):.2f}" if other else ""


def readable(name):
    for short, long in (("mlp", "MLP,"), ("cnn", "CNN,"), ("convoy", "Convoy")):
        name = name.replace(short, long)
    return name


def table(runs):
    """The comparison as Markdown."""
    lines = [
        "| model, global batch | contestant | samples/s, median (min - max) | against 1 process | against DDP "
        "| peak memory, MiB | against DDP |",
        "| --- | --- | --: | --: | --: | --: | --: |",
    ]
    for case, contestants in runs.items():
        for name in sorted(contestants, key=CONTESTANTS.index):
            own = contestants[name]
            speeds = [run["samples_per_second"] for run in own]
            lines.append(
                f"| {readable(case)} | {readable(name)} "
                f"| {statistics.median(speeds):,.0f} ({min(speeds):,.0f} - {max(speeds):,.0f}) "
                f"| {ratio(own, contestants.get('PyTorch, 1 process'), 'samples_per_second')} "
                f"| {ratio(own, contestants.get('PyTorch DDP'), 'samples_per_second')} "
                f"| {middle(own, 'peak_bytes') / 2**20:,.0f} "
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
            two = middle(contestants["convoy"], "samples_per_second")
            eight = middle(contestants["convoy, lanes: 8"], "samples_per_second")
            lines.append(f"| {readable(case)} | {two:,.0f} | {eight:,.0f} | {100 * (1 - eight / two):.0f} % |")
    return "\n".join(lines)


def first_line(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "unknown"


def environment(script="bench/compare"):
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) * 1024
    package = ["dpkg-query", "-W", "-f=${Version}"]
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "system": f"{first_line(['sh', '-c', '. /etc/os-release && echo $PRETTY_NAME'])}, Linux {'.'.join(platform.release().split('.')[:2])}",
        "convoy": first_line(["git", "-C", ROOT, "describe", "--always", "--dirty"]),
        "libtorch": first_line([*package, "libtorch1.13"]),
        "python3-torch": first_line([*package, "python3-torch"]),
        "openblas": first_line([*package, "libopenblas0-pthread"]),
        "compiler": first_line(["g++", "--version"]),
        "command": " ".join([script, *sys.argv[1:]]),
    }


def about_machine(about):
    return f"""{about['cpu']}, {about['cores']} cores, {about['memory_bytes'] / 2**30:.0f} GiB; {about['system']}; {about['date']}.
Convoy {about['convoy']}, libtorch {about['libtorch']}, python3-torch {about['python3-torch']}, OpenBLAS
{about['openblas']}, {about['compiler']}. Command: `{about['command']}`."""


def call(command, environment=None):
    """What a program prints. Ends the benchmark with what it complains of, if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})})
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def options_parser(script, about):
    """With the options that the benchmarks of data have in common."""
    parser = argparse.ArgumentParser(prog=script, description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--out", default=os.path.join(ROOT, "bench/results"), help="where the results go")
    return parser


def measure_and_write(options, measure, write_results, within=None):
    """Measures in a temporary folder, of `within` if given, and tells the load before and after."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=within) as folder:
        result = measure(options, folder)
    write_results(result, options, (load, os.getloadavg()[0]))


def write_pair(folder, name, facts, text):
    """NAME.json, what was measured, and NAME.md, what a person reads."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"{name}.json"), "w") as file:
        json.dump(facts, file, indent=1)
        file.write("\n")
    with open(os.path.join(folder, f"{name}.md"), "w") as file:
        file.write(text)


def add_common_options(parser):
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--data", help="folder of the IDX files; default: fetched into Convoy's cache")
    parser.add_argument("--out", default=os.path.join(ROOT, "bench/results"), help="where the results go")


def write_results(runs, folder, repetitions, seconds):
    about, settings = environment(), load_settings()
    used = [
        f"| {readable(case)} | {name} | {own['omp']} | {own['blas']} | "
        f"{', '.join(f'{key} {value}' for key, value in own['options'].items()) or 'defaults'} |"
        for case in runs
        for name, own in settings.get(case, {}).items()
    ]
    text = f"""# Convoy against PyTorch

{about_machine(about)}

MNIST in memory as float32, SGD with momentum 0.9, cross-entropy. {repetitions} repetitions, contestants taking turns,
at least {seconds:g} s of timed steps each. Memory: PSS summed over processes, the highest sample of the whole run; the
data set is 188 MB of it, once for each process that holds it.

MLP: {MODELS['mlp']}. CNN: {MODELS['cnn']}. Convoy with 2 replica threads and `lanes: 2` unless said;
"2 processes" are workers as `convoy launch` starts them, of one replica each, that exchange through shared memory.

{table(runs)}

## What `lanes: 8` costs against `lanes: 2`, with 2 replicas

{lanes_table(runs)}

## PyTorch's settings

The best that `bench/compare --tune` found; threads are those of each process. Always: batches by `index_select` on the
tensor in memory, `zero_grad(set_to_none=True)`; DDP: `gradient_as_bucket_view=True` unless said, `broadcast_buffers=False`.

| model, global batch | contestant | OpenMP threads | OpenBLAS threads | other options |
| --- | --- | --: | --: | --- |
""" + "\n".join(used)
    write_pair(folder, "compare", {"environment": about, "settings": settings, "runs": runs}, text + "\n")
    print("\n" + table(runs) + "\n\n" + lanes_table(runs))


def main():
    parser = argparse.ArgumentParser(
        prog="bench/compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tune", action="store_true", help="find PyTorch's best settings and store them")
    parser.add_argument("--cases", nargs="+", help='e.g. "mlp 64" "cnn 256"; default: all')
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, default=CONTESTANTS)
    add_common_options(parser)
    parser.add_argument("--seconds", type=float, default=3, help="timed steps of each measurement")
    options = parser.parse_args()
    cases = [case for case in CASES if not options.cases or case_name(*case) in options.cases]
    if not cases:
        parser.error(f"--cases: choose among {', '.join(repr(case_name(*case)) for case in CASES)}")
    data = options.data or first_line([PROGRAM, "--print-data-folder"])
    begun = time.monotonic()
    if options.tune:
        tune(data, cases, options.seconds)
        return
    runs = measure(data, cases, options.contestants, options.repetitions, options.seconds)
    write_results(runs, options.out, options.repetitions, options.seconds)
    print(f"\n{time.monotonic() - begun:.0f} s; written to {options.out}")


if __name__ == "__main__":
    main()
