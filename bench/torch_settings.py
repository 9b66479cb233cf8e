"""How PyTorch is set for each row of bench/compare: the settings there are, the search for the best, and where they are stored."""

import json
import os
import statistics
import tempfile

import common

SETTINGS = os.path.join(common.ROOT, "bench/settings.json")
CONTESTANTS = {"PyTorch, 1 process": 1, "PyTorch DDP": 2}  # processes

# By name: the environment of the processes. glibc gives memory back and asks for it again unless told, in steps of some MB.
MALLOC = {
    "glibc": {},
    "glibc that keeps memory": {
        "MALLOC_MMAP_THRESHOLD_": "33554432",
        "MALLOC_TRIM_THRESHOLD_": "1073741824",
        "MALLOC_TOP_PAD_": "67108864",
    },
    "jemalloc": {
        "LD_PRELOAD": "libjemalloc.so.2",
        "MALLOC_CONF": "oversize_threshold:1,background_thread:true,metadata_thp:auto,dirty_decay_ms:-1,muzzy_decay_ms:-1",
    },
    "tcmalloc": {"LD_PRELOAD": "libtcmalloc_minimal.so.4"},
}

# What --tune tries, in this order; the first value is where it starts. Threads are those of each process. `wait`: whether OpenMP's
# threads spin when idle. The others are torch_step.py's options.
SPACE = {
    1: {
        "threads": [2, 1],
        "malloc": list(MALLOC),
        "optimizer": ["foreach", "fused", "loop"],
        "channels-last": [0, 1],
        "compile": ["off", "model", "all"],
        "wait": ["default", "active"],
    },
    2: {
        "threads": [1, 2],
        "malloc": list(MALLOC),
        "optimizer": ["foreach", "fused", "loop"],
        "channels-last": [0, 1],
        "compile": ["off", "model", "all"],
        "static-graph": [0, 1],
        "bucket-view": [1, 0],
        "bucket-mb": [25, 1, 4],
    },
}
OF_THE_PROCESS = ("threads", "malloc", "wait")


def defaults(processes):
    return {name: values[0] for name, values in SPACE[processes].items()}


def environment(processes, settings):
    """Of a process with these settings: what is read at its start only."""
    settings = defaults(processes) | settings
    words = {"OMP_NUM_THREADS": str(settings["threads"]), "GLOO_SOCKET_IFNAME": "lo"}
    words["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # torch.compile compiles in the process that asked for it, not in a pool
    if settings.get("wait") == "active":
        words["OMP_WAIT_POLICY"] = "active"
    return words | MALLOC[settings["malloc"]]


def best(case, contestant):
    """The stored settings of a row of bench/compare; else those of the same model with another batch; else the defaults."""
    stored = load()
    like = [case, *(other for other in stored if other.split()[0] == case.split()[0])]
    return next((stored[other][contestant] for other in like if contestant in stored.get(other, {})), {})


def measure(data, model, batch, processes, settings, seconds, warm_up=1.5):
    """One measurement. Raises common.Failed if PyTorch does not run so."""
    settings = defaults(processes) | settings
    words = ["--data", data, "--model", model, "--batch", batch, "--seconds", seconds, "--warm-up", warm_up, "--threads", settings["threads"]]
    for name, value in settings.items():
        if name not in OF_THE_PROCESS:
            words += [f"--{name}", value]
    with tempfile.TemporaryDirectory() as folder:
        words += ["--world", processes, "--store", os.path.join(folder, "store")]
        commands = [common.torch_command("torch_step.py", *words, "--rank", rank) for rank in range(processes)]
        return common.run_processes(commands, environment(processes, settings))


def speed_of(data, model, batch, processes, settings, seconds, leader):
    """Samples a second: the median of three runs, or of one that is far from the leader's; 0 if it does not run."""
    speeds = []
    try:
        while len(speeds) < 3:
            run = measure(data, model, batch, processes, settings, seconds, warm_up=0.7)
            speeds.append(run["samples_per_second"])
            if speeds[0] < 0.92 * leader:
                break
    except common.Failed as failure:
        print(f"does not run: {str(failure).strip().splitlines()[-1]}")
        return 0.0
    return statistics.median(speeds)


def tune(data, case, model, batch, contestant, seconds, only=None):
    """Finds the best settings of one contestant, one setting after the other, and stores them. `only`: these, from what is stored."""
    processes = CONTESTANTS[contestant]
    found = best(case, contestant) if only else {}
    best_speed = speed_of(data, model, batch, processes, found, seconds, 0.0)
    print(f"{case}, {contestant}, {defaults(processes) | found}: {best_speed:,.0f}", flush=True)
    for name, values in SPACE[processes].items():
        if (name == "channels-last" and model == "mlp") or (only and name not in only):
            continue
        start = dict(found)
        now = (defaults(processes) | found)[name]
        for value in values:
            if value == now:
                continue
            speed = speed_of(data, model, batch, processes, start | {name: value}, seconds, best_speed)
            print(f"{case}, {contestant}, {start | {name: value}}: {speed:,.0f}", flush=True)
            if speed > best_speed:
                found, best_speed = start | {name: value}, speed
    stored = load()
    stored.setdefault(case, {})[contestant] = found
    with open(SETTINGS, "w") as file:
        json.dump(stored, file, indent=2)
        file.write("\n")
    print(f"{case}, {contestant}: best {in_words(processes, found)}, {best_speed:,.0f}", flush=True)


def load():
    if not os.path.exists(SETTINGS):
        return {}
    with open(SETTINGS) as file:
        return json.load(file)


def in_words(processes, settings):
    """All of them, for the table."""
    settings = defaults(processes) | settings
    words = [f"{settings['threads']} thread{'s' if settings['threads'] > 1 else ''}", settings["malloc"]]
    words.append({"loop": "optimizer without foreach"}.get(settings["optimizer"], f"{settings['optimizer']} optimizer"))
    if settings["channels-last"]:
        words.append("channels-last")
    words.append({"off": "no `torch.compile`", "model": "`torch.compile` of the model",
                  "all": "`torch.compile` of model and optimizer"}[settings["compile"]])  # fmt: skip
    if settings.get("wait") == "active":
        words.append("`OMP_WAIT_POLICY=active`")
    if processes > 1:
        words += ["static graph"] if settings["static-graph"] else []
        words.append("bucket views" if settings["bucket-view"] else "no bucket views")
        words.append(f"buckets of {settings['bucket-mb']} MB")
    return ", ".join(words)
