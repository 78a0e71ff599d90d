"""What became of each pair of a round that is over."""

from collections.abc import Iterator, Mapping, Sequence

from exporter.icmp.echoes import NO_REPLY, EchoRound
from exporter.model.outcome import Observation, Result
from exporter.model.topology import SandboxId


def observe(
    echoes: EchoRound, late: Mapping[tuple[SandboxId, bytes], int], *, complete: bool
) -> Iterator[Observation]:
    """Yield the observation of each ping, in order, right after the round.

    Where the clock was set meanwhile, replies count and their times do not.

    Args:
        late: late replies by source and address.
        complete: every packet was sent and had its time; otherwise what is open was
            not measured.
    """
    measured = not echoes.clock_was_stepped()
    silence = Result.TIMEOUT if complete else Result.SKIPPED
    shared: dict[tuple[Result, int], Observation] = {}
    for index, ping in enumerate(echoes.pings):
        sent_ns = echoes.sent_ns[index :: echoes.size]
        rtts_ns = echoes.rtt_ns[index :: echoes.size]
        sent = echoes.passes - sent_ns.count(0)
        received = echoes.passes - rtts_ns.count(NO_REPLY)
        result = Result.OK if received else echoes.failure_of(index) or silence
        missed = late.get((ping.source, echoes.addresses[index]), 0) if late else 0
        if received or missed or index in echoes.duplicates:
            yield Observation(
                result=result,
                sent=sent,
                received=received,
                duplicates=echoes.duplicates[index],
                late=missed,
                rtts_s=_by_arrival(sent_ns, rtts_ns) if measured else (),
            )
        else:  # most pairs of a large host: nothing to tell them apart
            if (result, sent) not in shared:
                shared[result, sent] = Observation(result=result, sent=sent)
            yield shared[result, sent]


def _by_arrival(sent_ns: Sequence[int], rtts_ns: Sequence[int]) -> tuple[float, ...]:
    """Return the measured round-trip times in seconds, in order of arrival."""
    if len(rtts_ns) == 1:
        return (rtts_ns[0] / 1e9,) if rtts_ns[0] >= 0 else ()
    arrivals = sorted(
        (stamp_ns + rtt_ns, rtt_ns)
        for stamp_ns, rtt_ns in zip(sent_ns, rtts_ns, strict=True)
        if rtt_ns >= 0
    )
    return tuple(rtt_ns / 1e9 for _, rtt_ns in arrivals)
