"""Namespaces that look like the host of an engine, without an engine."""

from contextlib import ExitStack
from pathlib import Path

from exporter.netns import NamespaceRef, NetnsId, open_namespace
from tests.fakes.listener import Program, listening
from tests.lab.namespaces import Namespace


class Host:
    """A namespace with an engine's bridges, and a process of the engine's name."""

    def __init__(self, namespace: Namespace, folder: Path, program: str) -> None:
        self.namespace = namespace
        self.folder = folder
        self._ends = ExitStack()
        namespace.ip(
            "link add docker0 type bridge",
            "address add 172.17.0.1/16 dev docker0",
            "link set docker0 up",
        )
        self.program: Program = self._ends.enter_context(
            listening(folder, program, under=["nsenter", f"--net={namespace.path}"])
        )

    def add_named_bridge(self) -> None:
        """Add the bridge of a user's network."""
        self.namespace.ip(
            "link add br-0123456789ab type bridge",
            "address add 172.18.0.1/16 dev br-0123456789ab",
            "link set br-0123456789ab up",
        )

    def add_sandbox_folder(self, *, default: Namespace | None = None) -> str:
        """Make a folder as the engine does; return the SandboxKey in it.

        Links stand in for the engine's mounts: they would outlive a crash of a test.
        """
        netns = self.folder / "netns"
        netns.mkdir()
        (netns / "default").symlink_to((default or self.namespace).path)
        (netns / "0a1b2c3d4e5f").symlink_to(self.namespace.path)
        return str(netns / "0a1b2c3d4e5f")

    @property
    def identity(self) -> NetnsId:
        """Which namespace it is."""
        with open_namespace(NamespaceRef(path=self.namespace.path)) as namespace:
            return namespace.identity()

    def close(self) -> None:
        """End the process."""
        self._ends.close()


def make_host(ends: ExitStack, folder: Path, program: str = "dockerd") -> Host:
    """Return an engine with docker0 only."""
    made = Host(ends.enter_context(Namespace()), folder, program)
    ends.callback(made.close)
    return made
