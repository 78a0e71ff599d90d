"""The dashboard Container: one container, its peers, and what is wrong with them."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from grafana.generate import frame, history, states, violations
from grafana.generate.ask import (
    FAMILY,
    ICMP,
    LEAK,
    LOST,
    NETWORK,
    SINCE_CYCLES,
    VIOLATION,
    of,
)
from grafana.generate.panels import (
    CONTAINER_UID,
    OVERVIEW_UID,
    WRONG_ABOVE_0,
    coloured,
    grid,
    lines,
    linked,
    measured,
    number,
    prop,
    query,
    rows,
    to_dashboard,
)

_ITSELF = 'container="$container"'
_ENDPOINT = (_ITSELF, NETWORK, FAMILY)
_TOO_MANY = (
    "No pair is exported one by one: there are more than 2000 on this host, or none "
    "was measured. What is wrong is listed above in any case."
)
_DESCRIPTION = (
    "Whom one container reaches, who reaches it, how fast, and what of that "
    "contradicts Docker's promise."
)


def made() -> Dashboard:
    """Return the dashboard."""
    found = frame.framed(CONTAINER_UID, "Docker networks: container", _DESCRIPTION)
    found = found.link(frame.to_other("Overview", OVERVIEW_UID))
    found = found.with_variable(frame.container())
    for title, part in (
        ("$container now", _now),
        ("Peers, one by one", _peers),
        ("History", _history),
    ):
        found = found.with_row(Row(title))
        for panel in part():
            found = found.with_panel(panel)
    return found


def _now() -> Iterator[stat.Panel | table.Panel]:
    """Yield what is known on hosts of every size."""
    yield from _figures()
    yield _identity()
    yield (
        violations.listed(
            "Wrong now",
            "Pairs with this container that contradict the promise now, if they are "
            "among the host's 200 oldest.",
            _of_pairs(VIOLATION),
        )
        .span(24)
        .height(7)
    )


def _figures() -> Iterator[stat.Panel]:
    """Yield how many peers it has, and how many are wrong."""
    expected, reached = (
        of(f"endpoint_{name}_peers", *_ENDPOINT) for name in ("expected", "reachable")
    )
    yield number(
        "Leaks to it",
        "Containers that reach this one although isolation is promised.",
        f"sum({of('endpoint_unexpected_peers', *_ENDPOINT)})",
        "none",
        WRONG_ABOVE_0,
    ).span(6)
    yield number(
        "Peers lost",
        "Containers that are promised to reach this one and do not.",
        f"sum({expected}) - sum({reached})",
        "none",
        WRONG_ABOVE_0,
    ).span(6)
    yield number(
        "Peers",
        "Containers that were measured and are promised to reach this one, on all its "
        "networks.",
        f"sum({expected})",
        "none",
        ((None, "blue"),),
    ).span(6)
    yield (
        number(
            "Answers the host",
            "Whether it answers the engine's host, on all its networks.",
            f"min({of('endpoint_host_reachable', *_ENDPOINT)})",
            "none",
            ((None, "green"),),
        )
        .mappings([states.REACHED])
        .span(6)
    )


def _identity() -> table.Panel:
    labels = "network, ipv4, ipv6, image, project, service, container_id, instance"
    return (
        grid(
            "Networks and addresses",
            "What the engine says of it, a row for each network. Left out on hosts "
            "that reach the limit of series.",
            {
                "network": "Network",
                "ipv4": "IPv4",
                "ipv6": "IPv6",
                "container_id": "Id",
                "image": "Image",
                "project": "Project",
                "service": "Service",
                "instance": "Host",
            },
            rows(f"max by ({labels}) ({of('endpoint_info', _ITSELF, NETWORK)})"),
        )
        .span(24)
        .height(5)
    )


def _peers() -> Iterator[table.Panel]:
    """Yield both directions, pair by pair, where the host has few enough pairs."""
    yield (
        _directed("source", "destination")
        .title("From this container")
        .description(
            "Whether each peer answers it, and the least round-trip time of the newest "
            "probes. silent: no answer; either none is promised, or the promise is not "
            "held against it yet."
        )
    )
    yield (
        _directed("destination", "source")
        .title("To this container")
        .description("Whether it answers each peer and the host.")
    )


def _directed(end: str, other: str) -> table.Panel:
    labels = f"{other}, source_network, destination_network, ip_version, instance"
    itself = f'{end}="$container"'
    wrong = [
        f"{state} * ({of(VIOLATION, kind, itself, FAMILY, ICMP)} > bool 0)"
        for state, kind in ((states.LEAK, LEAK), (states.LOST, LOST))
    ]
    seen = of("pair_reachable", itself, FAMILY)
    state = f"max by ({labels}) ({' or '.join([*wrong, seen])})"
    rtt = f"min by ({labels}) ({of('pair_rtt_seconds', itself, FAMILY)})"
    there = to_dashboard(
        CONTAINER_UID, instance="${__data.fields.Host}", container="${__value.raw}"
    )
    return (
        grid(
            "",
            "",
            {
                other: "Peer",
                "source_network": "Out of network",
                "destination_network": "Into network",
                "ip_version": "IP",
                "Value #A": "State",
                "Value #B": "Round trip",
                "instance": "Host",
            },
            rows(state),
            rows(rtt, ref="B"),
        )
        .no_value(_TOO_MANY)
        .span(12)
        .height(11)
        .override_by_name("State", coloured(states.PEERS))
        .override_by_name("Round trip", measured("s"))
        .override_by_name("IP", [prop("custom.width", 50)])
        .override_by_name("Peer", linked("This container", there))
    )


def _history() -> Iterator[statetimeline.Panel | timeseries.Panel]:
    """Yield what was."""
    yield history.timeline(
        "Pairs of this container that were wrong",
        "A row has a bar while the pair contradicted the promise, and nothing while "
        "all was well.",
        _of_pairs(VIOLATION, LEAK),
        _of_pairs(VIOLATION, LOST),
    )
    yield lines(
        "Peers over time",
        "By network: who is promised to reach it, who does, and who does although "
        "isolation is promised.",
        "none",
        *(
            query(
                f"sum by (network) ({of(f'endpoint_{name}_peers', *_ENDPOINT)})",
                f"{name}: {{{{network}}}}",
                ref=ref,
            )
            for ref, name in zip(
                "ABC", ("expected", "reachable", "unexpected"), strict=True
            )
        ),
    ).decimals(0)
    times = of("pair_rtt_seconds", 'source="$container"', FAMILY)
    labels = "destination, destination_network, ip_version"
    yield (
        lines(
            "Round trips to its peers",
            "Least of the newest probes of each pair; the 15 longest.",
            "s",
            query(
                f"topk(15, max by ({labels}) ({times}))",
                "{{destination}} ({{destination_network}}) IPv{{ip_version}}",
                step=SINCE_CYCLES,
            ),
        ).no_value(_TOO_MANY)
    )


def _of_pairs(metric: str, *matchers: str) -> str:
    """Return the pairs of which this container is one end."""
    ends = (f'{end}="$container"' for end in ("source", "destination"))
    return " or ".join(of(metric, FAMILY, *matchers, end) for end in ends)
