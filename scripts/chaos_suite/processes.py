"""The processes of a schedule, found by a mark in their environment, and what /proc says of them."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
MARK = "CHAOS_SCHEDULE"


@dataclass(frozen=True)
class Found:
    pid: int
    parent: int
    state: str
    started: str  # tells it from a later process with the same id
    worker: int  # its number in an elastic job; -1: it is none
    command: str


def base_environment() -> dict[str, str]:
    """Ours, without what would change what Convoy does."""
    kept = {"CONVOY_CACHE"}
    env = {name: value for name, value in os.environ.items() if not name.startswith("CONVOY_") or name in kept}
    env["npm_config_prefer_offline"] = "true"  # a package that is fetched again comes from npm's own cache
    return env


def read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def stat_of(pid: int) -> tuple[str, int, str]:
    """State, parent and start time; an empty state when it is gone."""
    text = read(f"/proc/{pid}/stat").decode(errors="replace")
    if ")" not in text:
        return "", 0, ""
    fields = text[text.rindex(")") + 2 :].split()
    return fields[0], int(fields[1]), fields[19]


def look_at(pid: int, mark: bytes) -> Found | None:
    variables = read(f"/proc/{pid}/environ").split(b"\0")
    if mark not in variables:
        return None
    state, parent, started = stat_of(pid)
    if state in ("", "Z", "X"):
        return None
    worker = next((int(v[14:]) for v in variables if v.startswith(b"CONVOY_WORKER=")), -1)
    command = read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
    return Found(pid, parent, state, started, worker, command)


def marked(token: str) -> list[Found]:
    """All processes of a schedule that are alive."""
    mark = f"{MARK}={token}".encode()
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return [found for pid in pids if pid != os.getpid() and (found := look_at(pid, mark))]


def send(found: Found, number: int) -> bool:
    """A signal to this very process; false when it is gone."""
    try:
        descriptor = os.pidfd_open(found.pid)
    except OSError:
        return False
    try:
        if stat_of(found.pid)[2] != found.started:
            return False
        signal.pidfd_send_signal(descriptor, number)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


def holds(pid: int, file: pathlib.Path) -> bool:
    """Whether the process has the file open."""
    try:
        for descriptor in os.scandir(f"/proc/{pid}/fd"):
            if os.readlink(descriptor.path) == str(file):
                return True
    except OSError:
        pass
    return False


def kill_marked(token: str) -> None:
    """Ends whatever is left, also what is being started meanwhile."""
    for _ in range(200):
        left = marked(token)
        if not left:
            return
        for found in left:
            send(found, signal.SIGKILL)
        time.sleep(0.02)


def write_stacks(token: str, folder: pathlib.Path) -> None:
    """What the processes that hang are doing, where gdb is installed."""
    if shutil.which("gdb") is None:
        return
    processes = [found for found in marked(token) if "convoy" in found.command]
    for found in processes:  # launchers too: they would kill workers that gdb stops
        send(found, signal.SIGSTOP)
    for found in processes:
        words = ["gdb", "-p", str(found.pid), "-batch", "-ex", "thread apply all bt 25"]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
        except subprocess.TimeoutExpired:
            continue
        name = f"stack-{found.pid}-worker{found.worker}.txt"
        (folder / name).write_text(f"{found}\n{done.stdout}")
