"""What happens in a schedule. It follows from the seed alone, whatever this machine can do."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kind:
    """A kind of fault."""

    text: str
    place: str = ""  # where it can happen; empty: anywhere
    needs: tuple[str, ...] = ()  # what this machine must be able to do
    once: bool = False  # at most once in a schedule
    planned: bool = False  # CONVOY_FAULTS makes it from the start, not a step of the schedule
    alone: bool = False  # no other fault beside it


KINDS: dict[str, Kind] = {
    "kill": Kind("SIGKILL of a worker that does not write the run's folder"),
    "kill-writer": Kind("SIGKILL of the worker that writes the run's folder"),
    "stop": Kind("SIGSTOP of a worker for good"),
    "stop-cont": Kind("SIGSTOP of a worker, SIGCONT before it counts as lost"),
    "stop-cont-late": Kind("SIGSTOP of a worker, SIGCONT just when it counts as lost"),
    "kill-rendezvous": Kind("SIGKILL of the process that holds the job's state", place="rendezvous"),
    "kill-all": Kind("SIGKILL of all workers at once"),
    "join": Kind("another launcher joins with workers of its own", place="two", once=True),
    "freeze": Kind("SIGSTOP of a launcher and its workers, SIGCONT after they were lost", place="two"),
    "kill-launcher": Kind("SIGKILL of a launcher (and so its workers); state in etcd", place="etcd",
                          needs=("etcd",), once=True),
    "kill-etcd": Kind("SIGKILL of etcd, started anew a moment later", place="etcd", needs=("etcd",)),
    "cut": Kind("link between two hosts down, up again before anybody counts as lost", place="hosts",
                needs=("namespaces",)),
    "partition": Kind("link between two hosts down, up again after they lost each other", place="hosts",
                      needs=("namespaces",)),
    "slow-link": Kind("link of 2 Mbit/s with up to 0.1 s of delay for a while (tc tbf)", place="hosts",
                      needs=("namespaces",)),
    "loss": Kind("every twentieth packet between two hosts dropped for a while, by chance (nft)", place="hosts",
                 needs=("namespaces", "nft")),
    "disk-full": Kind("ENOSPC while a checkpoint is written", planned=True, once=True),
    "disk-error": Kind("EIO while a checkpoint is synced or renamed", planned=True, once=True),
    "short-write": Kind("writes of a checkpoint that do only a part", planned=True, once=True),
    "crash-write": Kind("SIGKILL in the middle of writing a checkpoint", planned=True, once=True),
    "flip-checkpoint": Kind("a flipped byte in the newest checkpoint, then SIGKILL of all workers", once=True),
    "flip-data": Kind("a flipped byte in a cached data file, then SIGKILL of all workers", once=True),
    "flip-message": Kind("flipped bits in messages between workers (tcp)", planned=True, once=True),
    # A worker that is alone has nobody to compare its weights with: nobody may be lost meanwhile.
    "flip-weights": Kind("a flipped bit in the weights of a worker (train.verify_every: 1)", planned=True, once=True,
                         alone=True),
    "crash-update": Kind("SIGKILL at some instant of an update that workers share", planned=True, once=True),
}

MODELS = ("mlp", "cnn", "digits")
SECOND_LAUNCHER = ("two", "hosts", "etcd")


@dataclass(frozen=True)
class Job:
    model: str
    seed: int
    steps: int
    checkpoint_every: int

    def __str__(self) -> str:
        return f"{self.model} seed {self.seed}, {self.steps} steps"


@dataclass(frozen=True)
class Fault:
    kind: str
    step: int  # strikes once this many steps are told; 0 where CONVOY_FAULTS plans it
    pick: float  # from 0 to below 1: which of the possible victims
    amount: float  # the same: how long, how much

    def __str__(self) -> str:
        return f"{self.kind}@{self.step}" if self.step else self.kind


@dataclass(frozen=True)
class Schedule:
    seed: int
    job: Job
    place: str  # one: one launcher; two: two of them here; hosts: in network namespaces; etcd: two, state in etcd
    least: int
    workers: tuple[int, ...]  # of each launcher
    transport: str
    lost_after: float
    faults: tuple[Fault, ...] = field(default=())

    @property
    def needs(self) -> set[str]:
        needs = {need for fault in self.faults for need in KINDS[fault.kind].needs}
        if self.place == "hosts":
            needs.add("namespaces")
        if self.place == "etcd":
            needs.add("etcd")
        if self.job.model == "digits":
            needs.add("digits")
        return needs

    def has(self, kind: str) -> bool:
        return any(fault.kind == kind for fault in self.faults)

    def __str__(self) -> str:
        crew = "+".join(str(count) for count in self.workers)
        faults = " ".join(str(fault) for fault in self.faults)
        return f"{self.job}; {self.least}:{crew} {self.place} {self.transport}; {faults}"


def fits(kind: str, place: str) -> bool:
    wanted = KINDS[kind].place
    if wanted == "rendezvous":
        return place != "etcd"
    return wanted in ("", place)


def place_for(kind: str, rng: random.Random) -> str:
    wanted = KINDS[kind].place
    if wanted == "rendezvous":
        return rng.choices(("one", "two"), (3, 1))[0]
    return wanted or rng.choices(("one", "two"), (3, 1))[0]


def choose_kinds(main: str, place: str, rng: random.Random) -> list[str]:
    chosen = [main]
    for _ in range(0 if KINDS[main].alone else rng.choice((0, 0, 1, 1, 2))):
        possible = [kind for kind, its in KINDS.items()
                    if fits(kind, place) and not its.alone and not (its.once and kind in chosen)]
        chosen.append(rng.choice(possible))
    return chosen


def place_faults(kinds: list[str], job: Job, rng: random.Random) -> tuple[Fault, ...]:
    """Steps at which they strike: early enough for the run to show what comes of it."""
    first = 2 * job.checkpoint_every + 1 if "flip-checkpoint" in kinds else 2
    last = job.steps // 6 if "join" in kinds else job.steps * 3 // 4
    faults = []
    for kind in kinds:
        step = 0 if KINDS[kind].planned else rng.randint(first, max(first, last))
        faults.append(Fault(kind, step, rng.random(), rng.random()))
    return tuple(sorted(faults, key=lambda fault: fault.step))


def choose_workers(place: str, rng: random.Random) -> tuple[int, ...]:
    if place in SECOND_LAUNCHER:
        return rng.choice(((1, 1), (2, 1), (1, 2), (2, 2)))
    return (rng.choice((2, 2, 3, 3, 4)),)


def choose_model(kinds: list[str], rng: random.Random) -> str:
    """Data that is damaged is fetched again: that of npm is in npm's own cache, Debian's is not."""
    return rng.choice(MODELS[:2] if "flip-data" in kinds else MODELS)


def make_schedule(seed: int) -> Schedule:
    names = tuple(KINDS)
    main = names[seed % len(names)]
    rng = random.Random(f"convoy chaos {seed}")
    place = place_for(main, rng)
    kinds = choose_kinds(main, place, rng)
    if "flip-message" in kinds:
        transport = "tcp"
    else:
        transport = "auto" if place == "hosts" else rng.choice(("auto", "auto", "tcp"))
    longer = 3 if "join" in kinds else 1  # to join takes a while
    job = Job(choose_model(kinds, rng), rng.randint(1, 2), longer * rng.choice((60, 90, 120)), rng.choice((4, 5, 7)))
    workers = choose_workers(place, rng)
    # What is left when a whole launcher is gone must be enough to go on.
    most_needed = min(workers) if place in SECOND_LAUNCHER else workers[0]
    least = 2 if "flip-weights" in kinds else rng.randint(1, most_needed)  # one alone compares with nobody
    return Schedule(seed, job, place, least, workers, transport, rng.choice((1.0, 1.5)),
                    place_faults(kinds, job, rng))
