"""The way out that the engine gives a container whose networks have none.

An overlay has no gateway of its own. The engine therefore joins such a sandbox to the
bridge network `docker_gwbridge` as well, by an endpoint that is named in that network's
own answer only: not in the container's, nor in the list of networks. Source: moby
`daemon/libnetwork/default_gateway.go`; measured on 20.10, 26.1 and 28.5.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_interface
from posixpath import basename

from exporter.engine import foreign
from exporter.engine.foreign import JsonObject
from exporter.engine.records import Attachment, ContainerRecord
from exporter.model.topology import (
    ContainerId,
    Endpoint,
    EndpointAddress,
    IPAddress,
    Network,
)

_NETWORK = "docker_gwbridge"
_PREFIX = "gateway_"


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """An endpoint on docker_gwbridge, and the sandbox it was made for."""

    sandbox: str
    """The first twelve digits of the sandbox's id, as in the path of its namespace."""
    endpoint: Endpoint


def network_of(networks: Iterable[Network]) -> Network | None:
    """Return the network that ways out are on, None if there is none (no swarm)."""
    return next(
        (n for n in networks if n.raw_name == _NETWORK and n.driver == "bridge"), None
    )


def parse_ways_out(raw: JsonObject, network: Network) -> tuple[WayOut, ...]:
    """Return the ways out of the network's own answer, sorted by container.

    Who was connected by hand is left out: that stands in the container's own answer.
    """
    members = foreign.child(raw, "Containers")
    found = (_way_out(key, foreign.child(members, key), network) for key in members)
    ordered = sorted(
        (way for way in found if way is not None),
        key=lambda way: way.endpoint.container_id,
    )
    return tuple(ordered)


def _way_out(key: str, member: JsonObject, network: Network) -> WayOut | None:
    name = foreign.text(member, "Name")
    written = (foreign.text(member, f"IPv{version}Address") for version in (4, 6))
    addresses = tuple(
        address for text in written if (address := _address(text, network)) is not None
    )
    if not name.startswith(_PREFIX) or not addresses:
        return None
    return WayOut(
        sandbox=name.removeprefix(_PREFIX),
        endpoint=Endpoint(
            id=foreign.text(member, "EndpointID"),
            network_id=network.id,
            container_id=ContainerId(key),
            addresses=addresses,
            mac=foreign.mac(member, "MacAddress"),
            implicit=True,
        ),
    )


def _address(text: str, network: Network) -> EndpointAddress | None:
    try:
        interface = ip_interface(text)
    except ValueError:
        return None
    return EndpointAddress(
        address=interface.ip,
        prefix_length=interface.network.prefixlen,
        gateway=_gateway(interface.ip, network),
    )


def _gateway(address: IPAddress, network: Network) -> IPAddress | None:
    for subnet in network.subnets:
        if address in subnet.prefix:
            return subnet.gateway or subnet.prefix.network_address + 1
    return None


def attachments_with(
    record: ContainerRecord, way_out: WayOut | None
) -> tuple[Attachment, ...]:
    """Return a container's attachments with its way out, which comes first.

    One that names another sandbox is of a run of the container that is over.
    """
    own = basename(record.container.sandbox_key or "")
    if way_out is None or way_out.sandbox != own:
        return record.attachments
    found = Attachment(network_name=_NETWORK, endpoint=way_out.endpoint)
    return found, *record.attachments
