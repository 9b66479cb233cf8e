"""One schedule from start to end."""

from __future__ import annotations

import pathlib
import shutil
import threading
import time
from dataclasses import dataclass, field

from . import check, processes, watch
from .jobs import DATA_FILE, References, cache_of_its_own, text_of
from .place import Place
from .plan import KINDS, Schedule
from .strike import Strike, Striker, planned_faults

TIMEOUT = 120.0  # generous: a slow machine is no fault


class OutOfTime(Exception):
    pass


class Stopped(Exception):
    """Ctrl-C."""


@dataclass
class FaultResult:
    kind: str
    fired: bool
    note: str
    recovery: float | None = None


@dataclass
class Result:
    schedule: Schedule
    folder: pathlib.Path
    problems: list[str] = field(default_factory=list)
    survived: bool = False
    same_bits: bool = False
    seconds: float = 0.0
    faults: list[FaultResult] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems


class Run:
    def __init__(self, schedule: Schedule, folder: pathlib.Path, references: References,
                 stop: threading.Event) -> None:
        self.schedule = schedule
        self.references = references
        self.stop = stop
        self.result = Result(schedule, folder)
        self.place = Place(schedule, folder, planned_faults(schedule.faults))
        self.strikes: list[Strike] = []
        self.deadline = 0.0

    def sleep(self, seconds: float) -> None:
        """Also looks whether it has to end."""
        until = time.monotonic() + seconds
        while True:
            if self.stop.is_set():
                raise Stopped
            now = time.monotonic()
            if now > self.deadline:
                raise OutOfTime
            if now >= until:
                return
            time.sleep(min(0.05, until - now))

    def run(self) -> Result:
        digest = self.references.digest(self.schedule.job)
        folder = self.result.folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "job.yaml").write_text(
            text_of(self.schedule.job, self.schedule.transport, 1 if self.schedule.has("flip-weights") else 0))
        begin = time.monotonic()
        self.deadline = begin + TIMEOUT
        try:
            self.execute()
            self.judge(digest)
        except OutOfTime:
            self.result.problems.append(f"did not end within {TIMEOUT:.0f} s")
            processes.write_stacks(self.place.token, folder)
        except OSError as error:
            self.result.problems.append(str(error))
        finally:
            self.place.close()
            self.result.seconds = time.monotonic() - begin
        self.measure()
        return self.result

    def execute(self) -> None:
        if self.schedule.has("flip-data"):
            self.place.cache = self.result.folder / "cache"
            cache_of_its_own(*DATA_FILE[self.schedule.job.model], self.place.cache)
        self.place.open()
        striker = Striker(self.place, self.sleep)
        if self.reach(1):
            self.place.first_members = {found.worker for found in self.place.workers()}
        for fault in self.schedule.faults:
            if KINDS[fault.kind].planned:
                self.strikes.append(Strike(fault, fired=True, note="planned"))
            elif self.reach(fault.step):
                self.strikes.append(striker.strike(fault))
            else:
                self.strikes.append(Strike(fault, note="the run had ended"))
        while self.place.running():
            self.sleep(0.02)

    def reach(self, step: int) -> bool:
        """Waits until so many steps are told; false when the run ends before."""
        log = self.place.run / "metrics.jsonl"
        while watch.newest_step(log) < step:
            if not self.place.running():
                return False
            self.sleep(0.005)
        return self.place.running()

    def judge(self, digest: str) -> None:
        result = self.result
        self.place.kill_etcd()
        for _ in range(100):  # what was killed needs a moment to be gone
            if not processes.marked(self.place.token):
                break
            time.sleep(0.02)
        result.problems += check.exit_problems(self.place)
        result.survived = not result.problems
        own = check.digest_of(self.place)
        result.same_bits = own == digest
        if not result.same_bits:
            result.problems.append(f"weights_sha256 {own[:16]} is not {digest[:16]}")
        result.problems += check.crash_problems(self.place)
        result.problems += check.log_problems(self.place.run / "metrics.jsonl", self.schedule.job.steps)
        result.problems += check.leftover_problems(self.place)
        events = watch.read_events(self.place.run / "metrics.jsonl")
        for strike in self.strikes:
            if check.passed_by(self.place, strike, events):
                strike.fired = False
                strike.note = "nothing came of it"
            if strike.fired:
                result.problems += check.evidence_problems(self.place, strike, events)

    def measure(self) -> None:
        """Recovery times; none where the next fault struck before it was over: that one was measured then."""
        events = watch.read_events(self.place.run / "metrics.jsonl")
        times = [strike.at for strike in self.strikes if strike.fired]
        for strike in self.strikes:
            its = FaultResult(strike.fault.kind, strike.fired, strike.note)
            if strike.fired and not KINDS[strike.fault.kind].planned:
                its.recovery = check.recovery_of(strike, events)
                over = strike.at + (its.recovery or 0.0)
                if any(strike.at < at < over for at in times):
                    its.recovery = None
            self.result.faults.append(its)
