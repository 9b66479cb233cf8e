"""One measurement of PyTorch: trains one of the benchmark's models for a while and prints its speed as JSON.

Started by bench/compare, once a process: rank 0 alone, or one call for each rank of DistributedDataParallel.
Prints `timing` when the timed steps begin and then the result, so that the caller can look at memory outside of them.
"""

import argparse
import json
import os
import sys
import time

import numpy
import torch
import torch.distributed
import torch.nn.functional as functional
from torch import nn


def read_idx(path):
    with open(path, "rb") as file:
        data = file.read()
    dimensions = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions)]
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * dimensions).reshape(shape)


def make_model(name):
    if name == "mlp":
        return nn.Sequential(
            nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
        )
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def load(folder, model, channels_last):
    images = read_idx(os.path.join(folder, "train-images-idx3-ubyte")).astype(numpy.float32)
    images = torch.from_numpy(images).div_(255).sub_(0.1307).div_(0.3081)
    images = images.reshape(-1, 784) if model == "mlp" else images.reshape(-1, 1, 28, 28)
    if channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    labels = read_idx(os.path.join(folder, "train-labels-idx1-ubyte"))
    return images, torch.from_numpy(labels.astype(numpy.int64))


def batches(count, size, rank, world):
    """Endless index tensors: this rank's slice of each global batch, a new permutation every epoch, the same everywhere."""
    generator = torch.Generator().manual_seed(1)
    part = size // world
    while True:
        order = torch.randperm(count, generator=generator)
        for begin in range(0, count - size + 1, size):
            yield order[begin + rank * part : begin + (rank + 1) * part]


def high_water():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def make_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", choices=["mlp", "cnn"], required=True)
    parser.add_argument("--batch", type=int, required=True, help="global: the sum over the processes")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--warm-up", type=float, default=1.5, help="seconds of steps before")
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--world", type=int, default=1)
    parser.add_argument("--store", help="file by which the ranks find each other")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--optimizer", choices=["loop", "foreach", "fused"], default="foreach")
    parser.add_argument("--channels-last", type=int, default=0)
    parser.add_argument("--compile", choices=["off", "model", "all"], default="off", help="all: the optimizer's step too")
    parser.add_argument("--static-graph", type=int, default=0)
    parser.add_argument("--bucket-view", type=int, default=1)
    parser.add_argument("--bucket-mb", type=int, default=25)
    return parser.parse_args()


def join(options):
    """Rank by rank through a file; nothing for one process."""
    if options.world > 1:
        torch.distributed.init_process_group(
            "gloo", init_method="file://" + options.store, rank=options.rank, world_size=options.world
        )


def prepare_module(options):
    module = make_model(options.model)
    if options.channels_last:
        module = module.to(memory_format=torch.channels_last)
    if options.world > 1:
        module = nn.parallel.DistributedDataParallel(
            module,
            gradient_as_bucket_view=bool(options.bucket_view),
            static_graph=bool(options.static_graph),
            bucket_cap_mb=options.bucket_mb,
        )
    return module


def make_step(options, module):
    """A step of training on inputs and target, that returns the loss."""
    kind = {"loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}[options.optimizer]
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9, **kind)

    def loss_of(inputs, target):
        return functional.cross_entropy(module(inputs), target)

    update = optimizer.step
    if options.compile != "off":
        loss_of = torch.compile(loss_of)
    if options.compile == "all":
        update = torch.compile(update)

    def step(inputs, target):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(inputs, target)
        loss.backward()
        update()
        return loss

    return step


def main():
    options = make_options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    images, labels = load(options.data, options.model, options.channels_last)
    join(options)
    step = make_step(options, prepare_module(options))
    order = batches(len(images), options.batch, options.rank, options.world)

    def timed(count):
        begin = time.perf_counter()
        for _ in range(count):
            samples = next(order)
            loss = step(images.index_select(0, samples), labels.index_select(0, samples))
        return time.perf_counter() - begin, loss

    def agree(value):
        """Rank 0's number, on every rank: all must take the same number of steps."""
        agreed = torch.tensor([value])
        if options.world > 1:
            torch.distributed.broadcast(agreed, 0)
        return agreed.item()

    timed(3)
    warm_up = max(1, int(options.warm_up / agree(timed(10)[0] / 10)))
    count = max(10, int(1.05 * options.seconds / agree(timed(warm_up)[0] / warm_up)) + 1)
    print("timing", flush=True)
    elapsed, loss = timed(count)
    result = {
        "samples_per_second": count * options.batch / elapsed,
        "seconds": elapsed,
        "steps": count,
        "loss": loss.item(),
        "high_water_bytes": high_water(),
    }
    print(json.dumps(result), flush=True)
    timed(count // 4)  # for the caller to look at the memory
    if options.world > 1:
        torch.distributed.barrier()
        sys.stdout.flush()
        os._exit(0)  # gloo's threads sometimes abort a process that ends in order


if __name__ == "__main__":
    main()
