"""Asks the kernel for the tables of nftables of one network namespace.

Only lists are asked for; nothing is ever changed. A list is of one generation of the
tables, and all lists must be of the same: else they are read again.
Sources: netlink(7); net/netfilter/nf_tables_api.c, nfnetlink.c.
"""

import errno
import time
from collections.abc import Callable, Iterable
from itertools import count
from typing import Final

from exporter.errors import FirewallUnreadable, NetlinkError
from exporter.model.firewall_rules import Chain
from exporter.model.topology import IpVersion
from exporter.netfilter import message as codec
from exporter.netfilter import objects
from exporter.netfilter.compile import compile_chains, sets_of
from exporter.netfilter.loads import Names
from exporter.netfilter.objects import ListedChain, ListedRule
from exporter.netfilter.sets import SetContent, SetKey, fill
from exporter.rtnetlink import Channel
from exporter.rtnetlink.message import (
    DONE,
    DUMP_INTERRUPTED,
    ERROR,
    Message,
    decode_messages,
)

_MAX_READS: Final = 5
"""Attempts at lists of one generation while the rules change."""
_ANY_FAMILY: Final = 0  # NFPROTO_UNSPEC
_FAMILIES: Final[dict[IpVersion, tuple[int, int]]] = {
    4: (codec.IPV4, codec.INET),
    6: (codec.IPV6, codec.INET),
}


class _Changed(Exception):
    """The tables changed while they were read."""


class TableSocket:
    """Reads the tables over a channel; for one thread, and for one ruleset.

    Args:
        channel: a netlink socket to netfilter, or what stands in for the kernel.
        timeout_s: bound of all of it, seconds, > 0.
    """

    def __init__(self, channel: Channel, *, timeout_s: float) -> None:
        self._channel = channel
        self._deadline_s = time.monotonic() + timeout_s
        self._sequences = count(1)
        self._generations: set[int] = set()

    def chains(self, ip_version: IpVersion, names: Names) -> tuple[Chain, ...]:
        """Return every chain that packets of a family can come to.

        Args:
            names: the interfaces, by index.

        Raises:
            FirewallUnreadable: not allowed, no answer in time, or never at rest.
            PacketError: an answer does not parse.
        """
        for _ in range(_MAX_READS):
            try:
                return self._read(ip_version, names)
            except _Changed:
                continue
        raise FirewallUnreadable("its rules change faster than they can be read")

    def _read(self, ip_version: IpVersion, names: Names) -> tuple[Chain, ...]:
        families = _FAMILIES[ip_version]
        self._generations.clear()
        # Of every family at once: they come in the order in which they were made.
        listed = [objects.parse_chain(m) for m in self._list(codec.GET_CHAIN)]
        chains = [chain for chain in listed if chain.family in families]
        rules = self._rules(chains)
        sets = self._sets(sets_of(rules))
        if len(self._generations) > 1:
            raise _Changed
        return compile_chains(chains, rules, sets, names, ip_version)

    def _rules(self, chains: Iterable[ListedChain]) -> list[ListedRule]:
        return [
            objects.parse_rule(message)
            for family in sorted({chain.family for chain in chains})
            for message in self._list(codec.GET_RULE, family)
        ]

    def _sets(self, wanted: frozenset[SetKey]) -> dict[SetKey, SetContent]:
        found = {}
        for family in sorted({key[0] for key in wanted}):
            for message in self._list(codec.GET_SET, family):
                listed = objects.parse_set(message)
                key = (listed.family, listed.table, listed.name)
                if key in wanted:
                    found[key] = listed
        return {
            key: fill(
                listed,
                (
                    element
                    for message in self._elements(key)
                    for element in objects.parse_elements(message)
                ),
            )
            for key, listed in found.items()
        }

    def _elements(self, key: SetKey) -> list[Message]:
        return self._dump(lambda sequence: codec.list_elements(*key, sequence))

    def _list(self, kind: int, family: int = _ANY_FAMILY) -> list[Message]:
        return self._dump(lambda sequence: codec.list_all(kind, family, sequence))

    def _dump(self, request_of: Callable[[int], bytes]) -> list[Message]:
        sequence = next(self._sequences)
        try:
            self._channel.send(request_of(sequence))
            return self._answers(sequence)
        except TimeoutError as error:
            raise FirewallUnreadable("the kernel did not answer in time") from error
        except OSError as error:
            return self._refused(error.errno or errno.EIO, error)
        except NetlinkError as error:
            return self._refused(error.errno, error)

    def _answers(self, sequence: int) -> list[Message]:
        found: list[Message] = []
        while True:
            left_s = self._deadline_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            for answer in decode_messages(self._channel.receive(left_s)):
                if answer.sequence != sequence:
                    continue  # the rest of a list that was given up
                if answer.type in (ERROR, DONE):
                    if answer.error():
                        raise OSError(answer.error(), "netlink")
                    if answer.flags & DUMP_INTERRUPTED:
                        raise _Changed
                    return found
                if answer.flags & DUMP_INTERRUPTED:
                    raise _Changed
                self._generations.add(codec.generation_of(answer))
                found.append(answer)

    def _refused(self, number: int, error: Exception) -> list[Message]:
        """Return an empty list where there can be nothing to list."""
        if number in codec.NO_NFTABLES:
            return []
        if number in (errno.EINTR, errno.ENOENT, errno.EAGAIN, errno.ENOBUFS):
            raise _Changed from error
        if number in (errno.EPERM, errno.EACCES):
            raise FirewallUnreadable("it needs CAP_NET_ADMIN") from error
        raise FirewallUnreadable(f"the kernel says errno {number}") from error
