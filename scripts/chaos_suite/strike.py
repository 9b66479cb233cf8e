"""How each kind of fault is made."""

from __future__ import annotations

import pathlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from . import watch
from .jobs import DATA_FILE, package_folder
from .network import Hosts
from .place import Place
from .plan import Fault
from .processes import Found, send, stat_of

Sleep = Callable[[float], None]  # raises when the schedule is over


@dataclass
class Strike:
    """What was done."""

    fault: Fault
    fired: bool = False
    note: str = ""  # why not, or to whom
    at: float = 0.0  # seconds, UTC
    step: int = 0  # the newest one told then
    worker: int | None = None  # the victim
    loses: bool = False  # the victim must be told as lost
    file: str = ""  # that was damaged


class Striker:
    def __init__(self, place: Place, sleep: Sleep) -> None:
        self.place = place
        self.sleep = sleep
        self.log = place.run / "metrics.jsonl"

    def strike(self, fault: Fault) -> Strike:
        done = Strike(fault)
        action = getattr(self, fault.kind.replace("-", "_"))
        done.step = watch.newest_step(self.log)
        done.at = time.time()
        action(done)
        return done

    # Victims.

    def member(self, done: Strike, spare_writer: bool = False) -> Found | None:
        """A worker that takes part, chosen by the schedule's number."""
        now = watch.members(watch.read_events(self.log), self.place.first_members)
        writer = self.place.writer() if spare_writer else None
        possible = [found for found in self.place.workers() if found.worker in now and found.state != "T"]
        possible = [found for found in possible if writer is None or found.pid != writer.pid]
        if not possible:
            done.note = "no such worker was there"
            return None
        possible.sort(key=lambda found: found.worker)
        return possible[int(done.fault.pick * len(possible))]

    def hit(self, done: Strike, victim: Found | None, number: int) -> bool:
        done.step = watch.newest_step(self.log)
        done.at = time.time()
        if victim is None or not send(victim, number):
            return False
        done.fired = True
        done.worker = victim.worker if victim.worker >= 0 else None
        done.note = f"worker {victim.worker}" if victim.worker >= 0 else f"process {victim.pid}"
        return True

    # Processes.

    def kill(self, done: Strike) -> None:
        done.loses = self.hit(done, self.member(done, spare_writer=True), signal.SIGKILL)

    def kill_writer(self, done: Strike) -> None:
        done.loses = self.hit(done, self.place.writer(), signal.SIGKILL)

    def stop(self, done: Strike) -> None:
        done.loses = self.hit(done, self.member(done), signal.SIGSTOP)

    def stop_cont(self, done: Strike) -> None:
        victim = self.member(done)
        if self.hit(done, victim, signal.SIGSTOP) and victim:
            self.sleep(self.place.schedule.lost_after * (0.1 + 0.4 * done.fault.amount))
            send(victim, signal.SIGCONT)

    def stop_cont_late(self, done: Strike) -> None:
        """Just as it is declared lost: it may run for a moment before its launcher kills it."""
        victim = self.member(done)
        if self.hit(done, victim, signal.SIGSTOP) and victim:
            done.loses = True
            self.sleep(self.place.schedule.lost_after * (1.0 + 0.2 * done.fault.amount))
            if not send(victim, signal.SIGCONT):
                done.note += ", killed by then"
            done.loses = False  # it was in time, perhaps

    def kill_rendezvous(self, done: Strike) -> None:
        servers = self.place.rendezvous()
        self.hit(done, servers[0] if servers else None, signal.SIGKILL)

    def kill_all(self, done: Strike) -> None:
        workers = self.place.workers()
        if not workers:
            done.note = "no worker was there"
            return
        done.step = watch.newest_step(self.log)
        done.at = time.time()
        done.fired = True
        done.note = f"{len(workers)} workers"
        for worker in workers:
            send(worker, signal.SIGKILL)

    # Launchers.

    def join(self, done: Strike) -> None:
        self.place.launch(1)
        done.fired = True
        done.note = f"{self.place.schedule.workers[1]} more workers"

    def freeze(self, done: Strike) -> None:
        if len(self.place.launchers) < 2:
            done.note = "there is one launcher only"
            return
        launcher = self.place.launchers[1]
        crew = self.place.workers([launcher])
        done.fired = bool(crew)
        done.note = f"{len(crew)} workers"
        launcher.process.send_signal(signal.SIGSTOP)
        for found in crew:
            send(found, signal.SIGSTOP)
        self.sleep(self.place.schedule.lost_after * (1.5 + done.fault.amount))
        self.excuse_late(1)
        launcher.process.send_signal(signal.SIGCONT)
        for found in crew:
            send(found, signal.SIGCONT)

    def excuse_late(self, number: int) -> None:
        """A launcher that comes back when the job is over, and the others have gone, cannot know how it ended."""
        over = watch.find(watch.read_events(self.log), "done", 0) >= 0
        self.place.launchers[number].excused |= over

    def kill_launcher(self, done: Strike) -> None:
        running = [launcher for launcher in self.place.launchers if launcher.running()]
        if len(running) < 2:
            done.note = "there is one launcher only"
            return
        victim = running[int(done.fault.pick * len(running))]
        victim.killed = victim.excused = True
        victim.process.kill()
        done.fired = True
        done.note = f"launcher {self.place.launchers.index(victim)}"

    def kill_etcd(self, done: Strike) -> None:
        done.fired = True
        self.place.kill_etcd()
        self.sleep(0.2 + done.fault.amount)
        self.place.start_etcd()

    # Links.

    def cut(self, done: Strike) -> None:
        self.link_down(done, self.place.schedule.lost_after * (0.1 + 0.4 * done.fault.amount))

    def partition(self, done: Strike) -> None:
        self.link_down(done, self.place.schedule.lost_after * (1.5 + done.fault.amount))

    def link_down(self, done: Strike, seconds: float) -> None:
        hosts = self.place.hosts
        if hosts is None:
            return
        done.fired = True
        done.note = f"{seconds:.1f} s"
        hosts.set_link(1, up=False)
        self.sleep(seconds)
        self.excuse_late(1)
        hosts.set_link(1, up=True)

    def slow_link(self, done: Strike) -> None:
        self.disturbed(done, Hosts.slow_down, Hosts.speed_up)

    def loss(self, done: Strike) -> None:
        self.disturbed(done, lambda hosts, host: hosts.lose(host, percent=5), Hosts.lose_nothing)

    def disturbed(self, done: Strike, begin: Callable[[Hosts, int], None], end: Callable[[Hosts, int], None]) -> None:
        hosts = self.place.hosts
        if hosts is None:
            return
        done.fired = True
        seconds = 0.5 + done.fault.amount
        done.note = f"{seconds:.1f} s"
        for host in range(2):
            begin(hosts, host)
        self.sleep(seconds)
        for host in range(2):
            end(hosts, host)

    # Bytes.

    def flip_checkpoint(self, done: Strike) -> None:
        """Nothing may write a newer one between the damage and the end of the workers: they are stopped first."""
        workers = self.place.workers()
        for worker in workers:
            send(worker, signal.SIGSTOP)
        while any(stat_of(worker.pid)[0] not in ("T", "Z", "") for worker in workers):
            self.sleep(0.005)
        found = sorted((self.place.run / "checkpoints").glob("step-*.checkpoint"))
        if len(found) >= 2 and workers:
            done.fired = True
            done.file = found[-1].name
            done.note = done.file
            flip_byte(found[-1], done.fault.amount)
        else:
            done.note = "there were not two checkpoints yet"
        done.step = watch.newest_step(self.log)
        done.at = time.time()
        for worker in workers:
            send(worker, signal.SIGKILL if done.fired else signal.SIGCONT)

    def flip_data(self, done: Strike) -> None:
        """Those that replace the workers find it."""
        if self.place.cache is None:
            return
        source, file = DATA_FILE[self.place.schedule.job.model]
        flip_byte(package_folder(source, self.place.cache) / file, done.fault.amount)
        done.file = file.rsplit("/", 1)[-1]
        self.kill_all(done)


