"""One worker of a PyTorch job under torchrun: the benchmark's CNN in DistributedDataParallel, as PyTorch's manual has it.

All workers start again from the newest checkpoint when torchrun restarts them. Rank 0 writes a line of JSON for each step
that is done: time and step.
"""

import argparse
import json
import os
import time

import torch
import torch.distributed
import torch.nn.functional as functional
from torch import nn

import torch_step


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--folder", required=True, help="of the checkpoint and the log")
    parser.add_argument("--batch", type=int, required=True, help="global: the sum over the processes")
    parser.add_argument("--checkpoint-every", type=int, required=True, help="steps")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    torch.distributed.init_process_group("gloo")
    rank, world = torch.distributed.get_rank(), torch.distributed.get_world_size()
    images, labels = torch_step.load(options.data, "cnn", channels_last=False)
    module = torch_step.make_model("cnn")
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.001, fused=True)
    checkpoint = os.path.join(options.folder, "checkpoint.pt")
    step = 0
    if os.path.exists(checkpoint):
        state = torch.load(checkpoint)
        module.load_state_dict(state["module"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    parallel = nn.parallel.DistributedDataParallel(module, gradient_as_bucket_view=True)
    order = torch_step.batches(len(images), options.batch, rank, world)
    for _ in range(step):
        next(order)
    with open(os.path.join(options.folder, "steps.jsonl"), "a") as log:
        while True:
            samples = next(order)
            inputs, target = images.index_select(0, samples), labels.index_select(0, samples)
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(parallel(inputs), target).backward()
            optimizer.step()
            step += 1
            if rank == 0:
                print(json.dumps({"time": time.time(), "step": step, "event": "step"}), file=log, flush=True)
            if rank == 0 and step % options.checkpoint_every == 0:
                state = {"module": module.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
                torch.save(state, checkpoint + ".new")
                os.replace(checkpoint + ".new", checkpoint)


if __name__ == "__main__":
    main()
