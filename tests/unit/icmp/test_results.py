"""What errnos, ICMP errors and several packets say about a path."""

import errno

import pytest

from exporter.icmp.results import (
    may_be_of_earlier_packet,
    result_of_errno,
    result_of_error,
    worse,
)
from exporter.model.outcome import Result

LOCAL, ICMP, ICMP6 = 1, 2, 3


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        pytest.param(errno.ENETUNREACH, Result.NO_ROUTE, id="no route"),
        pytest.param(errno.EHOSTUNREACH, Result.NO_ROUTE, id="unreachable route"),
        pytest.param(errno.ENETDOWN, Result.NO_ROUTE, id="interface down"),
        pytest.param(errno.ENODEV, Result.NO_ROUTE, id="interface gone"),
        pytest.param(errno.ENXIO, Result.NO_ROUTE, id="interface gone, IPv6"),
        pytest.param(errno.EADDRNOTAVAIL, Result.NO_ROUTE, id="no own address"),
        pytest.param(errno.EAFNOSUPPORT, Result.NO_ROUTE, id="no such family"),
        pytest.param(errno.EPERM, Result.REFUSED_BY_KERNEL, id="packet filter"),
        pytest.param(errno.EACCES, Result.REFUSED_BY_KERNEL, id="prohibit route"),
        pytest.param(errno.EINVAL, Result.REFUSED_BY_KERNEL, id="blackhole route"),
        pytest.param(errno.ENOBUFS, Result.NEIGHBOUR_TABLE, id="table full, IPv4"),
        pytest.param(errno.EAGAIN, Result.SEND_ERROR, id="send buffer full"),
        pytest.param(errno.EMSGSIZE, Result.SEND_ERROR, id="anything else"),
        pytest.param(0, Result.SEND_ERROR, id="no errno at all"),
    ],
)
def test_result_of_errno(number: int, expected: Result) -> None:
    """Each errno of a failed send has one meaning."""
    assert expected == result_of_errno(number)


@pytest.mark.parametrize(
    ("routed", "expected"),
    [
        pytest.param(True, Result.NEIGHBOUR_TABLE, id="a route: the table is full"),
        pytest.param(False, Result.REFUSED_BY_KERNEL, id="no route: a blackhole"),
        pytest.param(None, Result.REFUSED_BY_KERNEL, id="not asked"),
    ],
)
def test_the_route_decides_what_einval_means(
    routed: bool | None, expected: Result
) -> None:
    """A full neighbour table never passes for a path that does not work."""
    assert expected == result_of_errno(errno.EINVAL, routed=routed)


def test_a_route_changes_no_other_errno() -> None:
    """Only EINVAL is ambiguous."""
    assert Result.NO_ROUTE == result_of_errno(errno.ENETUNREACH, routed=True)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        pytest.param(errno.EHOSTUNREACH, True, id="host unreachable"),
        pytest.param(errno.ENETUNREACH, True, id="net unreachable"),
        pytest.param(errno.ECONNREFUSED, True, id="port unreachable"),
        pytest.param(errno.EACCES, True, id="prohibited, ICMPv6"),
        pytest.param(errno.EPROTO, True, id="bad parameter"),
        pytest.param(errno.EPERM, False, id="packet filter"),
        pytest.param(errno.EINVAL, False, id="blackhole"),
        pytest.param(errno.ENOBUFS, False, id="table full"),
    ],
)
def test_may_be_of_earlier_packet(number: int, expected: bool) -> None:
    """What ICMP errors become is tried again; what only a send says is believed."""
    assert expected == may_be_of_earlier_packet(number)


