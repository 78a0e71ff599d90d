"""Sends probes from many network namespaces and tells what became of them.

One thread owns every socket and pidfd and waits for all of them with one epoll, so that
no descriptor is used by one thread while another closes it. Callers block in threads of
their own.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from exporter.dns.lookups import Asking, LookupRound
from exporter.dns.message import Question
from exporter.errors import (
    ExporterError,
    NetnsError,
    NetnsGone,
    NetnsPermissionDenied,
)
from exporter.icmp.batch import SEQUENCES
from exporter.icmp.echoes import EchoRound
from exporter.icmp.loop import Loop, LoopStopped
from exporter.icmp.matching import Matcher
from exporter.icmp.observing import Observations
from exporter.icmp.opening import Opener, OpenSource, OwnOpener
from exporter.icmp.packet import Identity
from exporter.icmp.probes import Lookup, Ping, Source
from exporter.icmp.round import Pace, Round
from exporter.icmp.sockets import EchoSocket
from exporter.icmp.sources import OpenSources
from exporter.model.outcome import NOT_PROBED, Observation, Result
from exporter.model.topology import HostInterface, SandboxId
from exporter.netns import NetnsId

T = TypeVar("T")
Probe = Ping | Lookup

_SPREAD_S: Final = 0.5


class Prober:
    """All sources, and one round of probes at a time.

    Args:
        on_gone: called in the prober's thread when a source has ended by itself, right
            after its sockets were closed; must not block.
        opener: who enters namespaces; None: this process.
    """

    def __init__(
        self, *, on_gone: Callable[[SandboxId], None], opener: Opener | None = None
    ) -> None:
        self._opener = opener or OwnOpener()
        self._identity = Identity(_any_identifier(), secrets.randbits(64))
        self._loop = Loop()
        self._matcher = Matcher(self._identity)
        self._open = OpenSources(
            self._loop,
            self._matcher,
            on_gone=on_gone,
            has_gone=self._opener.has_gone,
        )
        self._sync_lock = threading.Lock()
        self._probe_lock = threading.Lock()
        self._errors: Mapping[SandboxId, ExporterError] = {}
        self._cycle = 0
        self._sequence = 0
        self._foreign_answers = 0
        self.late_total = 0
        """Replies that came after their time."""

    @property
    def foreign_total(self) -> int:
        """Packets that looked like answers to us and were not: forged or damaged."""
        return self._matcher.foreign_total + self._foreign_answers

    @property
    def identifier(self) -> int:
        """The ICMP identifier of requests now, by which a packet capture finds them."""
        return self._identity.identifier

    def renew(self) -> None:
        """Send under another identifier from now on: new connections to the kernel.

        Waits for a round that is under way. Each pair leaves an entry more in the
        connection table, for 30 s.

        Raises:
            NetnsError: the prober is not running.
        """
        with self._sync_lock, self._probe_lock:
            other = _any_identifier()
            while other == self._identity.identifier:
                other = _any_identifier()
            identity = self._identity._replace(identifier=other)
            self._call(lambda: self._open.renew(identity))
            self._identity = identity

    def start(self) -> None:
        """Start the thread; at most once."""
        self._loop.start()

    def stop(self) -> None:
        """Close every socket and end the thread; probes under way are skipped."""

        def close_all() -> None:
            self._loop.abandon()  # else its round would end as if measured
            self._open.close_all()

        with suppress(LoopStopped):
            self._loop.call(close_all)
        self._loop.stop()

    def sync(self, sources: Iterable[Source]) -> Mapping[SandboxId, ExporterError]:
        """Open what is new, close what is not listed, open anew what changed.

        A source without CAP_NET_RAW is opened for lookups all the same, and its error
        returned. Sources that failed are tried again by every call.

        Raises:
            NetnsError: the prober is not running.
        """
        wanted = {source.id: source for source in sources}
        with self._sync_lock:
            known = self._call(self._open.by_id.copy)
            for source_id in known.keys() - wanted.keys():
                self.close_source(source_id)
            errors: dict[SandboxId, ExporterError] = {}
            for source in wanted.values():
                opened = known.get(source.id)
                if opened is None or opened.source != source or opened.closed:
                    opened = self._open_one(source, errors)
                if opened is not None and opened.pings_refused is not None:
                    errors[source.id] = opened.pings_refused
            self._errors = errors
            return errors

    def close_source(self, source_id: SandboxId) -> None:
        """Close the sockets of a source now; unknown ones are passed over."""
        self._call(lambda: self._open.close(source_id))

    def identities(self) -> Mapping[SandboxId, NetnsId]:
        """Return the identity of each open source's namespace."""
        known = self._call(self._open.by_id.copy)
        return {source_id: opened.identity for source_id, opened in known.items()}

    def interfaces(self, source_id: SandboxId) -> tuple[HostInterface, ...]:
        """Return the interfaces of a source's namespace with their addresses.

        Raises:
            NetnsGone: it is not open.
            NetlinkError: the kernel refused.
            PacketError: its answer does not parse.
        """

        def look() -> tuple[HostInterface, ...]:
            opened = self._open.by_id.get(source_id)
            if opened is None:
                raise NetnsGone(source_id)
            return opened.routes.interfaces()

        return self._call(look)

    def probe(
        self,
        probes: Sequence[Probe],
        *,
        timeout_s: float = 1.0,
        packets_per_second: float = 2000.0,
        spread_s: float = _SPREAD_S,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> tuple[Observation, ...]:
        """Send, wait, and return what became of each probe, in their order.

        Blocks; one round at a time, callers wait for each other.

        Args:
            timeout_s: for an answer to each packet, > 0.
            packets_per_second: at most, > 0; `math.inf` sends without a pause.
            spread_s: packets go out one by one if that takes no longer, else in bursts
                (see `exporter.icmp.round`); 0: always in bursts.
            should_stop: asked before every chunk, in the prober's thread; what was not
                measured by then is `skipped`.
        """
        pings = [probe for probe in probes if isinstance(probe, Ping)]
        lookups = [probe for probe in probes if isinstance(probe, Lookup)]
        pace = Pace(timeout_s, packets_per_second, spread_s, should_stop)
        try:
            pinged, asked = self._run(pings, lookups, pace)
        except NetnsError:
            return (NOT_PROBED,) * len(probes)
        if not lookups:
            return tuple(pinged)
        each, answers = iter(pinged), iter(asked)
        return tuple(
            next(each if isinstance(probe, Ping) else answers) for probe in probes
        )

    def ping(
        self,
        pings: Sequence[Ping],
        *,
        timeout_s: float = 1.0,
        packets_per_second: float = 2000.0,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Observations:
        """Do as `probe` does, in bursts, and make no object for each ping.

        For a million pairs: what became of them is kept flat until it is asked for.
        The arguments are those of `probe`.

        Raises:
            NetnsError: the prober is not running, or was stopped meanwhile.
        """
        pace = Pace(timeout_s, packets_per_second, 0.0, should_stop)
        return self._run(pings, (), pace)[0]

    def _run(
        self, pings: Sequence[Ping], lookups: Sequence[Lookup], pace: Pace
    ) -> tuple[Observations, Iterable[Observation]]:
        """Run one round and return what became of pings and lookups.

        Raises:
            NetnsError: the prober is not running, or was stopped meanwhile.
        """
        with self._probe_lock:
            sources = self._call(self._open.by_id.copy)
            echoes = self._echo_round(pings, sources, pace.timeout_s)
            asking = self._lookup_round(lookups, sources, pace.timeout_s)
            pacing = Round(echoes, asking, pace, drain=self._matcher.drain)
            self._call(lambda: self._open.begin(echoes, asking))
            try:
                self._drive(pacing.step)
            finally:
                self._call(self._open.end)
            late = self._call(self._matcher.take_late)
        self.late_total += late.total()
        self._foreign_answers += asking.foreign_total
        return (
            Observations(echoes, late, complete=pacing.complete),
            asking.observations(complete=pacing.complete),
        )

    def _echo_round(
        self,
        pings: Sequence[Ping],
        sources: Mapping[SandboxId, OpenSource],
        timeout_s: float,
    ) -> EchoRound:
        def find(ping: Ping) -> EchoSocket | Result:
            opened = sources.get(ping.source)
            return self._why_not(ping.source) if opened is None else opened.way(ping)

        self._cycle = (self._cycle + 1) & 0xFFFFFFFF
        echoes = EchoRound(
            pings,
            identity=self._identity,
            cycle=self._cycle,
            first_sequence=self._sequence,
            timeout_ns=int(timeout_s * 1e9),
            find=find,
            paths=self._open,
        )
        self._sequence = (self._sequence - echoes.packets) % SEQUENCES
        return echoes

    def _lookup_round(
        self,
        lookups: Iterable[Lookup],
        sources: Mapping[SandboxId, OpenSource],
        timeout_s: float,
    ) -> LookupRound:
        askings = []
        for lookup in lookups:
            opened = sources.get(lookup.source)
            askings.append(
                Asking(
                    question=Question(lookup.name, lookup.ip_version),
                    resolver=(
                        self._why_not(lookup.source)
                        if opened is None
                        else opened.resolver
                    ),
                    count=lookup.count,
                )
            )
        return LookupRound(askings, timeout_s=timeout_s, exchange=self._opener.exchange)

    def _why_not(self, source_id: SandboxId) -> Result:
        """Return why a source is not open."""
        error = self._errors.get(source_id)
        refused = isinstance(error, NetnsPermissionDenied)
        return Result.PERMISSION_DENIED if refused else Result.NETNS_ERROR

    def _open_one(
        self, source: Source, errors: dict[SandboxId, ExporterError]
    ) -> OpenSource | None:
        try:
            opened = self._opener.open_source(source, self._identity)
        except ExporterError as error:
            errors[source.id] = error
            self.close_source(source.id)
            return None
        try:
            self._call(lambda: self._open.adopt(opened))
        except NetnsError:
            opened.close()
            raise
        return opened

    def _drive(self, step: Callable[[], float | None]) -> None:
        try:
            self._loop.drive(step)
        except LoopStopped as error:
            raise NetnsError("the prober was stopped") from error

    def _call(self, function: Callable[[], T]) -> T:
        try:
            return self._loop.call(function)
        except LoopStopped as error:
            raise NetnsError("the prober is not running; start it first") from error


def _any_identifier() -> int:
    return 1 + secrets.randbelow(0xFFFF)
