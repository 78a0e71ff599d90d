"""Hosts with many containers, for what is counted and not gone through."""

from exporter.model.topology import Topology
from tests.fakes import topologies


def crowd(containers: int, networks: int) -> Topology:
    """Return a host with so many containers, each on one of so many networks in turn.

    Their names are c0000 and so on; those on one network have numbers that leave the
    same rest.

    Args:
        containers: up to 10,000.
        networks: up to 200.
    """
    on = tuple(
        topologies.network(f"n{number}", f"10.{number}.0.0/16")
        for number in range(networks)
    )
    return topologies.topology(
        on,
        tuple(
            topologies.container(
                name, topologies.endpoint(name, on[number % networks], address)
            )
            for number in range(containers)
            for name, address in [(f"c{number:04}", _address(number, networks))]
        ),
    )


def _address(number: int, networks: int) -> str:
    network, place = number % networks, number // networks
    return f"10.{network}.{place // 250}.{place % 250 + 2}"