@pytest.mark.parametrize(
    ("origin", "kind", "code", "expected"),
    [
        pytest.param(ICMP, 3, 0, Result.HOST_UNREACHABLE, id="net unreachable"),
        pytest.param(ICMP, 3, 1, Result.HOST_UNREACHABLE, id="host unreachable"),
        pytest.param(ICMP, 3, 2, Result.PROHIBITED, id="protocol unreachable"),
        pytest.param(ICMP, 3, 3, Result.PROHIBITED, id="port unreachable"),
        pytest.param(ICMP, 3, 5, Result.HOST_UNREACHABLE, id="source route failed"),
        pytest.param(ICMP, 3, 7, Result.HOST_UNREACHABLE, id="host unknown"),
        pytest.param(ICMP, 3, 9, Result.PROHIBITED, id="net prohibited"),
        pytest.param(ICMP, 3, 10, Result.PROHIBITED, id="host prohibited"),
        pytest.param(ICMP, 3, 12, Result.HOST_UNREACHABLE, id="type of service"),
        pytest.param(ICMP, 3, 13, Result.PROHIBITED, id="admin prohibited"),
        pytest.param(ICMP, 4, 0, None, id="source quench"),
        pytest.param(ICMP, 5, 1, None, id="redirect"),
        pytest.param(ICMP, 11, 0, Result.TTL_EXCEEDED, id="time exceeded"),
        pytest.param(ICMP, 12, 0, Result.HOST_UNREACHABLE, id="bad parameter"),
        pytest.param(ICMP6, 1, 0, Result.HOST_UNREACHABLE, id="v6 no route"),
        pytest.param(ICMP6, 1, 1, Result.PROHIBITED, id="v6 admin prohibited"),
        pytest.param(ICMP6, 1, 2, Result.HOST_UNREACHABLE, id="v6 beyond scope"),
        pytest.param(ICMP6, 1, 3, Result.HOST_UNREACHABLE, id="v6 address"),
        pytest.param(ICMP6, 1, 4, Result.PROHIBITED, id="v6 port unreachable"),
        pytest.param(ICMP6, 1, 5, Result.PROHIBITED, id="v6 policy"),
        pytest.param(ICMP6, 1, 6, Result.PROHIBITED, id="v6 reject route"),
        pytest.param(ICMP6, 2, 0, Result.HOST_UNREACHABLE, id="v6 too big"),
        pytest.param(ICMP6, 3, 0, Result.TTL_EXCEEDED, id="v6 time exceeded"),
        pytest.param(ICMP6, 4, 1, Result.HOST_UNREACHABLE, id="v6 bad parameter"),
        pytest.param(ICMP6, 129, 0, None, id="v6 no error at all"),
        pytest.param(LOCAL, 0, 0, Result.NEIGHBOUR_TABLE, id="of this kernel"),
        pytest.param(0, 3, 13, None, id="no origin"),
        pytest.param(4, 0, 0, None, id="a transmit stamp"),
    ],
)
def test_result_of_error(
    origin: int, kind: int, code: int, expected: Result | None
) -> None:
    """Type and code of an ICMP error say who refused; local errors have an errno."""
    assert expected == result_of_error(errno.ENOBUFS, origin, kind, code)


@pytest.mark.parametrize(
    ("known", "new", "expected"),
    [
        pytest.param(None, Result.TIMEOUT, Result.TIMEOUT, id="the first"),
        pytest.param(
            Result.HOST_UNREACHABLE, Result.PROHIBITED, Result.PROHIBITED, id="REJECT"
        ),
        pytest.param(
            Result.PROHIBITED, Result.NO_ROUTE, Result.NO_ROUTE, id="this kernel"
        ),
        pytest.param(
            Result.REFUSED_BY_KERNEL,
            Result.NEIGHBOUR_TABLE,
            Result.NEIGHBOUR_TABLE,
            id="not measured",
        ),
    ],
)
def test_the_worse_failure_speaks_for_the_pair(
    known: Result | None, new: Result, expected: Result
) -> None:
    """The order in which packets failed makes no difference."""
    assert expected == worse(known, new)
    if known is not None:
        assert expected == worse(new, known)


def test_every_failure_of_a_packet_has_a_weight() -> None:
    """No result of the tables is unknown to `worse`."""
    sources = [result_of_errno(number) for number in errno.errorcode]
    icmp = [result_of_error(0, ICMP, 3, code) for code in range(16)]

    for result in (*sources, *icmp, Result.TTL_EXCEEDED, Result.WRONG_ROUTE):
        assert result is not None
        assert result == worse(Result.TIMEOUT, result)
