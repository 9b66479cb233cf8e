"""What must be true after a schedule."""

from __future__ import annotations

import json
import pathlib
import re

from . import watch
from .place import Place
from .processes import marked
from .strike import Strike
from .watch import Event


def exit_problems(place: Place) -> list[str]:
    problems = []
    for number, launcher in enumerate(place.launchers):
        status = launcher.process.returncode
        if not launcher.excused and status != 0:
            problems.append(f"launcher {number} ended with {status}: {last_line(launcher.log)}")
    return problems


def crash_problems(place: Place) -> list[str]:
    """We kill with SIGKILL alone: a worker that ended by another signal crashed, even if the job went on."""
    problems = []
    for launcher in place.launchers:
        for line in launcher.log.read_text(errors="replace").splitlines():
            if re.search(r"^convoy: worker .* killed by signal (?!9\b)", line):
                problems.append(line)
    return problems


def last_line(log: pathlib.Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def log_problems(file: pathlib.Path, steps: int) -> list[str]:
    """Every line is an event, and each step is told once, in order."""
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return [f"metrics.jsonl: {error}"]
    told = []
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
            if {"time", "step", "event"} - set(event):
                return [f"metrics.jsonl, line {number}: misses a key"]
        except ValueError as error:
            return [f"metrics.jsonl, line {number}: {error}"]
        if event["event"] == "step":
            told.append(event["step"])
    expected = list(range(1, steps + 1))
    if told == expected:
        return []
    missing = sorted(set(expected) - set(told))
    twice = sorted({step for step in told if told.count(step) > 1})
    return [f"metrics.jsonl: steps missing {missing[:5]}, told twice {twice[:5]}, in order: {told == sorted(told)}"]


def leftover_problems(place: Place) -> list[str]:
    problems = [f"process {found.pid} is left: {found.command}" for found in marked(place.token)]
    temporary = [path for path in place.run.rglob("*") if ".tmp-" in path.name or path.name.startswith(".shared-")]
    if not any(launcher.killed for launcher in place.launchers):  # nobody can tidy up after SIGKILL
        temporary += list((place.folder / "tmp").iterdir())
    return problems + [f"temporary file is left: {path.relative_to(place.folder)}" for path in temporary]


def digest_of(place: Place) -> str:
    try:
        return str(json.loads((place.run / "summary.json").read_text())["weights_sha256"])
    except (OSError, ValueError, KeyError) as error:
        return f"no digest: {error}"


EFFECT_OF = {
    **dict.fromkeys(("kill-all", "flip-checkpoint", "flip-data"), "resumed"),
    **dict.fromkeys(("kill", "kill-writer", "stop", "freeze", "kill-launcher", "partition"), "lost"),
    "join": "joined",
}


def effect_of(strike: Strike, events: list[Event]) -> int:
    """Where the log tells what the fault did: a place in `events`; -1 where it does not."""
    effect = EFFECT_OF.get(strike.fault.kind, "lost")
    return watch.find(events, effect, strike.at, strike.worker)


def recovery_of(strike: Strike, events: list[Event]) -> float | None:
    """Seconds to the next committed step: one after the fault's effect, if it must have one or had one."""
    effect = effect_of(strike, events)
    if effect < 0 and strike.fault.kind in EFFECT_OF:
        return None
    if strike.worker is None and strike.fault.kind not in EFFECT_OF:
        effect = -1  # the loss of a worker is not its doing
    return watch.recovery_seconds(events, strike.at, strike.step, effect)


def passed_by(place: Place, strike: Strike, events: list[Event]) -> bool:
    """Whether nothing came of it, as may be: another worker wrote, one alone sent and shared nothing, the joiner was late."""
    if strike.fault.kind in ("crash-write", "crash-update"):
        logs = (launcher.log.read_text(errors="replace") for launcher in place.launchers)
        return not any(re.search(r"worker 0 \(pid \d+\) was killed by signal 9\b", log) for log in logs)
    if strike.fault.kind == "join":
        return watch.find(events, "joined", strike.at) < 0
    alone = place.schedule.has("join") or any(event.get("workers") == 1 for event in events)
    repaired = any(event["event"] == "repaired" and event["what"] == "message" for event in events)
    return strike.fault.kind == "flip-message" and alone and not repaired


def evidence_problems(place: Place, strike: Strike, events: list[Event]) -> list[str]:
    """The run must have told what happened, as a person would look for it."""
    kind = strike.fault.kind
    if strike.loses and effect_of(strike, events) < 0:
        # Whoever told it may have been killed before; then all began again from a checkpoint.
        if watch.find(events, "resumed", strike.at) < 0:
            return [f"{kind}: no `lost` event for worker {strike.worker}"]
    if kind == "flip-checkpoint":
        damaged = [line for event in events if event["event"] == "resumed" for line in event.get("damaged", [])]
        if not any(strike.file in line for line in damaged):
            return [f"{kind}: {strike.file} is not named as damaged"]
    repaired = [event for event in events if event["event"] == "repaired"]
    if kind == "flip-data" and not any(strike.file in event["text"] for event in repaired):
        return [f"{kind}: {strike.file} is not told as repaired"]
    if kind in ("flip-weights", "flip-message"):
        what = kind.removeprefix("flip-")
        if not any(event["what"] == what for event in repaired):
            return [f"{kind}: no `repaired` event of {what}"]
    if kind in ("disk-full", "disk-error") and watch.find(events, "checkpoint_failed", 0) < 0:
        return [f"{kind}: no `checkpoint_failed` event"]
    return []
