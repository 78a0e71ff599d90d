"""Topologies of many networks, in one word."""

from exporter.model.topology import Topology
from tests.fakes.topologies import container, endpoint, network, topology


def rows(containers: int, *names: str, empty: str = "empty") -> Topology:
    """Return networks with so many containers each, and one with nobody.

    Network k has 10.0.k.0/24; its containers are named after it and counted from 0.
    """
    networks = tuple(
        network(name, f"10.0.{k}.0/24") for k, name in enumerate((*names, empty))
    )
    return topology(
        networks,
        tuple(
            container(
                f"{on.name}{n}", endpoint(f"{on.name}{n}", on, f"10.0.{k}.{2 + n}")
            )
            for k, on in enumerate(networks[:-1])
            for n in range(containers)
        ),
    )
