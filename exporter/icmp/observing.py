"""What became of each pair of a round that is over."""

from collections.abc import Iterator, Mapping

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
        packets = range(index, echoes.packets, echoes.size)
        sent = sum([1 for packet in packets if echoes.sent_ns[packet]])
        rtts_ns = [echoes.rtt_ns[packet] for packet in packets]
        received = len(rtts_ns) - rtts_ns.count(NO_REPLY)
        result = Result.OK if received else echoes.failure_of(index) or silence
        missed = late.get((ping.source, echoes.addresses[index]), 0) if late else 0
        if received or missed or index in echoes.duplicates:
            yield Observation(
                result=result,
                sent=sent,
                received=received,
                duplicates=echoes.duplicates[index],
                late=missed,
                rtts_s=_by_arrival(echoes, packets, rtts_ns) if measured else (),
            )
        else:  # most pairs of a large host: nothing to tell them apart
            if (result, sent) not in shared:
                shared[result, sent] = Observation(result=result, sent=sent)
            yield shared[result, sent]


def _by_arrival(
    echoes: EchoRound, packets: range, rtts_ns: list[int]
) -> tuple[float, ...]:
    """Return the measured round-trip times in seconds, in order of arrival."""
    if len(rtts_ns) == 1:
        return (rtts_ns[0] / 1e9,) if rtts_ns[0] >= 0 else ()
    arrivals = sorted(
        (echoes.sent_ns[packet] + rtt_ns, rtt_ns)
        for packet, rtt_ns in zip(packets, rtts_ns, strict=True)
        if rtt_ns >= 0
    )
    return tuple(rtt_ns / 1e9 for _, rtt_ns in arrivals)
