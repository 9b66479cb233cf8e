"""Hosts on this machine: network namespaces joined by a bridge of veth pairs (as tests/system/hosts.cpp). Needs root."""

from __future__ import annotations

import itertools
import os
import subprocess
import threading

numbers = itertools.count()
numbers_lock = threading.Lock()


def call(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")


class Hosts:
    """Two hosts or more; gone after close()."""

    def __init__(self, count: int) -> None:
        with numbers_lock:
            self.number = next(numbers)
        self.count = count
        self.prefix = f"chaos-{os.getpid()}-{self.number}"
        try:
            self.create()
        except OSError:
            self.close()
            raise

    def name(self, host: int) -> str:
        return f"{self.prefix}-{host}" if host >= 0 else f"{self.prefix}-bridge"

    def address(self, host: int) -> str:
        return f"10.88.{self.number % 250}.{host + 1}"

    def on(self, host: int) -> list[str]:
        """The words before a command that runs there."""
        return ["ip", "netns", "exec", self.name(host)]

    def create(self) -> None:
        bridge = self.name(-1)
        call("ip", "netns", "add", bridge)
        call("ip", "-n", bridge, "link", "add", "br0", "type", "bridge")
        call("ip", "-n", bridge, "link", "set", "br0", "up")
        for host in range(self.count):
            name = self.name(host)
            call("ip", "netns", "add", name)
            call("ip", "-n", name, "link", "set", "lo", "up")
            call("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", f"v{host}", "netns", bridge)
            call("ip", "-n", bridge, "link", "set", f"v{host}", "master", "br0", "up")
            call("ip", "-n", name, "address", "add", f"{self.address(host)}/24", "dev", "eth0")
            call("ip", "-n", name, "link", "set", "eth0", "up")

    def set_link(self, host: int, up: bool) -> None:
        """At the switch: the host itself still has its address, and only sends into the void."""
        call("ip", "-n", self.name(-1), "link", "set", f"v{host}", "up" if up else "down")

    def slow_down(self, host: int) -> None:
        """What it sends: packets wait for their turn, up to 0.1 s, and are dropped after that."""
        call("tc", "-n", self.name(host), "qdisc", "add", "dev", "eth0", "root",
             "tbf", "rate", "2mbit", "burst", "32kb", "latency", "100ms")

    def speed_up(self, host: int) -> None:
        call("tc", "-n", self.name(host), "qdisc", "del", "dev", "eth0", "root")

    def lose(self, host: int, percent: int) -> None:
        """Of the packets that come, by chance."""
        nft = [*self.on(host), "nft"]
        call(*nft, "add table inet chaos")
        call(*nft, "add chain inet chaos input { type filter hook input priority 0; }")
        call(*nft, f"add rule inet chaos input iifname eth0 numgen random mod 100 < {percent} drop")

    def lose_nothing(self, host: int) -> None:
        call(*self.on(host), "nft", "delete table inet chaos")

    def close(self) -> None:
        for host in range(-1, self.count):
            subprocess.run(["ip", "netns", "del", self.name(host)], capture_output=True, check=False)


def namespaces_problem() -> str:
    """Empty when hosts can be made here."""
    try:
        Hosts(1).close()
    except OSError as error:
        return str(error)
    return ""


def loss_problem() -> str:
    """Empty when packets can be dropped here."""
    try:
        hosts = Hosts(1)
    except OSError as error:
        return str(error)
    try:
        hosts.lose(0, 1)
        return ""
    except OSError as error:
        return str(error)
    finally:
        hosts.close()
