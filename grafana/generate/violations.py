"""What is wrong now: the pairs, and the hosts."""

from grafana_foundation_sdk.builders import table

from grafana.generate import states
from grafana.generate.ask import (
    FAMILY,
    LEAK,
    LOST,
    UNVERIFIED,
    VIOLATION,
    of,
    total,
    touching,
)
from grafana.generate.panels import (
    CONTAINER_UID,
    OVERVIEW_UID,
    PAGES,
    coloured,
    grid,
    linked,
    measured,
    prop,
    rows,
    runbook,
    to_dashboard,
)

_LABELS = (
    "instance, source, source_network, destination, destination_network, ip_version, "
    "protocol, kind, cause"
)
_COLUMNS = {
    "kind": "What",
    "source": "From",
    "source_network": "From network",
    "destination": "To",
    "destination_network": "To network",
    "ip_version": "IP",
    "protocol": "By",
    "Value #A": "Since",
    "Value #B": "For",
    "cause": "Likely cause",
    "instance": "Host",
}
_WIDTHS = {"IP": 50, "By": 60, "For": 90, "Since": 170, "What": 190}
_DESCRIPTION = (
    "Each pair that contradicts the promise now: who, whom, since when, and the "
    "likeliest cause. Click an end for all that is known of that container. At most "
    "the 200 oldest of each host; the figures count all. Name lookups are shown as "
    "dns."
)


def everywhere() -> table.Panel:
    """Return the pairs that are wrong now, of the networks that are looked at."""
    made = listed("Wrong now", _DESCRIPTION, touching(VIOLATION))
    for column in ("From", "To"):
        made = made.override_by_name(
            column,
            linked(
                "This container",
                to_dashboard(
                    CONTAINER_UID,
                    instance="${__data.fields.Host}",
                    container="${__value.raw}",
                ),
            ),
        )
    return made.span(24).height(8)


def listed(title: str, description: str, which: str) -> table.Panel:
    """Return a table of violations."""
    start = f"max by ({_LABELS}) ({which})"
    made = grid(
        title,
        description,
        _COLUMNS,
        rows(f"1000 * {start}", ref="A"),
        rows(f"time() - {start}", ref="B"),
    )
    for name, width in _WIDTHS.items():
        made = made.override_by_name(name, [prop("custom.width", width)])
    causes = linked("What this cause means", f"{PAGES}/causes.md")
    return (
        made.no_value("No promise is broken.")
        .override_by_name("What", coloured(states.KINDS))
        .override_by_name("Since", measured("dateTimeAsLocal"))
        .override_by_name("For", measured("dtdurations", 0))
        .override_by_name("Likely cause", causes)
        .links(
            runbook(
                "DockernetUnexpectedCrossNetworkConnectivity",
                "DockernetExpectedConnectivityLost",
            )
        )
    )


def hosts() -> table.Panel:
    """Return one row for each host."""
    unverified = of("container_pairs", UNVERIFIED, FAMILY)
    newest = of("last_cycle_timestamp_seconds")
    asked = {
        "Engine": f"min by (instance) ({of('docker_up')})",
        "Leaks": total("instance", of("pair_violations", LEAK, FAMILY)),
        "Lost": total("instance", of("pair_violations", LOST, FAMILY)),
        "Not verified": total("instance", unverified),
        "Coverage": f"min by (instance) ({of('pair_coverage_ratio')})",
        "Running": total("instance", of("containers", 'state="running"')),
        "Networks": f"count by (instance) ({of('network_info')})",
        "Newest cycle": f"max by (instance) (time() - {newest})",
    }
    refs = dict(zip("ABCDEFGH", asked, strict=True))
    made = grid(
        "Hosts",
        "One row for each exporter that is looked at. Click one to look at it alone.",
        {"instance": "Host", **{f"Value #{ref}": name for ref, name in refs.items()}},
        *(rows(asked[name], ref=ref) for ref, name in refs.items()),
    )
    alone = to_dashboard(OVERVIEW_UID, instance="${__value.raw}")
    return (
        made.span(24)
        .height(5)
        .override_by_name("Host", linked("This host alone", alone))
        .override_by_name("Engine", coloured(states.ANSWERS))
        .override_by_name("Coverage", measured("percentunit", 1))
        .override_by_name("Newest cycle", measured("s", 0))
    )
