"""Measures the all-reduce of torch.distributed's gloo beside `convoy bench comm`, which starts this once a worker.

    python gloo_peer.py SOCKET FILE RANK SIZE INTERFACE CORES

It does what the worker of its rank says on SOCKET (bench/measure/peer_channel.hpp); FILE is a path by which the ranks find
each other. For each size the fastest of gloo's settings is looked for, and is then the one that is measured.
"""

import os
import platform
import socket
import sys
import time

CHUNK_FROM = 256 << 10  # bytes: below that a buffer is not worth cutting up
SLOW = 0.25  # seconds: of operations that take longer no more settings are tried than the one of the size before
LONG = 0.05  # seconds: one trial of a setting will do
TRIAL = 0.03  # seconds for each setting


def settings():
    """(name, gloo's threads, pieces a buffer is cut into, how they are reduced)."""
    yield "1 thread", 1, 1, "each"
    yield "2 threads", 2, 1, "each"
    for threads, pieces in ((2, 2), (2, 4), (4, 4)):
        yield f"{threads} threads, {pieces} pieces at once", threads, pieces, "each"
    yield "2 threads, coalesced in 4 pieces", 2, 4, "coalesced"
    yield "2 threads, reduce-scatter and all-gather", 2, 1, "scatter"


class Gloo:
    def __init__(self, file, rank, size, interface):
        self.rank, self.size = rank, size
        self.store = dist.FileStore(file, size)
        self.interface = interface
        self.groups = {}
        self.chosen = None
        self.scatters = True
        self.last_seconds = 0.0
        self.buffer = torch.zeros(1)

    def group(self, threads):
        """A process group of gloo with so many threads of its own."""
        if threads not in self.groups:
            options = dist.ProcessGroupGloo._Options()
            options._threads = threads
            options._devices = [dist.ProcessGroupGloo.create_device(interface=self.interface)]
            store = dist.PrefixStore(f"threads-{threads}", self.store)
            self.groups[threads] = dist.ProcessGroupGloo(store, self.rank, self.size, options)
        return self.groups[threads]

    def operation(self, setting):
        """What one all-reduce of the buffer is under this setting: a function."""
        _, threads, pieces, how = setting
        group, parts = self.group(threads), list(self.buffer.chunk(pieces))
        if how == "scatter":
            own = torch.empty(self.buffer.numel() // self.size)

            def scatter_and_gather():
                group._reduce_scatter_base(own, self.buffer).wait()
                group._allgather_base(self.buffer, own).wait()

            return scatter_and_gather
        if how == "coalesced":
            return lambda: group.allreduce_coalesced(parts).wait()
        if pieces == 1:
            return lambda: group.allreduce(parts).wait()

        def all_at_once():
            for work in [group.allreduce([part]) for part in parts]:
                work.wait()

        return all_at_once

    def usable(self, setting, count):
        _, _, pieces, how = setting
        if how == "scatter":
            return self.scatters and count % self.size == 0
        return pieces == 1 or 4 * count >= CHUNK_FROM

    def slowest(self, seconds):
        """The longest of all ranks'."""
        tensor = torch.tensor([seconds], dtype=torch.float64)
        options = dist.AllreduceOptions()
        options.reduceOp = dist.ReduceOp.MAX
        self.group(1).allreduce([tensor], options).wait()
        return tensor.item()

    def seconds(self, operation, operations):
        if operations > 1:
            operation()
        self.group(1).barrier().wait()
        begin = time.perf_counter()
        for _ in range(operations):
            operation()
        return (time.perf_counter() - begin) / operations

    def check(self, setting):
        """Why it does not sum, empty if it does. The buffer holds zeros afterwards."""
        index = torch.arange(self.buffer.numel()) % 97
        self.buffer.copy_(index + self.rank + 1)
        self.operation(setting)()
        right = torch.equal(self.buffer, (index * self.size + self.size * (self.size + 1) // 2).float())
        self.group(1).barrier().wait()
        self.buffer.zero_()
        return "" if right else f"gloo with {setting[0]} did not compute the sum"

    def prepare(self, count):
        if self.buffer.numel() != count:
            self.buffer = torch.zeros(count)
        if self.chosen is None or self.last_seconds * 4 < SLOW:
            self.choose(count)
        problem = self.check(self.chosen)
        return f"failed {problem}" if problem else f"ready {self.chosen[0]}"

    def choose(self, count):
        best = None
        for setting in settings():
            if not self.usable(setting, count):
                continue
            try:
                operation = self.operation(setting)
                once = self.slowest(min(self.seconds(operation, 1) for _ in range(2)))
            except RuntimeError:  # a gloo that has no such operation
                self.scatters = False
                continue
            times = [once]
            for _ in range(3 if once < LONG else 0):
                times.append(self.slowest(self.seconds(operation, max(1, min(200, int(TRIAL / 3 / once))))))
            seconds = sorted(times[1:] or times)[len(times[1:] or times) // 2]
            if best is None or seconds < best:
                best, self.chosen, self.last_seconds = seconds, setting, seconds

    def answer(self, verb, size, operations):
        count = size // 4
        if verb == "prepare":
            return self.prepare(count)
        return f"{self.seconds(self.operation(self.chosen), operations):.9g}"


def main():
    path, file, rank, size, interface, cores = sys.argv[1:]
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    torch.set_num_threads(1)
    gloo = Gloo(file, int(rank), int(size), interface)
    channel = socket.socket(socket.AF_UNIX)
    channel.connect(path)
    channel.sendall(f"PyTorch {torch.__version__}, Python {platform.python_version()}\n".encode())
    for line in channel.makefile():
        verb, _, bytes_, *operations = line.split()
        try:
            answer = gloo.answer(verb, int(bytes_), int(operations[0]) if operations else 1)
        except RuntimeError as problem:
            answer = "failed " + str(problem).splitlines()[0]
        channel.sendall((answer + "\n").encode())


if __name__ == "__main__":
    try:
        import torch
        import torch.distributed as dist
    except ImportError as problem:
        sys.exit(f"{sys.executable}: {problem}")
    main()
