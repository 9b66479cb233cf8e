"""Measures parameter servers: dense weights, rows of a large table, and workers of unequal speed. In one run, taking turns.

Dense: one worker pushes 16 MiB of gradients to server processes, has them applied and pulls the weights, over local sockets, as
jobs on one host have them, and over encrypted TCP connections (CURVE), as jobs on several hosts do; beside it two processes
that all-reduce as much, of Convoy over tcp and of PyTorch over gloo (`convoy bench comm`), and a plain TCP connection over loopback
that carries as much there and back, which is the machine's limit.
Rows: 1,000 random rows of 32 values out of a table of 10 million are pulled, and gradients for them pushed.
Unequal speed: two workers of one process train the CNN on MNIST; in the second half of the measurements one of them sleeps
four times as long as it computes, so that it is five times slower.
"""

import json
import os
import socket
import statistics
import sys
import tempfile
import time

import common

BENCH = os.path.join(common.ROOT, "build/release/bench/convoy_server_bench")
DENSE_BYTES = 16 << 20
SERVERS = 2
CONSISTENCIES = ("bsp", "ssp", "async")


def server_bench(mode):
    return json.loads(common.call([BENCH, mode, str(SERVERS)]))


def all_reduces():
    """Seconds in which two processes sum DENSE_BYTES on the loopback device: over Convoy's tcp, and over gloo, tuned."""
    with tempfile.TemporaryDirectory() as folder:
        command = [common.CONVOY, "bench", "comm", "--workers", "2", "--transports", "tcp", "--peers", "gloo"]
        command += ["--from", str(DENSE_BYTES), "--to", str(DENSE_BYTES), "--seconds", "0.5", "--python", sys.executable]
        common.call([*command, "--out", folder])
        with open(os.path.join(folder, "comm.json")) as file:
            seconds = json.load(file)["results"][0]["points"][0]["seconds"]
    return {name: timing["median"] for name, timing in seconds.items()}


def receive(connection, memory):
    view, got = memoryview(memory), 0
    while got < len(view):
        got += connection.recv_into(view[got:])


def loopback(times=30):
    """Seconds in which a connection carries DENSE_BYTES to another process and back."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child = os.fork()
        if child == 0:
            connection = socket.create_connection(listener.getsockname())
            memory = bytearray(DENSE_BYTES)
            for _ in range(times):
                receive(connection, memory)
                connection.sendall(memory)
            os._exit(0)
        connection, _ = listener.accept()
        memory, seconds = bytearray(DENSE_BYTES), []
        for _ in range(times):
            begin = time.monotonic()
            connection.sendall(memory)
            receive(connection, memory)
            seconds.append(time.monotonic() - begin)
        connection.close()
        os.waitpid(child, 0)
    return statistics.median(seconds)


def unequal(data, consistency, slowness):
    extra = ["--consistency", consistency] if consistency else []
    return common.measure_convoy(
        data, "cnn", 64, 2, 8, 3, extra=[*extra, "--slowness", str(slowness)] if slowness else extra
    )["samples_per_second"]


def measure(data, repetitions):
    runs = {"dense": [], "rows": [], "unequal": {name: {"same": [], "slow": []} for name in CONSISTENCIES}}
    for repetition in range(repetitions):
        dense = server_bench("throughput")
        dense["all_reduce_seconds"] = all_reduces()
        dense["loopback_seconds"] = loopback()
        runs["dense"].append(dense)
        runs["rows"].append(server_bench("rows"))
        for name in CONSISTENCIES:
            runs["unequal"][name]["same"].append(unequal(data, name, 0))
            runs["unequal"][name]["slow"].append(unequal(data, name, 4))
        print(f"{repetition + 1}/{repetitions} {json.dumps({name: own[-1] for name, own in runs.items() if name != 'unequal'})}")
        print(json.dumps(runs["unequal"]), flush=True)
    return runs


def dense_table(runs):
    rows = [
        ("parameter servers, local sockets: push, apply, pull", common.middle(runs, "push_and_pull_seconds")),
        ("parameter servers, TCP with CURVE", common.middle(runs, "tcp", "push_and_pull_seconds")),
        ("all-reduce of two workers, tcp", common.middle(runs, "all_reduce_seconds", "tcp")),
        ("all-reduce of two processes of PyTorch, gloo", common.middle(runs, "all_reduce_seconds", "gloo")),
        ("one TCP connection over loopback, there and back", common.middle(runs, "loopback_seconds")),
    ]
    lines = ["| 16 MiB there and back | ms | GB/s |", "| --- | --: | --: |"]
    lines += [f"| {name} | {1000 * seconds:.1f} | {2 * DENSE_BYTES / seconds / 1e9:.2f} |" for name, seconds in rows]
    return "\n".join(lines)


def rows_table(runs):
    lines = ["| 1,000 rows | rows/s | median, ms | 90 % | 99 % | 99.9 % |", "| --- | --: | --: | --: | --: | --: |"]
    for name, keys in {"local": [], "TCP with CURVE": ["tcp"]}.items():
        for kind in ("pull", "push"):
            times = [common.middle(runs, *keys, kind, "latency", f"{part}_us") / 1000 for part in ("p50", "p90", "p99", "p999")]
            rate = common.middle(runs, *keys, kind, "rows_per_second")
            lines.append(f"| {kind}, {name} | {rate:,.0f} | " + " | ".join(f"{ms:.2f}" for ms in times) + " |")
    return "\n".join(lines)


def unequal_table(runs):
    lines = ["| consistency | equal workers, samples/s | one five times slower | kept |", "| --- | --: | --: | --: |"]
    for name, own in runs.items():
        same, slow = statistics.median(own["same"]), statistics.median(own["slow"])
        lines.append(f"| `{name}` | {same:,.0f} | {slow:,.0f} | {100 * slow / same:.0f} % |")
    return "\n".join(lines)


def write_results(runs, folder, repetitions):
    about = common.environment("bench/servers")
    text = f"""# Parameter servers

{common.about_machine(about)}
Medians of {repetitions} repetitions; {SERVERS} server processes and one worker on this host.

{dense_table(runs["dense"])}

Rows of a table of 10 million rows of 32 values (1.3 GB), drawn at random:

{rows_table(runs["rows"])}

Two workers with a core each, the CNN with 32 and 64 channels on MNIST, batch 64; the slower one sleeps four times as long as it computes:

{unequal_table(runs["unequal"])}
"""
    common.write_pair(folder, "servers", {"environment": about, "runs": runs}, text)
    print("\n" + text)


def main():
    options = common.options_parser("bench/servers", __doc__, repetitions=5, data=True).parse_args()
    write_results(measure(common.mnist_folder(options), options.repetitions), options.out, options.repetitions)


if __name__ == "__main__":
    common.run("bench/servers", main)
