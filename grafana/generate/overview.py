"""The dashboard Overview: is isolation intact, what broke, since when."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.builders.stat import Panel as Figure

from grafana.generate import addresses, health, history, matrix, traffic, violations
from grafana.generate.ask import (
    FAMILY,
    LEAK,
    LOST,
    MINUTES,
    NETWORK,
    UNVERIFIED,
    loss,
    of,
    quantile,
)
from grafana.generate.frame import framed, to_other
from grafana.generate.panels import (
    CONTAINER_UID,
    ODD_ABOVE_0,
    OVERVIEW_UID,
    WRONG_ABOVE_0,
    number,
    runbook,
)

_DESCRIPTION = (
    "Who reaches whom between Docker's networks, against what Docker promises; what "
    "broke, since when and why."
)


def made() -> Dashboard:
    """Return the dashboard."""
    found = framed(OVERVIEW_UID, "Docker networks: overview", _DESCRIPTION)
    found = found.link(to_other("One container", CONTAINER_UID))
    found = found.with_row(Row("Now"))
    for figure in (*_promises(), *_measurements(), *_room_and_age()):
        found = found.with_panel(figure)
    for table in (violations.everywhere(), matrix.networks(), violations.hosts()):
        found = found.with_panel(table)
    for title, part in (
        ("History", history.panels),
        ("Round trips and loss", traffic.panels),
        ("Addresses", addresses.panels),
        ("Names", traffic.names),
    ):
        found = found.with_row(Row(title))
        for panel in part():
            found = found.with_panel(panel)
    return found.with_row(health.row())


def _promises() -> Iterator[Figure]:
    """Yield what is broken, and what is not known."""
    yield number(
        "Leaks",
        "Pairs that reach each other although Docker, or the policy, promises to keep "
        "them apart. All scopes, beyond the limit of the list below too.",
        f"sum({of('pair_violations', LEAK, FAMILY)})",
        "none",
        WRONG_ABOVE_0,
    ).links(runbook("DockernetUnexpectedCrossNetworkConnectivity"))
    yield number(
        "Lost",
        "Pairs that do not reach each other although it is promised.",
        f"sum({of('pair_violations', LOST, FAMILY)})",
        "none",
        WRONG_ABOVE_0,
    ).links(runbook("DockernetExpectedConnectivityLost"))
    open_pairs = of("container_pairs", 'expected="isolated"', UNVERIFIED, FAMILY)
    yield number(
        "Not verified",
        "Pairs of containers that are to be isolated and of which nobody knows: "
        "silence alone proves nothing.",
        f"sum({open_pairs})",
        "none",
        ODD_ABOVE_0,
    ).links(runbook("DockernetIsolationUnverified"))
    yield number(
        "Coverage",
        "Share of the pairs that may be probed of which a measurement is in force; the "
        "least of the promises and hosts. Large hosts are covered in turns.",
        f"min({of('pair_coverage_ratio')})",
        "percentunit",
        ((None, "orange"), (0.9, "green")),
    ).decimals(1)


def _measurements() -> Iterator[Figure]:
    """Yield how well it goes."""
    yield (
        number(
            "Packet loss",
            "Share of the probes that are promised an answer and had none.",
            loss(""),
            "percentunit",
            ((None, "green"), (0.01, "orange"), (0.1, "red")),
            step=MINUTES,
        )
        .decimals(2)
        .links(runbook("DockernetPacketLoss"))
    )
    yield number(
        "Round trip, 99 %",
        "99 of 100 round trips are shorter.",
        quantile(0.99, "", "rtt_seconds", NETWORK, FAMILY),
        "s",
        ((None, "green"), (0.005, "orange"), (0.05, "red")),
        step=MINUTES,
    ).links(runbook("DockernetRttRegression"))


def _room_and_age() -> Iterator[Figure]:
    """Yield how much room is left, and how old the news is."""
    yield (
        number(
            "Fullest subnet",
            "Share of a subnet's addresses that are in use or reserved, where it is "
            "highest.",
            f"max({addresses.use()})",
            "percentunit",
            ((None, "green"), (0.8, "orange"), (0.95, "red")),
        )
        .decimals(1)
        .links(runbook("DockernetSubnetNearlyFull"))
    )
    yield (
        number(
            "Newest cycle",
            "How long ago the newest probe cycle ended, on the host where that is "
            "longest. What is older than a few cycles is not news.",
            f"max(time() - {of('last_cycle_timestamp_seconds')})",
            "s",
            ((None, "green"), (60, "orange"), (300, "red")),
        )
        .decimals(0)
        .links(runbook("DockernetProberStalled"))
    )
