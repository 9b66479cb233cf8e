#!/usr/bin/python3
"""Makes the recommender's data from Debian's own index of packages: who uses what, without a word on how much.

  user      a package
  item      a package that others depend on (Depends; of alternatives the first)
  positive  a user and an item that it depends on
  negative  the same user and an item that it does not depend on, drawn as often as that item occurs among the
            positives, so that popularity alone tells nothing; one for each positive, with a fixed seed

Items with fewer than --least-users users, and users with fewer than --least-items items, are left out. Of each user
with enough of them every sixth positive on average, with its negative, is in the test files. Writes
train-features.npy, train-labels.npy, test-features.npy and test-labels.npy into the folder: float32 (user, item), and 1
or 0. Needs Debian's apt with fetched lists (apt-get update), and nothing but Python's standard library.
"""

import argparse
import array
import bisect
import collections
import itertools
import os
import random
import re
import subprocess
import sys


def dependencies():
    """The items of every package, by its name, in the archive's order."""
    list_files = ["apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages", "Codename: bookworm"]
    files = subprocess.run(list_files, capture_output=True, text=True, check=True).stdout.split()
    if not files:
        sys.exit("make_data.py: apt has no package lists; run apt-get update")
    found = {}
    for file in files:
        text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", file], capture_output=True, check=True).stdout
        for entry in text.decode().split("\n\n"):
            name = re.search(r"^Package: (\S+)", entry, re.MULTILINE)
            depends = re.search(r"^Depends: (.*)", entry, re.MULTILINE)
            if name and depends:
                items = (re.split(r"[ :(|]", item.strip())[0] for item in depends[1].split(","))
                found.setdefault(name[1], sorted(set(items) - {""}))
    return found


def well_known(found, least_users, least_items):
    """Leaves out rare items, then users of whom too little is known."""
    count = collections.Counter(itertools.chain.from_iterable(found.values()))
    kept = {user: [item for item in items if count[item] >= least_users] for user, items in found.items()}
    return {user: items for user, items in kept.items() if len(items) >= least_items}


def samples(kept, seed):
    """(user, item, label) of the training split and of the test split, in a random order."""
    chance = random.Random(seed)
    names = sorted(set(itertools.chain.from_iterable(kept.values())))
    number = {name: k for k, name in enumerate(names)}
    count = collections.Counter(itertools.chain.from_iterable(kept.values()))
    up_to = list(itertools.accumulate(count[name] for name in names))
    splits = {"train": [], "test": []}
    for user, items in enumerate(kept.values()):
        own = [number[item] for item in items]
        avoided = set(own)
        chance.shuffle(own)
        for k, item in enumerate(own):
            split = "test" if k >= 2 and chance.random() < 1 / 6 else "train"
            splits[split].append((user, item, 1))
            while True:
                other = bisect.bisect_right(up_to, chance.randrange(up_to[-1]))
                if other not in avoided:
                    break
            splits[split].append((user, other, 0))
    for split in splits.values():
        chance.shuffle(split)
    return splits, len(names)


def write_npy(path, kind, shape, values):
    """NPY 1.0; kind: f4 or i8."""
    header = f"{{'descr': '<{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    numbers = array.array({"f4": "f", "i8": "q"}[kind], values)
    if sys.byteorder == "big":
        numbers.byteswap()
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode("latin1"))
        numbers.tofile(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="where the files go")
    parser.add_argument("--least-users", type=int, default=50, help="of an item")
    parser.add_argument("--least-items", type=int, default=5, help="of a user")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    kept = well_known(dependencies(), options.least_users, options.least_items)
    splits, items = samples(kept, options.seed)
    os.makedirs(options.folder, exist_ok=True)
    for name, rows in splits.items():
        pairs = itertools.chain.from_iterable((user, item) for user, item, _ in rows)
        labels = (label for _, _, label in rows)
        write_npy(os.path.join(options.folder, f"{name}-features.npy"), "f4", (len(rows), 2), pairs)
        write_npy(os.path.join(options.folder, f"{name}-labels.npy"), "i8", (len(rows),), labels)
    print(
        f"{len(kept):,} users, {items:,} items; pairs: {len(splits['train']):,} to train, {len(splits['test']):,} to "
        "test, half of them real"
    )


if __name__ == "__main__":
    main()
