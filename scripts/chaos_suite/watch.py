"""metrics.jsonl as it grows."""

from __future__ import annotations

import json
import pathlib
from typing import Any

Event = dict[str, Any]


def read_events(file: pathlib.Path) -> list[Event]:
    """The whole lines that are events; a line that is none is left out here, and found when the run is judged."""
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return []
    events = []
    for line in text.split("\n")[:-1]:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            events.append(event)
    return events


def newest_step(file: pathlib.Path) -> int:
    """Of the last lines, which is quick."""
    try:
        with file.open("rb") as log:
            log.seek(0, 2)
            size = log.tell()
            log.seek(max(0, size - 8192))
            tail = log.read()
    except OSError:
        return 0
    newest = 0
    for line in tail.split(b"\n")[1 if size > 8192 else 0 : -1]:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event.get("event") == "step":
            newest = max(newest, int(event["step"]))
    return newest


def members(events: list[Event], at_start: set[int]) -> set[int]:
    """The numbers of the workers that take part."""
    now = set(at_start)
    for event in events:
        if event["event"] == "joined":
            now.add(event["worker"])
        elif event["event"] == "lost":
            now.discard(event["worker"])
        elif event["event"] == "moved":
            now = {entry[0] for entry in event["lanes"]}
    return now


def find(events: list[Event], kind: str, since: float, worker: int | None = None) -> int:
    """The place of the first such event after a time; -1 when there is none."""
    for place, event in enumerate(events):
        matches = event["event"] == kind and (worker is None or event.get("worker") == worker)
        if matches and event["time"] >= since:
            return place
    return -1


def recovery_seconds(events: list[Event], since: float, step: int, effect: int) -> float | None:
    """From a fault to the next committed step; the first after its effect, where it has one (a place in `events`)."""
    for event in events[max(effect, 0) :]:
        if event["event"] == "step" and event["time"] >= since and (event["step"] > step or effect >= 0):
            return float(event["time"]) - since
    return None
