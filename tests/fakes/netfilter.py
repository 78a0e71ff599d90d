"""A kernel that answers with recorded tables, and packets to trace through them."""

import gzip
from ipaddress import ip_address
from pathlib import Path

from exporter.model.firewall import Packet, Ruleset
from exporter.model.topology import IpVersion
from exporter.netfilter.tables import TableSocket
from exporter.rtnetlink.message import Message, decode_messages
from tests.fakes.netlink import DONE_MESSAGE, Answers, FakeChannel, addressed

DATA = Path(__file__).parents[1] / "data" / "netfilter"
NAMES = {1: "lo"}


def recording(name: str) -> tuple[Message, ...]:
    """Return the messages of a recording (`tests/engine/record_netfilter.py`)."""
    return decode_messages(gzip.decompress((DATA / f"{name}.bin.gz").read_bytes()))


def replay(request: Message, messages: tuple[Message, ...]) -> Answers:
    """Return what answers a request: lists of one kind, of one family or of all."""
    kind = (request.type & 0xFF) - 1
    family = request.body[0]
    found = [
        addressed(message, request.sequence)
        for message in messages
        if message.type & 0xFF == kind and family in (0, message.body[0])
    ]
    if kind == 12:  # of one set: its name is in the request
        found = [m for m in found if request.body[4:] == m.body[4 : len(request.body)]]
    return [*found, addressed(DONE_MESSAGE, request.sequence)]


def recorded_ruleset(name: str, ip_version: IpVersion = 4) -> Ruleset:
    """Return the ruleset of a recording."""
    messages = recording(name)
    channel = FakeChannel(lambda request: replay(request, messages))
    chains = TableSocket(channel, timeout_s=5.0).chains(ip_version, NAMES)
    return Ruleset(ip_version=ip_version, chains=chains)


def packet(
    source: str,
    destination: str,
    inside: str | None = None,
    outside: str | None = None,
) -> Packet:
    """Return an echo request."""
    address = ip_address(source)
    return Packet(
        ip_version=4 if address.version == 4 else 6,
        source=address,
        destination=ip_address(destination),
        in_interface=inside,
        out_interface=outside,
    )
