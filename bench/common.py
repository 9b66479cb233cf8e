"""What the benchmarks share: where things are, how processes are run and their memory looked at, what results say of the machine."""

import argparse
import datetime
import functools
import importlib.metadata
import json
import operator
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
CONVOY = os.path.join(ROOT, "build/release/convoy")
RESULTS = os.path.join(ROOT, "bench/results")
TRAIN = os.path.join(ROOT, "build/release/bench/convoy_bench_train")
MODELS = {
    "mlp": "784-512-512-10, ReLU",
    "cnn": "twice (3×3 convolution, ReLU, 2×2 max-pooling) with 32 and 64 channels, then 128-10",
}
PEERS = ("torch", "torchvision", "torchft")  # in the environment that bench/peer_environment makes, whose Python runs this


class Failed(Exception):
    """A contestant that does not run, with what it said."""


# ---- processes ----


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
            everybody = self.processes + [child for process in self.processes for child in children(process)]
            self.peak = max(self.peak, sum(self.proportional_size(process) for process in everybody))

    @staticmethod
    def proportional_size(process):
        try:
            with open(f"/proc/{process}/smaps_rollup") as file:
                return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):  # ended already, or not yet started
            return 0


def children(process):
    """In the order in which they were started."""
    try:
        with open(f"/proc/{process}/task/{process}/children") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def run_processes(commands, environment=None):
    """Runs one contestant's processes together; returns the first one's result with the memory of all. Raises Failed."""
    processes = [
        subprocess.Popen(
            command,
            env={**os.environ, **(environment or {})},
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
    if processes[0].wait():  # the others would wait for it
        for process in processes[1:]:
            process.kill()
    said += [process.communicate()[0] for process in processes]
    sampler.ended.set()
    sampler.join()
    if result is None or any(process.returncode for process in processes):
        raise Failed(f"{' '.join(commands[0])} failed:\n" + "".join(said))
    result["peak_bytes"] = sampler.peak
    return result


def measure_convoy(data, model, batch, replicas, lanes, seconds, workers=1, extra=()):
    command = [TRAIN, "--data", data, "--model", model, "--batch", batch]
    command += ["--replicas", replicas, "--lanes", lanes, "--seconds", seconds]
    if workers > 1:
        command += ["--workers", workers, "--transport", "shm"]
    return run_processes([[str(word) for word in [*command, *extra]]])


def torch_command(script, *words):
    """A script of this folder, run by the Python with PyTorch that runs this one."""
    return [sys.executable, os.path.join(ROOT, "bench", script), *map(str, words)]


def call(command, environment=None):
    """What a program prints. Raises Failed with what it complains of."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})})
    if done.returncode:
        raise Failed(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def first_line(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "unknown"


def mnist_folder(options):
    """Of the IDX files: the one given, or fetched into Convoy's cache."""
    return options.data or first_line([TRAIN, "--print-data-folder"])


# ---- what results say of the machine ----


def peer_versions():
    """Of the packages beside Convoy, without the build's name; empty where this Python has none."""
    versions = {}
    for package in PEERS:
        try:
            versions[package] = importlib.metadata.version(package).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            pass
    return versions


def environment(script):
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) * 1024
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "system": f"{first_line(['sh', '-c', '. /etc/os-release && echo $PRETTY_NAME'])}, Linux {'.'.join(platform.release().split('.')[:2])}",
        "convoy": first_line(["git", "-C", ROOT, "describe", "--always", "--dirty"]),
        "version": [line.strip() for line in call([CONVOY, "--version"]).splitlines() if line.strip()],
        "peers": peer_versions(),
        "compiler": first_line(["g++", "--version"]),
        "command": " ".join([script, *sys.argv[1:]]),
    }


def about_machine(about):
    peers = ", ".join(f"{package} {version}" for package, version in about["peers"].items())
    beside = f" Beside it, from PyPI: {peers}." if peers else ""
    return f"""{about['cpu']}, {about['cores']} cores, {about['memory_bytes'] / 2**30:.0f} GiB; {about['system']}; {about['date']}.
Convoy {about['convoy']} ({'; '.join(about['version'])}), {about['compiler']}.{beside}
Command: `{about['command']}`."""


# ---- numbers ----


def middle(runs, *keys):
    """The median of run[key]…[last key]."""
    return statistics.median(functools.reduce(operator.getitem, keys, run) for run in runs)


def spread(values):
    """Samples a second as text: median (min - max)."""
    return f"{statistics.median(values):,.0f} ({min(values):,.0f} - {max(values):,.0f})"


# ---- scripts ----


def options_parser(script, about, repetitions=3, data=False):
    """With the options that the benchmarks have in common; `data`: it reads MNIST's files."""
    parser = argparse.ArgumentParser(prog=script, description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=repetitions)
    if data:
        parser.add_argument("--data", help="folder of the IDX files; default: fetched into Convoy's cache")
    parser.add_argument("--out", default=RESULTS, help="where the results go")
    return parser


def run(script, main):
    """Calls main(); what a contestant complained of ends the benchmark in its words."""
    try:
        main()
    except Failed as failure:
        sys.exit(f"{script}: {failure}")


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


def write_part(script, page, text, folder=RESULTS):
    """The part of a page of the repository that a script writes, between its two marks. Not for results that go elsewhere."""
    if os.path.realpath(folder) != RESULTS:
        return
    path = os.path.join(ROOT, page)
    with open(path) as file:
        before, rest = file.read().split(f"<!-- begin: written by {script} -->\n", 1)
    end = f"<!-- end: written by {script} -->"
    with open(path, "w") as file:
        file.write(f"{before}<!-- begin: written by {script} -->\n{text.strip()}\n{end}{rest.split(end, 1)[1]}")
