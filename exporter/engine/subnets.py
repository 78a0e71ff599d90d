"""The subnets of a network: every IPAM entry, of both families.

Sources: moby `api/types/network/ipam.go` (IPAM.Config) and, from API 1.52,
`Status.IPAM.Subnets`, where the engine counts what it has given out.
"""

from ipaddress import ip_network

from exporter.engine import foreign
from exporter.engine.foreign import JsonObject
from exporter.model.topology import IPAddress, IPNetwork, Subnet

_AUXILIARY_KEYS = ("AuxiliaryAddresses", "AuxAddress", "AuxAddresses")
"""As the API writes it; as its Go field and its command line option are called."""

_MOBY_POOLS = (
    ("172.17.0.0/16", 16),
    ("172.18.0.0/16", 16),
    ("172.19.0.0/16", 16),
    ("172.20.0.0/14", 16),
    ("172.24.0.0/14", 16),
    ("172.28.0.0/14", 16),
    ("192.168.0.0/16", 20),
)


def default_pools() -> tuple[tuple[IPNetwork, int], ...]:
    """Return the pools that moby uses where none are configured.

    `/info` names configured pools only. Source: moby
    `daemon/libnetwork/ipamutils/utils.go`, unchanged since 18.06.
    """
    return tuple((ip_network(base), size) for base, size in _MOBY_POOLS)


def parse_pools(info: JsonObject) -> tuple[tuple[IPNetwork, int], ...]:
    """Return the configured default address pools of `/info`, none if unsaid."""
    pools: list[tuple[IPNetwork, int]] = []
    for entry in foreign.items(info, "DefaultAddressPools"):
        base = foreign.prefix(entry, "Base")
        size = foreign.number(entry, "Size")
        if base is None or size is None:
            continue
        if base.prefixlen <= size <= base.max_prefixlen:
            pools.append((base, size))
    return tuple(pools)


def parse_subnets(network: JsonObject) -> tuple[Subnet, ...]:
    """Return the subnets of a network in the engine's order, each prefix once.

    `IPAM.Config` is null or empty for `host` and `none`.
    """
    counts = _counts(network)
    subnets: dict[IPNetwork, Subnet] = {}
    for entry in foreign.items(foreign.child(network, "IPAM"), "Config"):
        prefix = foreign.prefix(entry, "Subnet")
        if prefix is None or prefix in subnets:
            continue
        used, available = counts.get(prefix, (None, None))
        subnets[prefix] = Subnet(
            prefix=prefix,
            gateway=_of_family(prefix, foreign.address(entry, "Gateway")),
            ip_range=_inside(prefix, foreign.prefix(entry, "IPRange")),
            auxiliary=_auxiliary(prefix, foreign.as_object(entry)),
            addresses_used=used,
            dynamic_available=available,
        )
    return tuple(subnets.values())


def _counts(network: JsonObject) -> dict[IPNetwork, tuple[int | None, int | None]]:
    ipam = foreign.child(foreign.child(network, "Status"), "IPAM")
    counts: dict[IPNetwork, tuple[int | None, int | None]] = {}
    for written, status in foreign.child(ipam, "Subnets").items():
        prefix = foreign.prefix({"prefix": written}, "prefix")
        if prefix is not None:
            counts[prefix] = (
                _count(status, "IPsInUse"),
                _count(status, "DynamicIPsAvailable"),
            )
    return counts


def _count(status: object, key: str) -> int | None:
    found = foreign.number(status, key)
    return found if found is not None and found >= 0 else None


def _auxiliary(
    prefix: IPNetwork, entry: JsonObject
) -> tuple[tuple[str, IPAddress], ...]:
    found: dict[str, IPAddress] = {}
    for key in _AUXILIARY_KEYS:
        reserved = foreign.child(entry, key)
        for name in reserved:
            address = _of_family(prefix, foreign.address(reserved, name))
            if address is not None:
                found.setdefault(name, address)
    return tuple(sorted(found.items()))


def _of_family(prefix: IPNetwork, address: IPAddress | None) -> IPAddress | None:
    if address is None or address.version != prefix.version:
        return None
    return address


def _inside(prefix: IPNetwork, part: IPNetwork | None) -> IPNetwork | None:
    if part is None or part.version != prefix.version:
        return None
    inside = part.network_address in prefix and part.prefixlen >= prefix.prefixlen
    return part if inside else None
