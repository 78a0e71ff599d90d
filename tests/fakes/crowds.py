"""Hosts with many containers, for what is counted and not gone through."""

from exporter.model.topology import Topology
from tests.fakes import topologies


def crowd(containers: int, networks: int, *, dual: bool = False) -> Topology:
    """Return a host with so many containers, each on one of so many networks in turn.

    Their names are c0000 and so on; those on one network have numbers that leave the
    same rest.

    Args:
        containers: up to 10,000.
        networks: up to 200.
        dual: each has an IPv6 address as well.
    """
    on = tuple(
        topologies.network(f"n{number}", *_subnets(number, dual=dual))
        for number in range(networks)
    )
    return topologies.topology(
        on,
        tuple(
            topologies.container(
                name, topologies.endpoint(name, on[number % networks], *addresses)
            )
            for number in range(containers)
            for name, addresses in [
                (f"c{number:04}", _addresses(number, networks, dual=dual))
            ]
        ),
    )


def _subnets(number: int, *, dual: bool) -> tuple[str, ...]:
    ipv4 = f"10.{number}.0.0/16"
    return (ipv4, f"fd00:{number:x}::/64") if dual else (ipv4,)


def _addresses(number: int, networks: int, *, dual: bool) -> tuple[str, ...]:
    network, place = number % networks, number // networks
    ipv4 = f"10.{network}.{place // 250}.{place % 250 + 2}"
    return (ipv4, f"fd00:{network:x}::{place + 2:x}") if dual else (ipv4,)
