"""ICMP errors, of hosts that mean it and of hosts that lie."""

import pytest

from exporter.icmp.packet import Echo, checksum, encode_reply, encode_request
from exporter.model.outcome import Observation, Result
from tests.lab.fixtures import MakePlainLab
from tests.lab.plain import PlainContainer
from tests.netns.probing import (
    Responder,
    ping,
    probe_one,
    running,
)

both_families = pytest.mark.parametrize("ip_version", [4, 6])
SILENT = Observation(result=Result.TIMEOUT, sent=1)


def right(echo: Echo) -> list[bytes]:
    """Answer as the kernel would."""
    return [encode_reply(echo, 4)]


def quote_of(
    source: PlainContainer, destination: PlainContainer, echo: Echo, length: int = 28
) -> bytes:
    """Return what an ICMP error quotes: the IP header and the request."""
    header = bytes.fromhex("4500 0030 0000 0000 0101 0000")
    request = encode_request(echo, 4)
    return header + source.ipv4.packed + destination.ipv4.packed + request[:length]


def unreachable(quoted: bytes) -> bytes:
    """Return an ICMP error: host unreachable."""
    check = checksum(b"\3\1" + bytes(6) + quoted)
    return b"\3\1" + check.to_bytes(2, "big") + bytes(4) + quoted


def test_a_valid_reply_outweighs_an_icmp_error(netns_lab: MakePlainLab) -> None:
    """Whoever sends errors in another's name cannot hide that it is reachable."""
    lab = netns_lab(containers=3)
    first, second, third = lab.containers
    third.namespace.ip("link set eth0 down")  # keeps the round open

    def answer(echo: Echo) -> list[bytes]:
        request = quote_of(first, second, echo)
        return [unreachable(request), *right(echo)]

    with running(lab) as prober, Responder(second, answer):
        found, _ = prober.probe([ping(first, second), ping(first, third)], timeout_s=1)
    assert (Result.OK, 1) == (found.result, found.received)


@pytest.mark.parametrize(
    ("fields", "length", "expected"),
    [
        pytest.param({}, 28, Result.HOST_UNREACHABLE, id="whole request"),
        pytest.param({}, 8, Result.HOST_UNREACHABLE, id="8 bytes of it"),
        pytest.param({}, 27, Result.HOST_UNREACHABLE, id="not quite all"),
        pytest.param({"cookie": 1}, 28, Result.TIMEOUT, id="another cookie"),
        pytest.param({"cycle": 99}, 28, Result.TIMEOUT, id="another cycle"),
        pytest.param({"pair": 1}, 28, Result.TIMEOUT, id="another pair"),
        pytest.param({"identifier": 1}, 28, Result.TIMEOUT, id="another ping"),
        pytest.param({"identifier": 1}, 8, Result.TIMEOUT, id="another ping, short"),
        pytest.param({"sequence": 9}, 8, Result.TIMEOUT, id="sequence, short"),
    ],
)
def test_icmp_errors_are_matched(
    netns_lab: MakePlainLab, fields: dict[str, int], length: int, expected: Result
) -> None:
    """The error queue tells of everybody's packets; only ours count."""
    lab = netns_lab(containers=2)
    first, second = lab.containers

    def answer(echo: Echo) -> list[bytes]:
        changed_echo = echo._replace(**fields)
        quoted = quote_of(first, second, changed_echo, length)
        return [unreachable(quoted)]

    with running(lab) as prober, Responder(second, answer):
        wait_s = 0.3 if expected is Result.TIMEOUT else 1
        found = probe_one(prober, ping(first, second), timeout_s=wait_s)

    assert Observation(result=expected, sent=1) == found


def test_an_error_about_another_address_is_not_ours(netns_lab: MakePlainLab) -> None:
    """A short quote must name the destination that was asked, too."""
    lab = netns_lab(containers=3)
    first, second, third = lab.containers

    def answer(echo: Echo) -> list[bytes]:
        return [unreachable(quote_of(first, third, echo, 8))]

    with running(lab) as prober, Responder(second, answer):
        found = probe_one(prober, ping(first, second))

    assert found == SILENT


def test_a_waiting_error_does_not_swallow_the_next_packet(
    netns_lab: MakePlainLab,
) -> None:
    """An error about one destination fails one call of the kernel's, for another."""
    lab = netns_lab(containers=4)
    first, second, third, fourth = lab.containers
    rule = "INPUT -p icmp -j REJECT --reject-with icmp-host-unreachable"
    second.namespace.run(["iptables", "-w", "-I", *rule.split()])
    probes = [ping(first, one) for one in (second, third, second, fourth)]
    with running(lab) as prober:
        found = prober.probe(probes, timeout_s=0.3, spread_s=0)

    assert [Result.HOST_UNREACHABLE, Result.OK, Result.HOST_UNREACHABLE, Result.OK] == [
        one.result for one in found
    ]
    assert [1] * 4 == [one.sent for one in found]
