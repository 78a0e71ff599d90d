"""Every IPAM entry, whatever the engine left out of it."""

from ipaddress import ip_address, ip_network

import pytest

from exporter.engine.subnets import default_pools, parse_pools, parse_subnets
from exporter.model.topology import Subnet


def network(*entries: object, status: object = None) -> dict[str, object]:
    """Return a network's JSON with these IPAM entries."""
    return {"IPAM": {"Config": list(entries)}, "Status": status}


def test_everything_of_an_entry() -> None:
    """Gateway, range and reserved addresses are taken as configured."""
    entry = {
        "Subnet": "172.30.2.0/24",
        "Gateway": "172.30.2.1",
        "IPRange": "172.30.2.128/25",
        "AuxiliaryAddresses": {"router": "172.30.2.5", "dns": "172.30.2.6"},
    }

    assert (
        Subnet(
            prefix=ip_network("172.30.2.0/24"),
            gateway=ip_address("172.30.2.1"),
            ip_range=ip_network("172.30.2.128/25"),
            auxiliary=(
                ("dns", ip_address("172.30.2.6")),
                ("router", ip_address("172.30.2.5")),
            ),
        ),
    ) == parse_subnets(network(entry))


@pytest.mark.parametrize("config", [None, [], {}, "x"], ids=repr)
def test_host_and_none_have_no_subnet(config: object) -> None:
    """Their Config is null (26.1 and later) or empty (20.10)."""
    assert () == parse_subnets({"IPAM": {"Config": config}})


def test_every_entry_counts_and_a_bad_one_does_not_hide_the_next() -> None:
    """Both families, in the engine's order, each prefix once."""
    entries = (
        {"Subnet": "fd00:30:9::/64"},
        {"Subnet": "nonsense"},
        None,
        {"Subnet": "172.23.0.0/16", "Gateway": "172.23.0.1/16"},
        {"Subnet": "172.23.0.0/16"},
    )

    found = parse_subnets(network(*entries))

    assert ["fd00:30:9::/64", "172.23.0.0/16"] == [str(s.prefix) for s in found]
    assert [None, ip_address("172.23.0.1")] == [s.gateway for s in found]


def test_what_does_not_belong_to_the_prefix_is_left_out() -> None:
    """A range outside, a gateway of the other family, a reserved word."""
    entry = {
        "Subnet": "172.23.0.0/16",
        "Gateway": "fd00::1",
        "IPRange": "172.24.0.0/24",
        "AuxiliaryAddresses": {"a": "fd00::2", "b": "nothing"},
    }

    assert (Subnet(prefix=ip_network("172.23.0.0/16")),) == parse_subnets(
        network(entry)
    )


@pytest.mark.parametrize("key", ["AuxiliaryAddresses", "AuxAddress"])
def test_reserved_addresses_in_either_spelling(key: str) -> None:
    """The engine writes one, its Go client is called by the other."""
    entry = {"Subnet": "172.23.0.0/16", key: {"a": "172.23.0.9"}}

    assert (("a", ip_address("172.23.0.9")),) == parse_subnets(network(entry))[
        0
    ].auxiliary


def test_the_engines_own_counts() -> None:
    """From API 1.52 the engine counts addresses, IPv6 saturating at 2**64 - 1."""
    status = {
        "IPAM": {
            "Subnets": {
                "172.16.0.0/16": {"IPsInUse": 3, "DynamicIPsAvailable": 65533},
                "fd00::/64": {"IPsInUse": 2, "DynamicIPsAvailable": 2**64 - 1},
                "nonsense": {"IPsInUse": 1},
            }
        }
    }
    entries = ({"Subnet": "172.16.0.0/16"}, {"Subnet": "fd00::/64"})

    found = parse_subnets(network(*entries, status=status))

    assert [(3, 65533), (2, 2**64 - 1)] == [
        (subnet.addresses_used, subnet.dynamic_available) for subnet in found
    ]


def test_pools() -> None:
    """Configured pools are the engine's; a size that its base cannot give is none."""
    info = {
        "DefaultAddressPools": [
            {"Base": "10.10.0.0/16", "Size": 24},
            {"Base": "10.11.0.0/16", "Size": 8},
            {"Base": "fd00::/48", "Size": 64},
            {"Size": 24},
        ]
    }

    assert (
        (ip_network("10.10.0.0/16"), 24),
        (ip_network("fd00::/48"), 64),
    ) == parse_pools(info)


def test_mobys_pools_give_31_networks() -> None:
    """The known default limit of user networks, the default bridge counted."""
    assert 31 == sum(2 ** (size - base.prefixlen) for base, size in default_pools())
