"""What became of each pair of a round that is over."""

from collections.abc import Iterator, Mapping, Sequence
from typing import overload

from exporter.icmp.echoes import NO_REPLY, EchoRound
from exporter.model.outcome import Observation, Result
from exporter.model.topology import SandboxId

Late = Mapping[tuple[SandboxId, bytes], int]
"""Late replies by source and address."""


class Observations(Sequence[Observation]):
    """The observation of each ping of a round, in order, made when it is asked for.

    The round's own flat state is kept instead: 16 bytes a packet. A million objects
    would take longer to make than the replies take to match.
    """

    def __init__(self, echoes: EchoRound, late: Late, *, complete: bool) -> None:
        """Take over a round; to be called right after it.

        Args:
            echoes: the round. Where the clock was set meanwhile, replies count and
                their times do not.
            late: late replies.
            complete: every packet was sent and had its time; otherwise what is open
                was not measured.
        """
        self._echoes = echoes
        self._late = late
        self._failures = echoes.failures()
        self._measured = not echoes.clock_was_stepped()
        self._silence = Result.TIMEOUT if complete else Result.SKIPPED
        self._shared: dict[tuple[Result, int], Observation] = {}

    def __len__(self) -> int:
        return self._echoes.size

    @overload
    def __getitem__(self, index: int) -> Observation: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Observation, ...]: ...

    def __getitem__(self, index: int | slice) -> Observation | tuple[Observation, ...]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return tuple(map(self._observation, places))
        return self._observation(places)

    def __iter__(self) -> Iterator[Observation]:
        return map(self._observation, range(len(self)))

    def results(self) -> Iterator[Result]:
        """Yield the result of each ping, in order, at a tenth of the cost of all."""
        size, failures, silence = len(self), self._failures, self._silence
        best_ns: Sequence[int] = self._echoes.rtt_ns[:size]
        for number in range(1, self._echoes.passes):
            later_ns = self._echoes.rtt_ns[number * size : (number + 1) * size]
            best_ns = [
                later if best == NO_REPLY else best
                for best, later in zip(best_ns, later_ns, strict=True)
            ]
        for index, rtt_ns in enumerate(best_ns):
            answered = rtt_ns != NO_REPLY
            yield Result.OK if answered else failures.get(index, silence)

    def _observation(self, index: int) -> Observation:
        echoes = self._echoes
        if echoes.passes == 1:
            sent = 1 if echoes.sent_ns[index] else 0
            received = 0 if echoes.rtt_ns[index] == NO_REPLY else 1
        else:
            sent = echoes.passes - echoes.sent_ns[index :: echoes.size].count(0)
            replies = echoes.rtt_ns[index :: echoes.size]
            received = echoes.passes - replies.count(NO_REPLY)
        result = Result.OK if received else self._failures.get(index, self._silence)
        missed = 0
        if self._late:
            source = echoes.pings[index].source
            missed = self._late.get((source, echoes.addresses[index]), 0)
        if received or missed or index in echoes.duplicates:
            return Observation(
                result=result,
                sent=sent,
                received=received,
                duplicates=echoes.duplicates[index],
                late=missed,
                rtts_s=self._rtts_s(index) if self._measured else (),
            )
        found = self._shared.get((result, sent))
        if found is None:  # most pairs of a large host: nothing to tell them apart
            found = Observation(result=result, sent=sent)
            self._shared[result, sent] = found
        return found

    def _rtts_s(self, index: int) -> tuple[float, ...]:
        """Return the measured round-trip times in seconds, in order of arrival."""
        echoes = self._echoes
        if echoes.passes == 1:
            rtt_ns = echoes.rtt_ns[index]
            return (rtt_ns / 1e9,) if rtt_ns >= 0 else ()
        sent_ns = echoes.sent_ns[index :: echoes.size]
        rtts_ns = echoes.rtt_ns[index :: echoes.size]
        arrivals = sorted(
            (stamp_ns + rtt_ns, rtt_ns)
            for stamp_ns, rtt_ns in zip(sent_ns, rtts_ns, strict=True)
            if rtt_ns >= 0
        )
        return tuple(rtt_ns / 1e9 for _, rtt_ns in arrivals)
