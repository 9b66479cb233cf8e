"""One of two processes that sum a buffer over gloo by torch.distributed; rank 0 prints the mean seconds as JSON. bench/servers starts them."""

import argparse
import json
import os
import time

import torch
import torch.distributed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes", type=int, required=True)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--rank", type=int, required=True)
    parser.add_argument("--world", type=int, default=2)
    parser.add_argument("--store", required=True, help="file by which the ranks find each other")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method="file://" + options.store, rank=options.rank, world_size=options.world
    )
    values, total = torch.ones(options.bytes // 4), 0.0
    for i in range(-3, options.times):
        torch.distributed.barrier()
        begin = time.perf_counter()
        torch.distributed.all_reduce(values)
        total += time.perf_counter() - begin if i >= 0 else 0.0
        values.fill_(1)
    if options.rank == 0:
        print(json.dumps({"seconds": total / options.times}), flush=True)
    torch.distributed.barrier()
    os._exit(0)  # gloo's threads sometimes abort a process that ends in order


if __name__ == "__main__":
    main()
