"""What an errno, an ICMP error or a route says about a probe: pure tables.

Sources: ip-route(8) route types; Linux net/ipv4/fib_semantics.c `fib_props` and
net/ipv6/route.c (the errno of each type); RFC 792, RFC 1812 §5.2.7, RFC 4443 §3;
iptables-extensions(8) REJECT.
"""

import errno
from typing import Final

from exporter.model.outcome import Result

ORIGIN_LOCAL: Final = 1  # linux/errqueue.h
_ORIGIN_ICMP: Final = 2
_ORIGIN_ICMP6: Final = 3

_OF_ERRNO: Final = {
    errno.ENETUNREACH: Result.NO_ROUTE,
    errno.EHOSTUNREACH: Result.NO_ROUTE,
    errno.ENETDOWN: Result.NO_ROUTE,
    errno.EADDRNOTAVAIL: Result.NO_ROUTE,
    errno.ENODEV: Result.NO_ROUTE,
    errno.ENXIO: Result.NO_ROUTE,
    errno.EAFNOSUPPORT: Result.NO_ROUTE,
    errno.EPERM: Result.REFUSED_BY_KERNEL,
    errno.EACCES: Result.REFUSED_BY_KERNEL,
    errno.EINVAL: Result.REFUSED_BY_KERNEL,
    errno.ENOBUFS: Result.NEIGHBOUR_TABLE,
}

# An error of an earlier packet waits on the socket and fails the next call on it.
# These never come that way (net/ipv4/icmp.c icmp_err_convert, net/ipv6/icmp.c).
_OF_THIS_PACKET: Final = frozenset(
    {
        errno.EPERM,
        errno.EINVAL,
        errno.ENOBUFS,
        errno.EADDRNOTAVAIL,
        errno.ENODEV,
        errno.ENETDOWN,
        errno.EAGAIN,
    }
)

_PROHIBITED_V4: Final = frozenset({2, 3, 9, 10, 13, 14, 15})
_PROHIBITED_V6: Final = frozenset({1, 4, 5, 6})

_WEIGHT: Final = {
    result: weight
    for weight, result in enumerate(
        (
            Result.TIMEOUT,
            Result.NO_RESOLVER,
            Result.TTL_EXCEEDED,
            Result.HOST_UNREACHABLE,
            Result.PROHIBITED,
            Result.NO_ROUTE,
            Result.WRONG_ROUTE,
            Result.REFUSED_BY_KERNEL,
            Result.SEND_ERROR,
            Result.NEIGHBOUR_TABLE,
        )
    )
}


def result_of_errno(number: int, *, routed: bool | None = None) -> Result:
    """Return what a failed send says about the path.

    - ENETUNREACH: the table has no route for it; also what remains when a link goes
      down, because its routes go with it, and what a `throw` route ends in.
    - EHOSTUNREACH: a route of type `unreachable`, which says just that. (The same errno
      for an earlier packet is no failed send: see `may_be_of_earlier_packet`.)
    - ENETDOWN, ENODEV, ENXIO: the interface is down or gone. EADDRNOTAVAIL: no address
      of the family to send from. EAFNOSUPPORT: the kernel lacks the family.
    - EACCES: a route of type `prohibit`. EPERM: the packet filter dropped it on its way
      out. Both forbid where `unreachable` only denies knowledge.
    - EINVAL: a route of type `blackhole`; but the kernel's answer for IPv6, before 6.5
      for IPv4 too, when the neighbour table is full. The route tells them apart.
    - ENOBUFS: the neighbour table is full (IPv4), or a queueing discipline dropped it.

    Args:
        number: the errno of sendto(2).
        routed: whether RTM_GETROUTE gave a usable route; None if not asked.
    """
    if number == errno.EINVAL and routed:
        return Result.NEIGHBOUR_TABLE
    return _OF_ERRNO.get(number, Result.SEND_ERROR)


def may_be_of_earlier_packet(number: int) -> bool:
    """Return whether a failed send may report an ICMP error about an earlier packet."""
    return number not in _OF_THIS_PACKET


def result_of_error(number: int, origin: int, kind: int, code: int) -> Result | None:
    """Return what an entry of the error queue says; None: nothing about the path.

    IPv4 type 3: codes 9, 10, 13 say "prohibited", 2 and 3 are what REJECT sends (3 by
    default) and no host says of an echo request, 14 and 15 are precedence filters. The
    rest, 0 and 1 above all, also come from routers, and from this kernel when the
    neighbour does not answer. Type 11: a router ended it. Type 12 (bad parameter) came
    from a host that did not answer. IPv6 type 1 codes 1, 4, 5, 6 and type 3 likewise.

    Args:
        number: the errno, which decides for errors of local origin.
        origin: 1 local, 2 ICMP, 3 ICMPv6.
        kind: ICMP type.
        code: ICMP code.
    """
    if origin == ORIGIN_LOCAL:
        return result_of_errno(number)
    if origin == _ORIGIN_ICMP:
        if kind == 3:
            prohibited = code in _PROHIBITED_V4
            return Result.PROHIBITED if prohibited else Result.HOST_UNREACHABLE
        return {11: Result.TTL_EXCEEDED, 12: Result.HOST_UNREACHABLE}.get(kind)
    if origin == _ORIGIN_ICMP6:
        if kind == 1:
            prohibited = code in _PROHIBITED_V6
            return Result.PROHIBITED if prohibited else Result.HOST_UNREACHABLE
        return {
            2: Result.HOST_UNREACHABLE,
            3: Result.TTL_EXCEEDED,
            4: Result.HOST_UNREACHABLE,
        }.get(kind)
    return None


def worse(known: Result | None, new: Result) -> Result:
    """Return which failure speaks for all packets of a pair when none was answered.

    What the network said outweighs silence, what this kernel said outweighs the
    network, and "nothing was measured" outweighs all: silence of one packet proves
    nothing where the next one met a full neighbour table.
    """
    if known is None or _WEIGHT[new] > _WEIGHT[known]:
        return new
    return known
