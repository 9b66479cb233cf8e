"""A PyTorch job under torchft: the benchmark's CNN in torchft's DistributedDataParallel, as its manual has it but for one hook
(make_parallel). Without --replica this is the starter: a lighthouse and two replica groups of a process each.

The replica that comes first in the quorum writes a line of JSON for each step that was committed: time and step.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import time

HEARTBEAT_TIMEOUT = 1000  # ms without a heartbeat after which the lighthouse gives a replica up; its default is 5000
QUORUM_TICK = 20  # ms; its default is 100


def start():
    from torchft.coordination import LighthouseServer

    lighthouse = LighthouseServer(
        bind="127.0.0.1:0", min_replicas=1, join_timeout_ms=100, quorum_tick_ms=QUORUM_TICK,
        heartbeat_timeout_ms=HEARTBEAT_TIMEOUT,
    )  # fmt: skip
    address = f"http://127.0.0.1:{lighthouse.address().rsplit(':', 1)[1]}"
    words = [sys.executable, os.path.abspath(__file__), *sys.argv[1:]]
    replicas = [
        subprocess.Popen([*words, "--replica", str(number)], env={**os.environ, "TORCHFT_LIGHTHOUSE": address})
        for number in range(2)
    ]
    for replica in replicas:
        replica.wait()


def make_manager(number, state_dict, load_state_dict):
    import torch.distributed
    import torchft

    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    manager = torchft.Manager(
        pg=torchft.ProcessGroupGloo(timeout=datetime.timedelta(seconds=5)),
        state_dict=state_dict,
        load_state_dict=load_state_dict,
        min_replica_size=1,
        rank=0,
        world_size=1,
        store_addr="127.0.0.1",
        store_port=store.port,
        hostname="127.0.0.1",
        replica_id=f"replica_{number}_",
        timeout=datetime.timedelta(seconds=5),
    )
    return store, manager


def make_parallel(manager, module):
    """torchft's DistributedDataParallel, whose survivor of an all-reduce ends with `assert fut._fut` (torchft 0.2.0, ddp.py:76): when a
    peer has died, _ManagedWork.wait (manager.py) keeps the error for Manager, as it should, before it has made that future. So the
    hook calls Manager.allreduce, which its manual has for loops of one's own, and returns a future that is done."""
    import torch
    import torchft

    class Parallel(torchft.DistributedDataParallel):
        @staticmethod
        def _comm_hook(state, bucket):
            state.allreduce(bucket.buffer()).wait()  # of a step with an error the manager commits nothing
            done = torch.futures.Future()
            done.set_result(bucket.buffer())
            return done

    return Parallel(manager, module, gradient_as_bucket_view=True)


def train(options):
    import torch
    import torch.nn.functional as functional
    import torchft

    import torch_step

    torch.set_num_threads(1)
    torch.manual_seed(1)
    images, labels = torch_step.load(options.data, "cnn", channels_last=False)
    module = torch_step.make_model("cnn")
    plain = torch.optim.AdamW(module.parameters(), lr=0.001, fused=True)

    def state():
        return {"module": module.state_dict(), "optimizer": plain.state_dict()}

    def load(found):
        module.load_state_dict(found["module"])
        plain.load_state_dict(found["optimizer"])

    store, manager = make_manager(options.replica, state, load)
    parallel = make_parallel(manager, module)
    optimizer = torchft.Optimizer(manager, plain)
    order = torch_step.batches(len(images), options.batch, options.replica, 2)
    with open(os.path.join(options.folder, "steps.jsonl"), "a") as log:
        while True:
            samples = next(order)
            inputs, target = images.index_select(0, samples), labels.index_select(0, samples)
            before = manager.current_step()
            optimizer.zero_grad()
            functional.cross_entropy(parallel(inputs), target).backward()
            optimizer.step()
            step = manager.current_step()
            if step > before and manager.participating_rank() == 0:
                print(json.dumps({"time": time.time(), "step": step, "event": "step"}), file=log, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--folder", required=True, help="of the log")
    parser.add_argument("--batch", type=int, required=True, help="global: the sum over the processes")
    parser.add_argument("--replica", type=int)
    options = parser.parse_args()
    if options.replica is None:
        start()
    else:
        train(options)


if __name__ == "__main__":
    main()
