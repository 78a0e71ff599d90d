"""What both dashboards have around their panels: variables, links, annotations."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.generate.ask import FAMILY, HOSTS, NETWORK
from grafana.generate.panels import SOURCE, to_page

ALERTS = (
    'ALERTS{alertstate="firing",alertname=~"Dockernet.*",'
    # An alert that something is absent names no instance.
    'job=~"$job",instance=~"$instance|"}'
)
_PEERS = f"dockernet_endpoint_expected_peers{{{HOSTS},{NETWORK},{FAMILY}}}"


def framed(uid: str, title: str, description: str) -> dashboard.Dashboard:
    """Return a dashboard without panels."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["docker", "network", "dockernet"])
        .readonly()
        .refresh("30s")
        .time("now-1h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(to_page("Runbook", "runbook.md"))
        .annotation(_alerts())
        .with_variable(
            dashboard.DatasourceVariable("datasource")
            .label("Data source")
            .type("prometheus")
        )
    )
    for variable in _variables():
        made = made.with_variable(variable)
    return made


def to_other(title: str, uid: str) -> dashboard.DashboardLink:
    """Return a link to the other dashboard, with the same variables and time."""
    return (
        dashboard.DashboardLink(title)
        .type(DashboardLinkType.LINK)
        .url(f"/d/{uid}")
        .icon("dashboard")
        .include_vars(True)
        .keep_time(True)
    )


def container() -> dashboard.QueryVariable:
    """Return the variable that says which container is looked at: one of them."""
    return (
        _asked("container", "Container", f"label_values({_PEERS}, container)")
        .multi(False)
        .include_all(False)
    )


def _variables() -> Sequence[dashboard.QueryVariable]:
    """Return what is looked at: all of it, unless somebody chooses.

    Network and address family may be absent from a series: a gateway is on no network.
    """
    asked = [
        ("job", "Job", ".+", "label_values(dockernet_build_info, job)"),
        (
            "instance",
            "Host",
            ".+",
            'label_values(dockernet_build_info{job=~"$job"}, instance)',
        ),
        (
            "network",
            "Network",
            ".*",
            f"label_values(dockernet_network_info{{{HOSTS}}}, network)",
        ),
        (
            "ip_version",
            "IP version",
            ".*",
            f"label_values(dockernet_pair_violations{{{HOSTS}}}, ip_version)",
        ),
    ]
    return [
        _asked(name, label, query)
        .multi(True)
        .include_all(True)
        .all_value(everything)
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
        for name, label, everything, query in asked
    ]


def _asked(name: str, label: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def _alerts() -> dashboard.AnnotationQuery:
    return (
        dashboard.AnnotationQuery()
        .name("Firing alerts")
        .datasource(SOURCE)
        .enable(True)
        .icon_color("red")
        .expr(ALERTS)
        .title_format("{{alertname}}")
        .text_format("{{source}} {{destination}} {{network}} {{cause}}")
    )
