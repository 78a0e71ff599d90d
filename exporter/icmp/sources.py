"""Which sources are open, watched and closed; for the loop's thread only."""

import select
from collections.abc import Callable
from functools import partial

from exporter.dns.lookups import LookupRound
from exporter.icmp.echoes import EchoRound
from exporter.icmp.loop import Loop
from exporter.icmp.matching import Matcher
from exporter.icmp.opening import OpenSource
from exporter.icmp.packet import Identity
from exporter.icmp.probes import Ping
from exporter.icmp.sockets import EchoSocket
from exporter.model.outcome import Result
from exporter.model.topology import SandboxId
from exporter.netns import NamespaceRef
from exporter.process import has_ended


class OpenSources:
    """The open sources, and the round that is running over them.

    Args:
        on_gone: called when a source has ended by itself, after it was closed.
        has_gone: looks whether a namespace is still there.
    """

    def __init__(
        self,
        loop: Loop,
        matcher: Matcher,
        *,
        on_gone: Callable[[SandboxId], None],
        has_gone: Callable[[NamespaceRef], bool],
    ) -> None:
        self.by_id: dict[SandboxId, OpenSource] = {}
        self._loop = loop
        self._matcher = matcher
        self._on_gone = on_gone
        self._has_gone = has_gone
        self._retired: list[OpenSource] = []
        self._round: tuple[EchoRound, LookupRound] | None = None

    def renew(self, identity: Identity) -> None:
        """Hear another identifier's replies; between two rounds.

        What waits was sent under the one before, and is matched by it. A source that
        the kernel cannot do it for is closed: it would hear no reply any more.
        """
        for source_id, opened in tuple(self.by_id.items()):
            try:
                for echo_socket in opened.echo_sockets.values():
                    echo_socket.listen_for(identity.identifier)
                    self._matcher.drain(echo_socket)
            except OSError:
                self.close(source_id)
        self._matcher.renew(identity)

    def begin(self, echoes: EchoRound, lookups: LookupRound) -> None:
        """A round starts: what arrives belongs to it."""
        for opened in self.by_id.values():
            for echo_socket in opened.echo_sockets.values():
                echo_socket.outstanding = 0
        self._round = (echoes, lookups)
        self._matcher.begin(echoes)

    def end(self) -> None:
        """The round is over."""
        self._round = None
        self._matcher.end()
        while self._retired:
            self._shut(self._retired.pop())

    def adopt(self, opened: OpenSource) -> None:
        """Watch a newly opened source; it takes the place of an older one.

        Where only the devices differ, the older one serves the running round to its
        end: its silence would else count as a failure.
        """
        source = opened.source
        older = self.by_id.pop(source.id, None)
        if older is not None:
            same = older.source.namespace == source.namespace
            if same and self._round is not None:
                self._retired.append(older)
            else:
                self._shut(older)
        self.by_id[source.id] = opened
        watch, readable = self._loop.watch, select.EPOLLIN
        for echo_socket in opened.echo_sockets.values():
            watch(echo_socket.fd, readable, partial(self._on_echo, echo_socket))
        if opened.pidfd is not None:
            watch(opened.pidfd, readable, partial(self._on_exit, opened))

    def close(self, source_id: SandboxId) -> None:
        """Close a source; unknown ones are passed over."""
        opened = self.by_id.pop(source_id, None)
        if opened is not None:
            self._shut(opened)

    def close_all(self) -> None:
        """Close everything."""
        for opened in (*self.by_id.values(), *self._retired):
            self._shut(opened)
        self.by_id.clear()
        self._retired.clear()

    def suspect(self, source_id: SandboxId) -> None:
        """Close a source if its container has ended (`echoes.Paths`)."""
        opened = self.by_id.get(source_id)
        if opened is not None and opened.is_gone(self._has_gone):
            self._let_go(opened)

    def refusal(self, ping: Ping) -> Result | None:
        """Return why the routes forbid a ping (`echoes.Paths`)."""
        opened = self.by_id.get(ping.source)
        return Result.NETNS_ERROR if opened is None else opened.refusal(ping)

    def is_routed(self, ping: Ping) -> bool:
        """Return whether there is a usable route (`echoes.Paths`)."""
        opened = self.by_id.get(ping.source)
        return opened is not None and opened.is_routed(ping)

    def _on_echo(self, echo_socket: EchoSocket, events: int) -> None:
        if events & select.EPOLLERR:
            self._matcher.take_errors(echo_socket)
        self._matcher.drain(echo_socket)

    def _on_exit(self, opened: OpenSource, _events: int) -> None:
        # The event may be of a descriptor that had this number before.
        if opened.pidfd is not None and has_ended(opened.pidfd):
            self._let_go(opened)

    def _let_go(self, opened: OpenSource) -> None:
        """Close a source that has ended, then say so."""
        source_id = opened.source.id
        self._shut(opened)
        if self.by_id.get(source_id) is opened:
            del self.by_id[source_id]
            self._on_gone(source_id)

    def _shut(self, opened: OpenSource) -> None:
        if opened.closed:
            return
        for fd in opened.descriptors():
            self._loop.forget(fd)
        opened.close()
        if self._round is not None:
            echoes, lookups = self._round
            for echo_socket in opened.echo_sockets.values():
                echoes.outstanding -= echo_socket.outstanding
            lookups.forget(opened.resolver)
