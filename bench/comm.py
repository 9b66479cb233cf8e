"""Runs `convoy bench comm` with 2 and 4 workers, on the loopback device and between hosts (network namespaces; root) of limited
rate and with delay, into bench/results, and writes the table of README.md. gloo is that of PyPI's PyTorch, which is installed
if it is not there; where it cannot be, gloo is left out and the results say so. All other options are those of convoy bench comm.
"""

import argparse
import json
import os
import subprocess
import sys

import common

SIZES = (4, 4 << 10, 64 << 10, 1 << 20, 16 << 20, 256 << 20)  # of the tables of README.md
COLUMNS = {  # of each link's: contestants and what they are called there
    "loopback": {
        "shm": "Convoy, shared memory",
        "Open MPI": "Open MPI",
        "tcp": "Convoy, tcp",
        "gloo": "gloo",
        "Open MPI TCP": "Open MPI, TCP",
        "bare sockets": "bare sockets",
        "memory limit": "two `memcpy` passes",
    },
}
BETWEEN_HOSTS = {
    "tcp": "Convoy, tcp",
    "tcp encrypted": "Convoy, tcp encrypted",
    "gloo": "gloo",
    "Open MPI TCP": "Open MPI, TCP",
    "bare sockets": "bare sockets",
}
GLOO_TIMES, SOCKETS_PART = 1.3, 0.9  # what tcp is to reach: one of them


def size_text(size):
    for unit in ("B", "KiB"):
        if size < 1024:
            return f"{size} {unit}"
        size //= 1024
    return f"{size} MiB"


def time_text(seconds):
    value = seconds
    for unit in ("s", "ms", "µs"):
        if value >= 0.9995 or unit == "µs":
            break
        value *= 1000
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {unit}"


def medians(point):
    return {name: timing["median"] for name, timing in point["seconds"].items()}


def table(result):
    columns = COLUMNS.get(result["link"], BETWEEN_HOSTS)
    columns = {name: text for name, text in columns.items() if name in result["contestants"]}
    lines = [f"| {' | '.join(['size', *columns.values()])} |", "| --- |" + " --: |" * len(columns)]
    for point in result["points"]:
        if point["bytes"] in SIZES:
            seconds = medians(point)
            times = [time_text(seconds[name]) for name in columns]
            lines.append(f"| {' | '.join([size_text(point['bytes']), *times])} |")
    return "\n".join(lines)


def missed(result):
    """The sizes at which tcp reaches neither aim."""
    sizes = []
    for point in result["points"]:
        seconds = medians(point)
        ratios = [seconds[peer] / seconds["tcp"] / aim
                  for peer, aim in (("gloo", GLOO_TIMES), ("bare sockets", SOCKETS_PART)) if peer in seconds]  # fmt: skip
        if ratios and max(ratios) < 1:
            sizes.append(size_text(point["bytes"]))
    return sizes


def describe(result):
    return f"{result['workers']} workers, {result['link']}"


def part(results):
    """What README.md says: tables of 2 workers, and where the aims are missed."""
    texts = []
    for result in results:
        if result["workers"] == 2:
            versions = "; ".join(f"{name}: {version}" for name, version in result["versions"].items())
            texts.append(f"{describe(result)} ({result['machine']}; {versions}):\n\n{table(result)}")
    counted = [result for result in results if "tcp" in result["contestants"]]
    points = sum(len(result["points"]) for result in counted)
    names = [f"{describe(result)}: {', '.join(sizes)}" for result in counted if (sizes := missed(result))]
    reached = points - sum(len(missed(result)) for result in counted)
    texts.append(
        f"Of {points} measurements (2 and 4 workers, all sizes and links) tcp takes at most 1/{GLOO_TIMES:g} of gloo's time, or reaches "
        f"{100 * SOCKETS_PART:.0f} % of bare sockets' speed, in {reached}. " + (f"Not in: {'; '.join(names)}." if names else "")
    )
    return "\n\n".join(texts)


def python_with_torch():
    script = os.path.join(common.ROOT, "bench/peer_environment")
    done = subprocess.run([script], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "python3"


def main():
    parser = argparse.ArgumentParser(
        prog="bench/comm", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", default="2,4")
    parser.add_argument("--links", default="loopback,1gbit,1gbit/2ms")
    parser.add_argument("--python", help="one that has torch")
    parser.add_argument("--out", default=common.RESULTS, help="where the results go")
    options, others = parser.parse_known_args()
    command = [common.CONVOY, "bench", "comm", "--workers", options.workers, "--links", options.links]
    command += ["--out", options.out, "--python", options.python or python_with_torch(), *others]
    status = subprocess.run(command, check=False).returncode
    if status != 0:
        sys.exit(status)
    with open(os.path.join(options.out, "comm.json")) as file:
        common.write_part("bench/comm", "README.md", part(json.load(file)["results"]), options.out)


if __name__ == "__main__":
    main()
