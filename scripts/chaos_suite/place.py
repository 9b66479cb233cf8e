"""Where a schedule runs: its folder, its launchers, and what they meet at."""

from __future__ import annotations

import os
import pathlib
import secrets
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field

from . import processes
from .jobs import PROGRAM
from .network import Hosts
from .plan import Schedule
from .processes import MARK, Found

RESTARTS = "60"  # a loaded machine loses workers that nobody killed, and that must not be what ends a run


@dataclass
class Launcher:
    process: subprocess.Popen[bytes]
    log: pathlib.Path
    killed: bool = False  # by us
    excused: bool = False  # its exit status says nothing

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self.process.poll() is None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Place:
    schedule: Schedule
    folder: pathlib.Path
    faults: str  # CONVOY_FAULTS
    cache: pathlib.Path | None = None
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    launchers: list[Launcher] = field(default_factory=list)
    hosts: Hosts | None = None
    etcd: subprocess.Popen[bytes] | None = None
    etcd_ports: tuple[int, int] = (0, 0)
    port: int = 0
    first_members: set[int] = field(default_factory=set)  # the workers that began, by number

    @property
    def run(self) -> pathlib.Path:
        return self.folder / "run"

    def environment(self) -> dict[str, str]:
        env = processes.base_environment()
        env[MARK] = self.token
        env["TMPDIR"] = str(self.folder / "tmp")
        env["OMP_NUM_THREADS"] = "1"
        if self.faults:
            env["CONVOY_FAULTS"] = self.faults
        if self.cache:
            env["CONVOY_CACHE"] = str(self.cache)
        return env

    def open(self) -> None:
        (self.folder / "tmp").mkdir()
        secret = self.folder / "secret"
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex(32) + "\n")
        if self.schedule.place == "hosts":
            self.hosts = Hosts(2)
        if self.schedule.place == "etcd":
            self.etcd_ports = (free_port(), free_port())
            self.start_etcd()
            self.wait_for_etcd()
        if self.schedule.place in ("two", "hosts"):
            self.port = free_port()
        self.launch(0)
        if len(self.schedule.workers) > 1 and not self.schedule.has("join"):
            self.launch(1)

    def meeting_point(self) -> list[str]:
        if self.schedule.place == "one":
            return []
        if self.schedule.place == "etcd":
            at = f"etcd://127.0.0.1:{self.etcd_ports[0]}/chaos"
        else:
            address = self.hosts.address(0) if self.hosts else "127.0.0.1"
            at = f"{address}:{self.port}"
        words = ["--rendezvous", at, "--secret-file", str(self.folder / "secret")]
        return words if self.schedule.has("join") else [*words, "--hosts", "2"]

    def launch(self, number: int) -> None:
        schedule = self.schedule
        words = self.hosts.on(number) if self.hosts else []
        words += [str(PROGRAM), "launch", "--workers", f"{schedule.least}:{schedule.workers[number]}"]
        words += ["--lost-after", str(schedule.lost_after), "--restarts", RESTARTS, *self.meeting_point()]
        words += ["--", "train", "job.yaml", "--out", "run", "--replicas", "1"]
        log = self.folder / f"launcher-{number}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(words, cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        self.launchers.append(Launcher(process, log))

    def start_etcd(self) -> None:
        client, peer = (f"http://127.0.0.1:{port}" for port in self.etcd_ports)
        words = ["etcd", "--name=chaos", f"--data-dir={self.folder / 'etcd'}", f"--listen-client-urls={client}",
                 f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}",
                 f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=chaos={peer}", "--logger=zap",
                 "--log-level=error"]
        env = {name: value for name, value in self.environment().items() if not name.startswith("ETCD_")}
        with (self.folder / "etcd.log").open("ab") as out:
            self.etcd = subprocess.Popen(words, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=out,
                                         stderr=subprocess.STDOUT, start_new_session=True)

    def wait_for_etcd(self) -> None:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.etcd_ports[0])) == 0:
                    return
            time.sleep(0.05)
        raise OSError("etcd does not listen after 15 s")

    def kill_etcd(self) -> None:
        if self.etcd is not None:
            self.etcd.kill()
            self.etcd.wait()
            self.etcd = None

    def running(self) -> bool:
        return any(launcher.running() for launcher in self.launchers)

    def children(self, launchers: list[Launcher] | None = None) -> list[Found]:
        parents = {launcher.pid for launcher in (self.launchers if launchers is None else launchers)}
        return [found for found in processes.marked(self.token) if found.parent in parents]

    def workers(self, launchers: list[Launcher] | None = None) -> list[Found]:
        return [found for found in self.children(launchers) if found.worker >= 0]

    def rendezvous(self) -> list[Found]:
        return [found for found in self.children() if " rendezvous " in f"{found.command} "]

    def writer(self) -> Found | None:
        """The worker that has the run's log open."""
        log = self.run / "metrics.jsonl"
        return next((found for found in self.workers() if processes.holds(found.pid, log)), None)

    def close(self) -> None:
        """Ends everything, whatever state it is in."""
        self.kill_etcd()
        processes.kill_marked(self.token)
        for launcher in self.launchers:
            if launcher.running():
                os.kill(launcher.pid, signal.SIGKILL)
            launcher.process.wait()
        if self.hosts is not None:
            self.hosts.close()
            self.hosts = None