def flip_byte(path: pathlib.Path, where: float) -> None:
    with open(path, "r+b") as file:
        file.seek(0, 2)
        at = int(where * file.tell())
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes((byte ^ 0x10,)))


def planned_faults(faults: tuple[Fault, ...]) -> str:
    """CONVOY_FAULTS for those that are planned from the start. Every process counts its own calls."""
    plans = []
    for fault in faults:
        after = int(fault.pick * 4)
        times = 1 + int(fault.amount * 3)
        if fault.kind == "disk-full":
            plans.append(f"write:enospc,path=checkpoints/,after={after},times={times}")
        elif fault.kind == "disk-error":
            call = "sync:eio" if fault.amount < 0.5 else "rename:eio"
            plans.append(f"{call},path=checkpoints/,after={after},times={times}")
        elif fault.kind == "short-write":
            plans.append(f"write:short,path=checkpoints/,after={after},times={10 * times}")
        elif fault.kind == "crash-write":
            plans.append(f"crash:write,path=checkpoints/,after={1 + after},worker=0")
        elif fault.kind == "crash-update":
            plans.append(f"crash:update,after={100 + int(fault.pick * 1500)},worker=0")
        elif fault.kind == "flip-message":
            plans.append(f"message:flip,after={20 + int(fault.pick * 200)},times={times}")
        elif fault.kind == "flip-weights":
            plans.append(f"weights:flip,step={10 + int(fault.pick * 40)},worker=0")
    return ";".join(plans)
