"""The command line of scripts/chaos."""

from __future__ import annotations

import argparse
import concurrent.futures
import itertools
import os
import pathlib
import shutil
import signal
import sys
import threading
from collections.abc import Iterator

from . import network
from .jobs import MNIST, PROGRAM, SKLEARN, ReferenceFailed, References, fetch
from .plan import KINDS, Schedule, make_schedule
from .processes import ROOT
from .run import Result, Run, Stopped
from .strike import planned_faults
from .table import line_of, table_of

# Short, of three jobs, and between them most of what needs neither root nor etcd (--plan shows it).
CI_SEEDS = (70, 144, 146, 161, 282, 304, 552)


def parse(words: list[str] | None) -> argparse.Namespace:
    kinds = "\n".join(f"  {kind:<16} {its.text}" for kind, its in KINDS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/chaos", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs small jobs while their workers, launchers, disks and networks fail. Each must end with\n"
                    "status 0 and the weights of the same job without faults (docs/chaos.md).",
        epilog=f"kinds of faults:\n{kinds}\n\nCHAOS_PROGRAM: the convoy to use (default: build/release/convoy)")
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="how many schedules (default: 20)")
    parser.add_argument("--first", type=int, default=0, metavar="S", help="the first seed (default: 0)")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="schedules at a time (default: 1)")
    parser.add_argument("--only", default="", metavar="KIND,...", help="only schedules with one of these faults")
    parser.add_argument("--ci", action="store_true", help="a small fixed set that needs neither root nor etcd")
    parser.add_argument("--keep", action="store_true", help="keep the folders of schedules that went well, too")
    parser.add_argument("--plan", action="store_true", help="print the schedules, and stop")
    parser.add_argument("--dir", type=pathlib.Path, default=ROOT / "build/chaos", metavar="DIR",
                        help="where runs and logs go (default: build/chaos)")
    options = parser.parse_args(words)
    unknown = [kind for kind in options.only.split(",") if kind and kind not in KINDS]
    if unknown:
        parser.error(f"--only {unknown[0]}: there is no such kind (--help lists them)")
    if options.seeds < 1 or options.jobs < 1 or options.first < 0:
        parser.error("--seeds and --jobs are 1 or more, --first 0 or more")
    return options


def schedules_of(options: argparse.Namespace) -> Iterator[Schedule]:
    if options.ci:
        return map(make_schedule, CI_SEEDS)
    seeds: Iterator[Schedule] = map(make_schedule, itertools.count(options.first))
    wanted = {kind for kind in options.only.split(",") if kind}
    if wanted:
        seeds = (schedule for schedule in seeds if any(schedule.has(kind) for kind in wanted))
    return itertools.islice(seeds, options.seeds)


def probe(ci: bool) -> dict[str, str]:
    """What this machine cannot do, and why. Data is fetched here, once."""
    lacking: dict[str, str] = {}
    if problem := fetch(MNIST):
        raise OSError(problem)
    if ci:
        return lacking
    if problem := fetch(SKLEARN):
        lacking["digits"] = problem
    if problem := network.namespaces_problem():
        lacking["namespaces"] = lacking["nft"] = problem
    elif problem := network.loss_problem():
        lacking["nft"] = f"{problem} (apt-get install nftables)"
    if shutil.which("etcd") is None:
        lacking["etcd"] = "etcd is not installed (apt-get install etcd-server)"
    return lacking


class Suite:
    def __init__(self, options: argparse.Namespace, lacking: dict[str, str]) -> None:
        self.options = options
        self.chosen: list[Schedule] = []
        for schedule in schedules_of(options):
            if lacks := schedule.needs & set(lacking):
                print(f"seed {schedule.seed}: left out, needs {', '.join(sorted(lacks))}", flush=True)
            else:
                self.chosen.append(schedule)
        self.folder = options.dir / str(os.getpid())
        self.folder.mkdir(parents=True, exist_ok=True)
        self.references = References(self.folder)
        self.stop = threading.Event()
        self.results: list[Result] = []

    def one(self, schedule: Schedule) -> Result | None:
        if self.stop.is_set():
            return None
        folder = self.folder / f"seed-{schedule.seed}"
        try:
            result = Run(schedule, folder, self.references, self.stop).run()
        except Stopped:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        except ReferenceFailed as error:
            result = Result(schedule, folder, [str(error)])
        if result.ok and not self.options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        return result

    def show(self, result: Result | None) -> None:
        if result is None:
            return
        self.results.append(result)
        print(line_of(result), flush=True)
        if not result.ok:
            print(f"  kept: {result.folder}\n  again: scripts/chaos --seeds 1 --first {result.schedule.seed}", flush=True)

    def run(self) -> int:
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            waiting = {pool.submit(self.one, schedule) for schedule in self.chosen}
            while waiting:  # with a limit, so that Ctrl-C is heard
                done, waiting = concurrent.futures.wait(waiting, 0.5, concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    self.show(future.result())
        self.close()
        if self.results:
            print(f"\n{table_of(self.results)}")
        failed = [result for result in self.results if not result.ok]
        print(f"\n{len(self.results) - len(failed)} of {len(self.results)} schedules ok")
        if self.stop.is_set():
            return 130
        return 1 if failed or not self.results else 0

    def interrupt(self, *_: object) -> None:
        print("stopping ...", file=sys.stderr, flush=True)
        self.stop.set()

    def close(self) -> None:
        for folder in self.folder.glob("reference-*"):
            shutil.rmtree(folder, ignore_errors=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()


def print_plan(options: argparse.Namespace) -> int:
    for schedule in schedules_of(options):
        faults = planned_faults(schedule.faults)
        print(f"seed {schedule.seed}: {schedule}" + (f"; CONVOY_FAULTS={faults}" if faults else ""))
    return 0


def main(words: list[str] | None = None) -> int:
    options = parse(words)
    if options.plan:
        return print_plan(options)
    if not PROGRAM.exists():
        print(f"{PROGRAM}: not there; build it first (./convoy --version does)", file=sys.stderr)
        return 1
    try:
        lacking = probe(options.ci)
    except OSError as error:
        print(f"scripts/chaos: {error}", file=sys.stderr)
        return 1
    for what, why in lacking.items():
        print(f"without {what}: {why}", flush=True)
    suite = Suite(options, lacking)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, suite.interrupt)
    return suite.run()
