"""Containers that can die: a namespace that only its one process keeps."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from exporter.icmp.probes import Source
from exporter.model.topology import SandboxId
from exporter.netns import NamespaceRef
from tests.lab.namespaces import run_in
from tests.lab.plain import PlainBridge, PlainLab


class Mortal:
    """A process in a namespace of its own with eth0 on a bridge of a lab."""

    def __init__(self, lab: PlainLab, bridge: PlainBridge, position: int) -> None:
        """Start it at the bridge's address plus `position`."""
        self.lab = lab
        self.port = f"mortal{position}"
        self.ipv4 = bridge.ipv4 + position
        self.process = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo; exec sleep 60"],
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.process.stdout.read(1)  # it is in
        lab.host.ip(
            f"link add {self.port} type veth peer name eth0 netns {self.process.pid}",
            f"link set {self.port} master {bridge.name} up",
        )
        commands = f"link set lo up\naddress add {self.ipv4}/24 dev eth0\n"
        run_in(
            f"/proc/{self.process.pid}/ns/net",
            ["ip", "-batch", "-"],
            stdin=commands + "link set eth0 up\n",
        )

    @property
    def source(self) -> Source:
        """It as a source of probes, known by its process alone."""
        return Source(
            id=SandboxId(self.port), namespace=NamespaceRef(pid=self.process.pid)
        )

    def kill(self) -> float:
        """Kill it; return when, by CLOCK_MONOTONIC."""
        now_s = time.monotonic()
        self.process.kill()
        return now_s

    def port_is_there(self) -> bool:
        """Return whether the host still has the other end of eth0."""
        return self.port in self.lab.host.run(["ip", "-o", "link"]).stdout

    def close(self) -> None:
        """Kill it and take its exit status."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def mortal(lab: PlainLab, position: int = 100) -> Iterator[Mortal]:
    """A container that can be killed, on the first bridge of a lab."""
    made = Mortal(lab, lab.bridges[0], position)
    try:
        yield made
    finally:
        made.close()
