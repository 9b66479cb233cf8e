"""One run of bench/strategies: starts its processes, on this host or on hosts with limited links, and reads what they left."""

import json
import os
import subprocess
import tempfile
import time

import common
import network
import strategy_contestants as contestants

PORT = 4711
TIME_LIMIT = 180  # s; a run that takes longer has failed


class RunError(Exception):
    """One line that says why a run failed."""


class Processes:
    """Processes of one run, each with its output in a file. Use it in a with statement: none is left behind."""

    def __init__(self, folder):
        self.folder = folder
        self.started = []

    def start(self, name, command):
        log = os.path.join(self.folder, f"{name}.log")
        with open(log, "w") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self.started.append((process, log))
        return process

    def wait(self, processes, enough=lambda: False):
        """Until these have ended well, or it is enough."""
        deadline = time.monotonic() + TIME_LIMIT
        while any(process.poll() is None for process in processes):
            if any(process.returncode for process in processes):
                time.sleep(2)  # the cause may be another one's
                break
            if time.monotonic() > deadline:
                raise RunError(f"took longer than {TIME_LIMIT} s")
            if enough():
                return
            time.sleep(0.02)
        failed = [(process, log) for process, log in self.started if process in processes and process.returncode]
        if failed:  # 75: lost another one, which is a consequence
            _, log = next((entry for entry in failed if entry[0].returncode != 75), failed[0])
            raise RunError(last_line(log))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process, _ in self.started:
            process.kill()
            process.wait()


def last_line(log):
    with open(log, errors="replace") as file:
        lines = [line.strip() for line in file if line.strip()]
    return lines[-1] if lines else "ended without a word"


def run_here(words, workers, servers, folder):
    """On this host, as a user does it."""
    command = [common.CONVOY, "launch", "--workers", str(workers)]
    command += ["--servers", str(servers)] if servers else []
    with Processes(folder) as processes:
        processes.wait([processes.start("launch", [*command, "--", *words])])


def run_on_links(words, workers, servers, mbit, folder, enough):
    """Each worker on a host of its own, and server k beside worker k, until it is enough."""
    secret = os.path.join(folder, "secret")
    subprocess.run([common.CONVOY, "launch", "--make-secret", secret], check=True, capture_output=True)
    with network.Hosts(workers, mbit) as hosts, Processes(folder) as processes:
        launch = [common.CONVOY, "launch", "--workers", "1", "--hosts", str(workers), "--secret-file", secret]
        launch += ["--rendezvous", f"{hosts.address(0)}:{PORT}"]
        started = []
        for host in range(workers):
            own = [*launch, "--host", str(host), "--servers", "1" if host < servers else "0", "--", *words]
            started.append(processes.start(f"host-{host}", hosts.command(host, own)))
        processes.wait(started, enough)


def curve_of(events, batch, by_clock):
    """(step, seconds, accuracy) of each evaluation. Seconds are those of training steps alone; with `by_clock`, of everything
    until this evaluation began, as others train while worker 0 evaluates."""
    curve, seconds, last, begun = [], 0.0, 0, None
    for event in events:
        if event["event"] == "step" and event["step"] > last:
            speed = event["samples_per_second"]  # 0 of a step that ended together with the next one
            spent = (event["step"] - last) * batch / speed if speed else 0.0
            begun = event["time"] - spent if begun is None else begun
            seconds += spent
            last = event["step"]
        if event["event"] == "evaluate" and event["split"] == "validation":
            at = event["time"] - event["seconds"] - begun if by_clock else seconds
            curve.append([event["step"], round(at, 5), event["metrics"]["accuracy"]])
    return curve


def bytes_of(summary):
    """What all workers and servers together sent for gradients and weights in the whole run."""
    if "workers" in summary:
        return sum(worker["bytes_sent_per_step"] for worker in summary["workers"]) * summary["steps"]
    # Of worker 0 alone, which did some of the tasks.
    tasks = dict(summary["servers"][0]["tasks"])
    own = sum(server["bytes_pushed"] + server["bytes_pulled"] for server in summary["servers"])
    return own * sum(tasks.values()) / max(1, tasks.get(0, 0))


def measure(task, contestant, workers, mbit, seed, rate):
    """One run, as what bench/results/strategies.json keeps of it; with `error` if it failed. mbit 0: on this host."""
    run = {"task": task, "contestant": contestant, "workers": workers, "mbit": mbit, "seed": seed, "rate": rate}
    # One beside each worker, so that no link is busier than with the others; all cores here are busy with fewer.
    servers = (workers if mbit else 1) if contestants.has_servers(contestant) else 0
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "run")
        try:
            words = contestants.command(task, contestant, seed, out, rate)
            if mbit:
                run_on_links(words, workers, servers, mbit, folder, lambda: reached(out, task))
            else:
                run_here(words, workers, servers, folder)
            run.update(read_run(out, task, contestant))
        except (RunError, OSError) as problem:
            run["error"] = str(problem).replace(folder + "/", "")
    run["wall_seconds"] = time.monotonic() - begun
    return run


def events_of(out):
    """The whole lines of the log so far."""
    try:
        with open(os.path.join(out, "metrics.jsonl")) as file:
            return [json.loads(line) for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []


def reached(out, task):
    return any(
        event["event"] == "evaluate" and event["metrics"]["accuracy"] >= contestants.TASKS[task]["target"]
        for event in events_of(out)
    )


def read_run(out, task, contestant):
    curve = curve_of(events_of(out), contestants.batch_of(task), not contestants.waits_for_all(contestant))
    if not curve:
        raise RunError("left no evaluation")
    run = {"curve": curve, "seconds": curve[-1][1]}
    if os.path.exists(os.path.join(out, "summary.json")):  # it was not stopped at the target
        with open(os.path.join(out, "summary.json")) as file:
            summary = json.load(file)
        run.update(steps=summary["steps"], final=summary["final"]["test_accuracy"], bytes=bytes_of(summary))
        run.update(weights_sha256=summary["weights_sha256"])
    return run
