"""Hosts on one machine: network namespaces joined by a bridge, each with a limit on what it sends (tc, token bucket).

Needs root and a kernel with these; Hosts raises OSError, saying what failed, where that isn't so.
"""

import os
import subprocess

OVERHEAD = 1514 / 1448  # bytes on the link for each byte of payload: Ethernet, IP and TCP headers


def call(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")


class Hosts:
    """`count` hosts, numbered from 0, with addresses 198.18.0.1 and on; `mbit` Mbit/s each. Use it in a with statement."""

    def __init__(self, count, mbit):
        self.count = count
        self.mbit = mbit
        self.prefix = f"convoy-bench-{os.getpid()}"

    def name(self, host):
        return f"{self.prefix}-{host}"

    @staticmethod
    def address(host):
        return f"198.18.0.{host + 1}"  # the block that RFC 2544 sets aside for benchmarks

    def command(self, host, command):
        """The command as it runs on that host."""
        return ["ip", "netns", "exec", self.name(host), *command]

    def __enter__(self):
        try:
            self.create()
        except OSError:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    def create(self):
        switch = f"{self.prefix}-switch"
        call("ip", "netns", "add", switch)
        call("ip", "-n", switch, "link", "add", "bridge0", "type", "bridge")
        call("ip", "-n", switch, "link", "set", "bridge0", "up")
        for host in range(self.count):
            name = self.name(host)
            call("ip", "netns", "add", name)
            call("ip", "-n", name, "link", "set", "lo", "up")
            call("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", f"port{host}", "netns", switch)
            call("ip", "-n", switch, "link", "set", f"port{host}", "master", "bridge0", "up")
            call("ip", "-n", name, "address", "add", f"{self.address(host)}/24", "dev", "eth0")
            call("ip", "-n", name, "link", "set", "eth0", "up")
            # Enough of a burst for one segment that the kernel has not cut yet, and room to queue.
            limit = ["rate", f"{self.mbit}mbit", "burst", "128kb", "latency", "200ms"]
            call("ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *limit)

    def remove(self):
        for name in [self.name(host) for host in range(self.count)] + [f"{self.prefix}-switch"]:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
