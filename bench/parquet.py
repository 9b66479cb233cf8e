"""Measures how long a Parquet file takes to become tensors: Convoy's loading of a job, and pandas.read_parquet, in one run.

A table of random numbers in row groups of 128Ki rows, all in the page cache: float32, float64, int64 and, in "mixed", text of four
categories. Convoy: what bench/convoy_loader_bench calls loading: reading, the target, splits, one float32 tensor. pandas:
read_parquet (pyarrow, all cores), to_numpy(float32), torch.from_numpy; the best of three readings in one process, where Convoy's is the
first of its process. "selected": Convoy's job ignores all but 4 columns, pandas is given `columns`. The contestants take turns; medians.
"""

import json
import os
import statistics
import subprocess
import sys

import common

LOADER = os.path.join(common.ROOT, "build/release/bench/convoy_loader_bench")
PACKAGES = ["pandas==3.1.1", "pyarrow==26.0.1"]
JOB = """
data: {{train: {file}, target: y, task: classification, csv: {{ignore: [{ignore}]}}}}
preprocess: [{steps}]
train: {{batch: 64}}
"""


def packages():
    """pandas and pyarrow for the Python with PyTorch, in a folder of Convoy's cache."""
    cache = os.environ.get("CONVOY_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "convoy")
    folder = os.path.join(cache, "python-tables-" + "-".join(word.replace("==", "-") for word in PACKAGES))
    if not os.path.isdir(folder):
        print("bench/parquet: fetching pandas and pyarrow (about 75 MB, once) ...", file=sys.stderr)
        fresh = folder + ".unfinished"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--upgrade"]
        done = subprocess.run([*command, "--target", fresh, "--no-deps", *PACKAGES, "pytz", "tzdata", "python-dateutil", "six"],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise common.Failed(f"pip could not fetch {' '.join(PACKAGES)}: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        os.rename(fresh, folder)
    return folder


def make_files(folder, rows):
    import numpy
    import pyarrow
    import pyarrow.parquet
    random = numpy.random.default_rng(1)
    kinds = {"f": lambda: random.standard_normal(rows, dtype=numpy.float32), "d": lambda: random.standard_normal(rows),
             "i": lambda: random.integers(0, 1000, rows)}
    columns = {f"{kind}{i}": make() for kind, make in kinds.items() for i in range(8)}
    columns["y"] = random.integers(0, 10, rows)
    words = numpy.array(["red", "green", "blue", "white"])
    files = {}
    for name, more in {"numbers": {}, "mixed": {"s": words[random.integers(0, 4, rows)]}}.items():
        files[name] = os.path.join(folder, f"{name}.parquet")
        pyarrow.parquet.write_table(pyarrow.table({**columns, **more}), files[name], row_group_size=1 << 17)
    return files, list(columns)


def convoy(folder, name, file, ignore, steps):
    job = os.path.join(folder, f"{name}.yaml")
    with open(job, "w") as out:
        out.write(JOB.format(file=file, ignore=", ".join(ignore), steps=steps))
    return json.loads(common.call([LOADER, job, "--replicas", "1", "--epochs", "1"]))["load_seconds"]


def pandas(file, columns, environment):
    return json.loads(common.call(common.torch_command("parquet_pandas.py", file, 3, *columns), environment))["load_seconds"]


def measure(options, folder):
    tables = packages()
    sys.path.insert(0, tables)
    files, columns = make_files(folder, options.rows)
    few = ["f0", "d0", "i0", "f1", "y"]
    contests = {"numbers": (files["numbers"], [], "", []), "mixed": (files["mixed"], [], "ordinal", []),
                "selected": (files["numbers"], [name for name in columns if name not in few], "", few)}
    runs = {}
    for repetition in range(options.repetitions):
        print(f"run {repetition + 1} of {options.repetitions} ...", file=sys.stderr)
        for name, (file, ignore, steps, selected) in contests.items():
            entry = runs.setdefault(name, {"convoy": [], "pandas": []})
            entry["convoy"].append(convoy(folder, name, file, ignore, steps))
            entry["pandas"].append(pandas(file, selected, {"PYTHONPATH": tables}))
    return {"rows": options.rows, "bytes": {name: os.path.getsize(file) for name, file in files.items()}, "runs": runs}


def write_results(result, options, loads):
    about = common.environment("bench/parquet")
    rows = ["| table | Convoy, s | pandas, s | pandas / Convoy |", "| --- | --: | --: | --: |"]
    for name, entry in result["runs"].items():
        own, other = statistics.median(entry["convoy"]), statistics.median(entry["pandas"])
        rows.append(f"| {name} | {own:.3f} | {other:.3f} | {other / own:.2f} |")
    table = "\n".join(rows)
    text = f"""# Parquet into tensors

{common.about_machine(about)}
Load average before and after: {loads[0]:.1f}, {loads[1]:.1f}.

{result['rows']:,} rows of 24 numbers and a target ({result['bytes']['numbers'] / 2**20:,.0f} MiB), in the page cache; seconds, medians of {options.repetitions} runs, the contestants taking turns.
"mixed" has a column of text too; "selected" reads 4 of the columns.

{table}
"""
    common.write_pair(options.out, "parquet", {"environment": about, "load_average": loads, **result}, text)
    print("\n" + table)


def main():
    parser = common.options_parser("bench/parquet", __doc__, repetitions=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    common.measure_and_write(parser.parse_args(), measure, write_results)


if __name__ == "__main__":
    common.run("bench/parquet", main)
