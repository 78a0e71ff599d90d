"""The host's links as notifications change them, and which changes matter; no I/O.

The kernel tells of a link also where nothing changed that concerns packets, and of an
IPv6 address whenever its lifetime is renewed. So what is known is kept and compared.
Sources: rtnetlink(7); net/core/rtnetlink.c (`rtnetlink_event`), net/bridge/br_netlink.c
(`br_ifinfo_notify`, which writes in the family AF_BRIDGE), if_link.h.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from exporter.detection.touched import NOTHING, Touched
from exporter.errors import PacketError
from exporter.model.topology import IPAddress
from exporter.rtnetlink import BridgePort, Link, LinkAddress
from exporter.rtnetlink import message as codec
from exporter.rtnetlink.message import Message
from exporter.rtnetlink.objects import parse_address, parse_link, parse_port

_AF_BRIDGE: Final = 7
_DEL_LINK: Final = 17
_DEL_ADDRESS: Final = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What of a link concerns packets."""

    name: str
    set_up: bool
    up: bool
    master: int | None
    port: BridgePort | None


class LinkTable:
    """Links and addresses of one namespace, as told so far.

    Args:
        links: all there are. What is told twice, by a list and by a notification that
            came meanwhile, is no change.
        addresses: likewise.
    """

    def __init__(self, links: Iterable[Link], addresses: Iterable[LinkAddress]) -> None:
        self._links = {link.index: _seen(link) for link in links}
        self._addresses: dict[int, dict[tuple[IPAddress, int], bool]] = {}
        for one in addresses:
            if not one.address.is_link_local:
                self._addresses_of(one.index)[_key(one)] = one.refused

    def note(self, data: bytes) -> Touched:
        """Take over one datagram of notifications and return what it touched.

        Raises:
            PacketError: it does not parse.
        """
        touched = NOTHING
        for message in codec.decode_messages(data):
            touched |= self._note(message)
        return touched

    def _note(self, message: Message) -> Touched:
        if message.type in (codec.NEW_LINK, _DEL_LINK):
            family, index = _head(message.body)
            if family == _AF_BRIDGE:
                return self._note_port(message, index)
            if message.type == _DEL_LINK:
                return self._note_link(index, None)
            return self._note_link(index, _seen(parse_link(message.body)))
        if message.type in (codec.NEW_ADDRESS, _DEL_ADDRESS):
            found = parse_address(message.body)
            if found is not None and not found.address.is_link_local:
                return self._note_address(found, message.type == codec.NEW_ADDRESS)
        return NOTHING

    def _note_link(self, index: int, now: _Seen | None) -> Touched:
        before = self._links.pop(index, None)
        if now is not None:
            self._links[index] = now
        if before == now:
            return NOTHING
        touched = self._touched_by(index, before, now)
        if now is None:
            self._addresses.pop(index, None)
        return touched

    def _note_port(self, message: Message, index: int) -> Touched:
        """Take over what a bridge says of its port; that it left, its link says."""
        before = self._links.get(index)
        if message.type == _DEL_LINK or before is None:
            return NOTHING
        port = parse_port(message.body)
        return self._note_link(index, replace(before, port=port or before.port))

    def _note_address(self, found: LinkAddress, is_there: bool) -> Touched:
        link = self._links.get(found.index)
        known = self._addresses_of(found.index)
        refused = known.pop(_key(found), None)
        if is_there:
            known[_key(found)] = found.refused
        if refused == (found.refused if is_there else None):
            return NOTHING
        if link is None or link.master is not None:  # a port answers for nothing
            return NOTHING
        return Touched(hosts=frozenset({link.name}))

    def _touched_by(
        self, index: int, before: _Seen | None, now: _Seen | None
    ) -> Touched:
        """Return what a link's change may touch.

        A port its bridge; an interface with addresses itself. One that is neither,
        such as a veth on its way into a container, carries nobody's packets yet.
        """
        states = [state for state in (before, now) if state is not None]
        masters = {state.master for state in states if state.master is not None}
        if masters:
            names = (self._links.get(master) for master in masters)
            return Touched(bridges=frozenset(one.name for one in names if one))
        if self._addresses.get(index):
            return Touched(hosts=frozenset(state.name for state in states))
        return NOTHING

    def _addresses_of(self, index: int) -> dict[tuple[IPAddress, int], bool]:
        return self._addresses.setdefault(index, {})


def _seen(link: Link) -> _Seen:
    return _Seen(
        name=link.name,
        set_up=link.set_up,
        up=link.up,
        master=link.master,
        port=link.port,
    )


def _key(found: LinkAddress) -> tuple[IPAddress, int]:
    return found.address, found.prefix_length


def _head(body: bytes) -> tuple[int, int]:
    if len(body) < codec.LINK.size:
        raise PacketError(f"rtnetlink: a link of {len(body)} bytes")
    family, _hardware, index, _flags, _change = codec.LINK.unpack_from(body)
    return family, index
