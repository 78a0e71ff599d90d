"""Paces one round: what is sent when, and when it is over.

Packets go out in chunks of one source, or one by one where there are few. The two
measure different things: in a burst caches are warm and the processor is awake, and
replies take a seventh of the time that a lone packet needs. Medians between two
namespaces on a bridge, in µs: 9 in bursts of 64; one by one 24, 32, 55 and 72 with 1,
2, 5 and 10 ms between them; `ping -i 0.01` beside it says 67. A lone packet is what an
application's first one meets, but costs 270 µs of CPU instead of 20, hence the bound on
how many are spread, and how far.

Questions go out in chunks of all sources, as asking may take another process; so may
looking for answers, which is done now and then: a stamp tells when each came.
"""

import time
from collections.abc import Callable, Iterator
from math import inf
from typing import Final, NamedTuple

from exporter.dns.lookups import LookupRound
from exporter.icmp import batch
from exporter.icmp.echoes import EchoRound
from exporter.icmp.sockets import EchoSocket

CHUNK: Final = batch.MOST
"""Packets in a burst."""

LONE_GAP_S: Final = 0.010
"""Between packets that are sent one by one, if there is time."""

PASS_GAP_S: Final = 0.02
"""At least, between two packets of one pair: what harms one harms less the next."""

_LOOK_GAP_S: Final = 0.004
_LONGEST_LOOK_GAP_S: Final = 0.064
"""From one look for answers to the next; doubled each time."""

_SHORTEST_GAP_S: Final = 0.001  # what epoll_wait(2) can wait


class Pace(NamedTuple):
    """How fast packets go out, and how long answers are waited for."""

    timeout_s: float
    """For an answer, > 0."""
    packets_per_second: float
    """At most, > 0; inf sends without a pause."""
    spread_s: float
    """Packets are sent one by one if that takes no longer; 0: in bursts."""
    should_stop: Callable[[], bool]
    """Asked before every chunk."""


class Round:
    """The pings and lookups of one call of `Prober.probe`."""

    def __init__(
        self,
        echoes: EchoRound,
        lookups: LookupRound,
        pace: Pace,
        *,
        drain: Callable[[EchoSocket], None],
    ) -> None:
        """Plan the sending.

        Args:
            drain: takes what waits on the echo socket that a chunk went out by.
        """
        self._echoes = echoes
        self._lookups = lookups
        self._timeout_s, packets_per_second, spread_s, self._should_stop = pace
        self._drain = drain
        packets = echoes.packets + lookups.size * lookups.passes
        per_packet_s = 1 / packets_per_second
        lone = packets * max(_SHORTEST_GAP_S, per_packet_s) <= spread_s
        self._size = 1 if lone else CHUNK
        if lone:
            per_packet_s = max(per_packet_s, min(LONE_GAP_S, spread_s / (packets or 1)))
        self._per_packet_s = per_packet_s
        self._chunks = self._plan()
        self._next_s = time.monotonic()
        self._deadline_s: float | None = None
        self._has_looked = False
        self._look_s = 0.0
        self._look_gap_s = _LOOK_GAP_S
        self.complete = False
        """Everything was sent and had its time."""

    def step(self) -> float | None:
        """Send what is due; return seconds until more is, None once it is over."""
        retry_s = self._lookups.retry()
        if self._deadline_s is None:
            wait_s = self._next_s - time.monotonic()
            if wait_s <= 0:
                if self._should_stop():
                    self._lookups.look()
                    return None
                wait_s = self._send()
        else:
            now_s = time.monotonic()
            wait_s = self._deadline_s - now_s
            look_s = self._look(now_s, at_once=wait_s <= 0)
            is_over = wait_s <= 0 and self._has_looked
            if is_over or not self._echoes.outstanding + self._lookups.outstanding:
                self.complete = True
                return None
            # Once more after the deadline: where this thread had to wait for a
            # processor, what came in time (by the kernel's stamps) is still unread.
            self._has_looked = wait_s <= 0
            wait_s = min(wait_s, look_s)
        if retry_s is not None:
            wait_s = min(wait_s, retry_s - time.monotonic())
        return max(wait_s, 0.0)

    def _look(self, now_s: float, *, at_once: bool) -> float:
        """Take answers if it is time to; return seconds until it is again."""
        if not self._lookups.outstanding:
            return inf
        if at_once or now_s >= self._look_s:
            self._lookups.look()
            self._look_s = now_s + self._look_gap_s
            self._look_gap_s = min(2 * self._look_gap_s, _LONGEST_LOOK_GAP_S)
        return self._look_s - now_s

    def _send(self) -> float:
        """Send the next chunk, or note that none is left; return seconds to wait."""
        now_s = time.monotonic()
        packets = next(self._chunks, None)
        if packets is None:
            self._deadline_s = now_s + self._timeout_s
            self._look_s = now_s + self._look_gap_s
            return 0.0
        self._next_s = max(self._next_s, now_s) + packets * self._per_packet_s
        return self._next_s - time.monotonic()

    def _plan(self) -> Iterator[int]:
        """Send one chunk for each `next`, and yield how many packets it had."""
        echoes, lookups, size = self._echoes, self._lookups, self._size
        passes = max(echoes.passes, lookups.passes)
        for number in range(passes):
            began_s = time.monotonic()
            for group in echoes.groups if number < echoes.passes else ():
                for start in range(0, len(group.indices), size):
                    echoes.send(group, start, start + size, number)
                    self._drain(group.echo_socket)
                    yield min(size, len(group.indices) - start)
            asked = lookups.size if number < lookups.passes else 0
            for start in range(0, asked, CHUNK):
                yield lookups.send(start, start + CHUNK, number)
            if number + 1 < passes:
                self._next_s = began_s + PASS_GAP_S
                yield 0
