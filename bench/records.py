"""Measures an epoch over records four times larger than the memory they may take, beside the disk and beside memory.

The table is bench/columns', made of MNIST: float32 in one NPY file, brought into records by `convoy data prepare`. Before each
run but the warm ones the records leave the system's page cache, as data that are really larger than memory would.
  disk          all shards read from their beginning to their end, 4 MiB at a time, by nobody but the system (posix_fadvise)
  loader        an epoch of batches without a model, shuffled, every batch looked at (bench/loader_bench.cpp); 2 replicas
  training      `convoy train`, an epoch of columns-units-10, momentum SGD; 2 replicas
"bounded": cold records, `data.memory` a quarter of them; "in memory": all of them in memory before, no bound. The order of samples is
the same in both (`partition.block`), and so are the weights. Runs take turns; medians.
"""

import glob
import json
import os
import statistics
import sys
import time

import columns
import common

LOADER = os.path.join(common.ROOT, "build/release/bench/convoy_loader_bench")
JOB = """
name: records
data:
  train: {train}
  memory: {memory}
  task: classification
partition: {{block: {block}}}
model: {{kind: mlp, hidden: [{units}]}}
train: {{epochs: 1, batch: 64, lanes: 8, optimizer: {{kind: sgd, rate: 0.0000001, momentum: 0.9}}}}
report: {{html: false, every: 1000000}}
"""


def shards(folder):
    return sorted(glob.glob(os.path.join(folder, "records/**/*.records"), recursive=True))


def chill(folder):
    """The records leave the page cache."""
    os.sync()
    for path in shards(folder):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_all(folder):
    """Bytes per second of a plain reader."""
    buffer = bytearray(4 << 20)
    count, begin = 0, time.perf_counter()
    for path in shards(folder):
        with open(path, "rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            while got := file.readinto(buffer):
                count += got
    return count / (time.perf_counter() - begin)


def write_job(folder, name, options, **keys):
    file = os.path.join(folder, f"{name}.yaml")
    with open(file, "w") as out:
        out.write(JOB.format(units=options.units, block=options.block, **keys))
    return file


def train(folder, job):
    out = os.path.join(folder, "run")
    told = columns.summary_of([common.CONVOY, "train", job, "--replicas", "2", "--out", out, "--overwrite", "--quiet"], out)
    return {"speed": told["samples_per_second"], "memory": told["peak_memory_bytes"], "weights_sha256": told["weights_sha256"]}


def measure(options, folder):
    columns.make_table(folder, options.rows, options.columns)
    files = f"{{features: {folder}/wide-features.npy, labels: {folder}/labels.npy}}"
    records = os.path.join(folder, "records")
    common.call([common.CONVOY, "data", "prepare", write_job(folder, "files", options, train=files, memory=0), "--out", records])
    os.remove(os.path.join(folder, "wide-features.npy"))
    size = sum(os.path.getsize(path) for path in shards(folder))
    memory = size // 4 >> 20
    jobs = {"bounded": write_job(folder, "bounded", options, train=records, memory=memory),
            "in memory": write_job(folder, "memory", options, train=records, memory=0)}
    runs = {"disk": [], "tiny": [train(folder, write_job(folder, "tiny", options, memory=0, train=
            f"{{features: {folder}/tiny-features.npy, labels: {folder}/labels.npy}}"))["memory"]]}
    for repetition in range(options.repetitions):
        print(f"run {repetition + 1} of {options.repetitions} ...", file=sys.stderr)
        chill(folder)
        runs["disk"].append(read_all(folder))
        for name, job in jobs.items():
            ready = chill if name == "bounded" else read_all
            ready(folder)
            told = json.loads(common.call([LOADER, job, "--replicas", "2", "--epochs", "1"]))
            runs.setdefault(f"loader, {name}", []).append(told["samples_per_second"][0])
            ready(folder)
            runs.setdefault(f"training, {name}", []).append(train(folder, job))
    digests = {run["weights_sha256"] for name, found in runs.items() if name.startswith("training") for run in found}
    if len(digests) != 1:
        sys.exit(f"bench/records: the weights differ: {digests}")
    return {"bytes": size, "memory_mebibytes": memory, "runs": runs}


def make_rows(result, options):
    runs = result["runs"]
    sample = result["bytes"] / options.rows
    disk = statistics.median(runs["disk"]) / sample
    rows = [f"| disk | {disk:,.0f} | {disk * sample / 2**20:,.0f} | |"]
    for name, found in runs.items():
        if name in ("disk", "tiny"):
            continue
        training = name.startswith("training")
        speed = statistics.median(run["speed"] if training else run for run in found)
        above = (statistics.median(run["memory"] for run in found) - runs["tiny"][0]) / 2**20 if training else None
        rows.append(f"| {name} | {speed:,.0f} | {speed * sample / 2**20:,.0f} | {'' if above is None else f'{above:,.0f}'} |")
    return "\n".join(["| | samples/s | MiB/s | MiB of memory above a tiny job |", "| --- | --: | --: | --: |", *rows])


def write_results(result, options, loads):
    about = common.environment("bench/records")
    table = make_rows(result, options)
    text = f"""# Records larger than memory

{common.about_machine(about)}
Load average before and after: {loads[0]:.1f}, {loads[1]:.1f}.

{options.rows:,} rows of {options.columns:,} columns ({result['bytes'] / 2**20:,.0f} MiB of records), `data.memory: {result['memory_mebibytes']}`, blocks of {options.block} samples, batch 64,
2 replicas; medians of {options.repetitions} runs, taking turns. "bounded": the records were not in the page cache, and a quarter of them may be in memory at a
time. "in memory": all were in the page cache, without a bound. The weights were the same bits in all runs of training. Memory is VmHWM.

{table}
"""
    runs, sample = result["runs"], result["bytes"] / options.rows

    def rate(name):
        return sample * statistics.median(run["speed"] if isinstance(run, dict) else run for run in runs[name]) / 2**20

    part = f"""How fast that is ({result['bytes'] / 2**20:,.0f} MiB of records, none of them in the system's cache of files, a quarter of them in memory at a time; {about['cores']} cores;
[all numbers](../bench/results/records.md)): shuffled batches came at {rate('loader, bounded'):,.0f} MiB/s, a plain reader of the same files from beginning to
end at {statistics.median(runs['disk']) / 2**20:,.0f} MiB/s. Training a model for which {rate('training, in memory'):,.0f} MiB/s are enough with all data in memory went on at {rate('training, bounded'):,.0f} MiB/s, with the
same `weights_sha256`."""
    common.write_part("bench/records", "docs/records.md", part, options.out)
    common.write_pair(options.out, "records", {"environment": about, "load_average": loads, **result}, text)
    print("\n" + table)


def main():
    parser = common.options_parser("bench/records", __doc__)
    parser.add_argument("--rows", type=int, default=13000)
    parser.add_argument("--columns", type=int, default=20000)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--block", type=int, default=16)
    common.measure_and_write(parser.parse_args(), measure, write_results, within=os.path.join(common.ROOT, "build"))


if __name__ == "__main__":
    common.run("bench/records", main)
