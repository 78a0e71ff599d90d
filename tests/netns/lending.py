"""Powers that are lent by the other process, beside our own, over a lab."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from exporter.broker.process import Process
from exporter.broker.remote import RemotePowers
from exporter.hostns import BridgeMark, HostFound
from exporter.icmp.packet import Identity
from exporter.icmp.probes import Source
from exporter.model.topology import SandboxId
from exporter.netns import NamespaceRef
from exporter.ownpowers import OwnPowers
from exporter.powers import Terms
from tests.fakes.engine_socket import EngineSocket
from tests.lab.broker import lent
from tests.lab.plain import PlainContainer, PlainLab

IDENTITY = Identity(4711, 1)


def id_of(container: PlainContainer) -> str:
    """Return the id of a container of the lab, as an engine would write it."""
    return container.name.replace("-", "").ljust(64, "0")


def descriptors(pid: int) -> set[str]:
    """Return what a process has open."""
    return {entry.name for entry in Path(f"/proc/{pid}/fd").iterdir()}


@dataclass(frozen=True)
class Stand:
    """A lab, an engine that tells of it, and powers: lent ones and our own."""

    lab: PlainLab
    engine: EngineSocket
    lent: RemotePowers
    process: Process
    own: OwnPowers

    def tell(self, identity: str, path: str, pid: int = 0, name: str = "") -> None:
        """Let the engine have a container."""
        answer = {
            "Id": identity,
            "Name": f"/{name}",
            "State": {"Pid": pid, "Running": True},
            "NetworkSettings": {"SandboxKey": path},
        }
        where = f"{self.engine.prefix}/containers/{identity}/json"
        self.engine.script[where] = lambda to: to.json(answer)

    def make_anew(self) -> None:
        """Remove the first bridge, and make another under its name."""
        bridge = self.lab.bridges[0]
        self.lab.host.ip(
            "link del br0",
            "link add br0 type bridge forward_delay 0",
            f"address add {bridge.ipv4}/24 dev br0",
            "link set br0 up",
            *(f"link set {one.port} master br0" for one in bridge.containers),
        )

    def source(self, container: PlainContainer) -> Source:
        """Return a container as a source, told of by the engine."""
        identity = id_of(container)
        self.tell(identity, container.path, name=container.name)
        assert self.lent.engine.container(identity)
        ref = NamespaceRef(path=container.path, container_id=identity)
        return Source(id=SandboxId(identity), namespace=ref)

    def host(self) -> HostFound:
        """Return the host, found over there."""
        marks = [BridgeMark(name=bridge.name) for bridge in self.lab.bridges]
        found = self.lent.find_host((), marks)
        assert isinstance(found, HostFound)
        return found


@contextmanager
def standing(lab: PlainLab, folder: Path) -> Iterator[Stand]:
    """Powers over a lab, and an engine whose socket is in a folder."""
    terms = Terms(
        environment={"DOCKER_HOST": f"unix://{folder}/docker.sock"},
        host_namespace=lab.host.path,
    )
    with EngineSocket(folder) as engine, lent(terms) as (powers, process):
        yield Stand(lab, engine, powers, process, OwnPowers(terms))
