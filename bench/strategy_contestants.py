"""What bench/strategies compares: tasks, contestants and their settings, as data."""

import json
import os

import common

RECOMMENDER = os.path.join(common.ROOT, "build/release/bench/convoy_recommender")
RECOMMENDER_DATA = os.path.join(common.ROOT, "build/recommender")
RATES = os.path.join(common.ROOT, "bench/strategies.json")  # learning rates that --tune found

# `target` is of the validation split, `set` what differs from the job file. Every run of a task sees the same samples.
TASKS = {
    "mlp": {
        "what": "MNIST, 784-128-10",
        "job": "examples/mnist/mlp.yaml",
        "target": 0.94,
        "set": ["model.hidden=[128]", "data.validation=0.0334", "train.batch=256", "train.steps=240"],
        "rate": 0.1,
        "evaluate": 15,
        "samples_per_epoch": 57996,
    },
    "cnn": {
        "what": "MNIST, twice (3×3 convolution, ReLU, 2×2 max-pooling) with 8 and 16 channels, then 64-10",
        "job": "examples/mnist/job.yaml",
        "target": 0.92,
        "set": [
            "model.channels=[8,16]",
            "model.hidden=[64]",
            "model.dropout=0",
            "data.validation=0.0334",
            "train.batch=256",
            "train.steps=135",
            "train.optimizer.kind=sgd",
            "train.optimizer.momentum=0.9",
        ],
        "rate": 0.03,
        "evaluate": 15,
        "samples_per_epoch": 57996,
    },
    "recommender": {
        "what": "Debian's packages and what they depend on, matrix factorization with 8 factors (examples/recommender)",
        "job": "examples/recommender/job.yaml",
        "program": RECOMMENDER,
        "target": 0.80,
        "set": [f"data.{split}.{kind}={RECOMMENDER_DATA}/{split}-{kind}.npy"
                for split in ("train", "test") for kind in ("features", "labels")]
        + ["train.batch=2048", "train.steps=240"],
        "rate": 500,
        "evaluate": 15,
        "samples_per_epoch": 137725,
    },
}  # fmt: skip

COMMON = [
    "train.lanes=4",
    "train.last_batch=drop",  # every step has as many samples
    "train.schedule.kind=linear",
    "train.schedule.floor=0.1",
    "train.checkpoint.every=1000000",
    "report.every=1",
    "report.html=false",
]


def compressed(kind, **options):
    return [f"strategy.compression.kind={kind}"] + [f"strategy.compression.{k}={v}" for k, v in options.items()]


def served(consistency, **options):
    words = ["strategy.kind=parameter_server", f"strategy.consistency={consistency}"]
    return words + [f"strategy.{k}={v}" for k, v in options.items()]


def averaged(kind, every, **options):
    words = [f"strategy.kind={kind}", f"strategy.average_every={every}"]
    return words + [f"strategy.{k}={v}" for k, v in options.items()]


CONTESTANTS = {
    "synchronous": [],
    "fp16": compressed("fp16"),
    "bf16": compressed("bf16"),
    "int8": compressed("int8"),
    "top_k": compressed("top_k", part=0.02),
    "random_k": compressed("random_k", part=0.2),
    "power_sgd": compressed("power_sgd", rank=4),
    "server, bsp": served("bsp"),
    "server, ssp": served("ssp", staleness=4),
    "server, async": served("async"),
    "server, async, prefetch": served("async", prefetch="true"),
    "server, async, top_k": served("async") + compressed("top_k", part=0.02),
    "server, async, dc_asgd": served("async", compensation="dc_asgd"),
    "server, async, staleness": served("async", compensation="staleness"),
    "local_sgd": averaged("local_sgd", 8),
    "local_sgd, outer (DiLoCo)": averaged("local_sgd", 16)
    + ["strategy.outer.rate=0.7", "strategy.outer.momentum=0.6", "strategy.outer.nesterov=true"],
    "elastic_averaging": averaged("elastic_averaging", 8, elasticity=0.9),
    "gossip": averaged("gossip", 8, neighbours="ring"),
}


def has_servers(contestant):
    return contestant.startswith("server")


def waits_for_all(contestant):
    """Whether no worker trains while worker 0 evaluates."""
    return not has_servers(contestant) or contestant == "server, bsp"


def tuned_rates():
    if not os.path.exists(RATES):
        return {}
    with open(RATES) as file:
        return json.load(file)


def rate_of(task, contestant):
    return tuned_rates().get(task, {}).get(contestant, TASKS[task]["rate"])


def batch_of(task):
    return next(int(word.split("=")[1]) for word in TASKS[task]["set"] if word.startswith("train.batch="))


def command(task, contestant, seed, out, rate, transport="auto"):
    """What a worker runs, without the launcher."""
    about = TASKS[task]
    words = [about["program"]] if "program" in about else ["train"]
    words += [os.path.join(common.ROOT, about["job"]), "--replicas", "1", "--out", out]
    every = about["evaluate"] * batch_of(task) / about["samples_per_epoch"]  # epochs; rounded to steps
    settings = [*COMMON, *about["set"], *CONTESTANTS[contestant]]
    settings += [f"seed={seed}", f"train.optimizer.rate={rate:g}", f"evaluate.every={every:.6f}"]
    settings += [f"strategy.transport={transport}"]
    for setting in settings:
        words += ["--set", setting]
    return words
