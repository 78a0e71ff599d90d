"""A kernel that tells what a test says, and a service that remembers what it ran."""

import os
from collections import deque
from collections.abc import Awaitable, Callable

from exporter.detection.detector import Service
from exporter.detection.host import Look, Subscription, Told
from exporter.detection.links import LinkTable
from exporter.errors import NetnsGone
from exporter.hostns import HostFound
from exporter.model.outcome import Scope
from exporter.model.pair import Pair, Planned
from exporter.model.plan import plan
from exporter.model.sweep import Choose
from exporter.model.tally import Tally
from exporter.netns import NamespaceRef, NetnsId
from tests.fakes.topologies import demo

FORWARDING = {"net.ipv4.ip_forward": "1"}


class FakeNotifications:
    """Notifications that a test puts there; readable while there are any."""

    def __init__(self) -> None:
        """Start with none."""
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._waiting: deque[bytes | None] = deque()
        self.closed = False

    def tell(self, datagram: bytes | None) -> None:
        """Let a datagram come; None: some were lost."""
        self._waiting.append(datagram)
        os.eventfd_write(self._fd, 1)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def read(self) -> Told:
        """Return everything that waits."""
        os.eventfd_read(self._fd)
        told, lost = [], False
        while self._waiting:
            datagram = self._waiting.popleft()
            lost = lost or datagram is None
            if datagram is not None:
                told.append(datagram)
        return Told(tuple(told), lost)

    def close(self) -> None:
        """Close the descriptor."""
        if not self.closed:
            self.closed = True
            os.close(self._fd)


class FakeKernel:
    """Opens notifications, and looks as a test says."""

    def __init__(self) -> None:
        """Tell everything, see nothing wrong."""
        self.refusals: dict[str, str] = {}
        self.answer = Look(sysctls=FORWARDING)
        self.gone = False
        """The namespace has ended."""
        self.opened: list[Subscription] = []
        self.nftables = FakeNotifications()
        self.links = FakeNotifications()
        self.looks = 0

    def subscribe(self, found: HostFound) -> Subscription:
        """Open what is not refused."""
        if self.gone:
            raise NetnsGone(str(found.ref.path))
        if self.opened:
            self.nftables, self.links = FakeNotifications(), FakeNotifications()
        refused = self.refusals
        opened = Subscription(
            identity=found.identity,
            nftables=None if "nftables" in refused else self.nftables,
            links=None if "links" in refused else self.links,
            table=LinkTable((), ()),
            refusals=dict(refused),
        )
        self.opened.append(opened)
        return opened

    def look(self, found: HostFound) -> Look:
        """Return what is to be seen."""
        if self.gone:
            raise NetnsGone(str(found.ref.path))
        self.looks += 1
        return self.answer

    def close(self) -> None:
        """Close what was made and perhaps never opened."""
        self.nftables.close()
        self.links.close()


class Sweeps:
    """What is around a detector."""

    def __init__(self) -> None:
        """Have a host, and the demo."""
        self.host: HostFound | None = host_found(1)
        self.topology = demo()
        self.known = True
        """The topology is."""
        self.tally = Tally()
        self.ran: list[tuple[str, tuple[Planned, ...]]] = []
        self.error: Exception | None = None
        self.changes = 0
        self.broken = list[Pair]()

    async def sweep(self, trigger: str, choose: Choose) -> None:
        """Remember a sweep and what it would have probed."""
        scopes = frozenset(Scope) - {Scope.NAME}
        found = choose(plan(self.topology, scopes, lambda _: True))
        self.ran.append((trigger, found))
        if self.error is not None:
            raise self.error

    def note(self) -> None:
        """Remember that the state of detection is another one."""
        self.changes += 1

    def count(self, add: Callable[[Tally], None]) -> None:
        """Count."""
        add(self.tally)

    async def guarded(self, stage: str, work: Awaitable[None]) -> bool:
        """Survive what a piece of work raises, and count it."""
        try:
            await work
        except ZeroDivisionError:
            self.tally.count_error(stage)
            return False
        return True

    @property
    def triggers(self) -> list[str]:
        """The triggers of the sweeps so far."""
        return [trigger for trigger, _ in self.ran]

    def service(self) -> Service:
        """Return it as the detector sees it."""
        return Service(
            host=lambda: self.host,
            topology=lambda: self.topology if self.known else None,
            sweep=self.sweep,
            changed=self.note,
            count=self.count,
            broken=lambda: self.broken,
            most=lambda: 1000,
        )


def host_found(identity: int) -> HostFound:
    """Return where a host's namespace was found."""
    return HostFound(
        ref=NamespaceRef(path=f"/ns/{identity}"),
        source="configured",
        identity=NetnsId(identity),
    )
