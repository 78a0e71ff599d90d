"""Addresses: what is left of subnets and of the engine's pools."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import bargauge, stat, table

from grafana.generate.ask import FAMILY, NETWORK, of
from grafana.generate.panels import (
    ODD_ABOVE_0,
    bars,
    grid,
    now,
    number,
    rows,
    runbook,
)

_FILLING = ((None, "green"), (0.8, "orange"), (0.95, "red"))
_MOST = 20
_LEFT = {
    "network": "Network",
    "subnet": "Subnet",
    "Value #A": "Left",
    "Value #B": "Of all",
    "instance": "Host",
}


def use() -> str:
    """Return the share of each subnet that is in use or reserved."""
    part = of("subnet_addresses_used", NETWORK, FAMILY)
    return f"{part} / {of('subnet_addresses', NETWORK, FAMILY)}"


def panels() -> Iterator[bargauge.Panel | stat.Panel | table.Panel]:
    """Yield the panels of this part."""
    yield bars(
        "Subnets in use",
        f"Share of a subnet's addresses in use or reserved; the {_MOST} fullest. Of an "
        "IPv6 subnet it is never much.",
        now(
            f"sort_desc(topk({_MOST}, max by (network, subnet) ({use()})))",
            "{{network}} {{subnet}}",
        ),
        _FILLING,
    ).links(runbook("DockernetSubnetNearlyFull"))
    yield _left()
    yield _pools()
    yield from _figures()


def _figures() -> Iterator[stat.Panel]:
    pools = of("default_pool_subnets"), of("default_pool_subnets_used")
    left = f"sum by (instance) ({pools[0]}) - sum by (instance) ({pools[1]})"
    figures = (
        number(
            "Subnets left",
            "In the default address pools, where they are fewest: so many networks can "
            "still be made without a subnet of their own choice.",
            f"min({left})",
            "none",
            ((None, "red"), (4, "green")),
        ).links(runbook("DockernetDefaultPoolNearlyExhausted")),
        number(
            "Overlaps",
            "Networks whose subnet another network, or a route of the host, claims "
            "too.",
            f"count({of('subnet_overlap', NETWORK, FAMILY)}) or vector(0)",
            "none",
            ODD_ABOVE_0,
        ).links(runbook("DockernetSubnetOverlap")),
        number(
            "Duplicates",
            "IP and MAC addresses that more than one running container holds on a "
            "network.",
            f"sum({of('duplicate_addresses', NETWORK)})",
            "none",
            ODD_ABOVE_0,
        ).links(runbook("DockernetDuplicateAddress")),
    )
    for figure in figures:
        yield figure.span(4).height(7)


def _left() -> table.Panel:
    labels = "network, subnet, instance"
    left = of("subnet_dynamic_addresses_available", NETWORK, FAMILY)
    every = of("subnet_addresses", NETWORK, FAMILY)
    return (
        grid(
            "Addresses left",
            f"What new containers can still get, of all; the {_MOST} subnets with "
            "least.",
            _LEFT,
            rows(f"bottomk({_MOST}, min by ({labels}) ({left}))"),
            rows(
                f"min by ({labels}) ({every}) and on ({labels}) "
                f"bottomk({_MOST}, min by ({labels}) ({left}))",
                ref="B",
            ),
        )
        .span(12)
        .height(9)
        .unit("short")
    )


def _pools() -> bargauge.Panel:
    used = f"max by (pool) ({of('default_pool_subnets_used')})"
    every = f"max by (pool) ({of('default_pool_subnets')})"
    return (
        bars(
            "Address pools in use",
            "Share of the subnets of each default pool that a network or a route of "
            "the host overlaps. A pool of one subnet is full with one network: what "
            "counts is how many are left in all.",
            now(f"sort_desc({used} / {every})", "{{pool}}"),
            ((None, "blue"),),
        )
        .height(7)
        .links(runbook("DockernetDefaultPoolNearlyExhausted"))
    )
