"""The matrix: from every network to every network, one cell each."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard, table
from grafana_foundation_sdk.models import common as models
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    FieldColorModeId,
)

from grafana.generate import states
from grafana.generate.ask import ICMP, LEAK, LOST, VIOLATION, of, touching, worst
from grafana.generate.panels import (
    CONTAINER_UID,
    SOURCE,
    linked,
    prop,
    rows,
    to_dashboard,
    transformed,
)

_ENDS = "source_network, destination_network"
_CORNER = "source_network\\destination_network"
_CONTAINERS = ('source!="host"', 'destination!="gateway"', ICMP)
"""The matrix is of containers; violations are of other scopes too."""
_DESCRIPTION = (
    "The worst of the pairs of containers between two networks. reaches: an "
    "answer, as promised. isolated: none, as promised; whether each was "
    "verified says the figure above. LEAK: an answer that must not be. LOST: "
    "none, though promised. in doubt: against the promise but not confirmed, "
    "or it could not be measured. unprobed: it is not their turn, or "
    "packets would leave the host. unjudged: nothing is promised. Empty: no "
    "such pair, or all is well on a host with more than 40 networks. With "
    "several hosts, networks of the same name share a cell."
)


def networks() -> table.Panel:
    """Return the matrix of networks."""
    return (
        table.Panel()
        .title("From network (row) to network (column)")
        .description(_DESCRIPTION)
        .datasource(SOURCE)
        .span(24)
        .height(13)
        .unit("none")
        .min_width(64)
        .align(models.FieldTextAlignment.CENTER)
        .mappings([states.CELLS])
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .cell_options(
            models.TableColoredBackgroundCellOptions(
                mode=models.TableCellBackgroundDisplayMode.BASIC
            )
        )
        .with_target(rows(_query()))
        .with_transformation(_sorted("destination_network"))
        .with_transformation(_matrix())
        .with_transformation(_sorted(_CORNER))
        .override_by_name(
            _CORNER,
            [
                prop("displayName", "from \\ to"),
                prop("custom.cellOptions", {"type": "auto"}),
                prop("custom.align", "left"),
                prop("custom.width", 130),
                *linked(
                    "Containers of this network",
                    to_dashboard(CONTAINER_UID, network="${__value.text}"),
                ),
            ],
        )
    )


def _query() -> str:
    """Return the worst state of each cell; a source without a route has no network."""
    cells = worst("job, instance, " + _ENDS, list(_ranked()))
    named = f'label_replace({cells}, "source_network", "(none)", "source_network", "")'
    return f"max by ({_ENDS}) ({named})"


def _ranked() -> Iterator[tuple[int, str]]:
    """Yield states and where they are, the worst first: the first of equals counts."""
    more = f"{of('pair_violations_not_exported')} > 0"
    for state, kind, contrary in (
        (states.LEAK, LEAK, ('expected="isolated"', 'observed="reachable"')),
        (states.LOST, LOST, ('expected="reachable"', 'observed="unreachable"')),
    ):
        seen = touching("network_pairs", *contrary)
        yield state, touching(VIOLATION, kind, *_CONTAINERS)
        # Of violations beyond the limit only the cells are known.
        yield state, f"({seen}) and on (job, instance) {more}"
        yield states.IN_DOUBT, seen
    for state, *matchers in (
        (states.IN_DOUBT, 'expected!="unknown"', 'observed="error"'),
        (states.REACHES, 'expected="reachable"', 'observed="reachable"'),
        (states.ISOLATED, 'expected="isolated"', 'observed="unreachable"'),
        (states.NOT_JUDGED, 'expected="unknown"', 'observed!="not_probed"'),
        (states.NOT_PROBED, 'observed="not_probed"'),
    ):
        yield state, touching("network_pairs", *matchers)


def _matrix() -> DataTransformerConfig:
    return transformed(
        "groupingToMatrix",
        rowField="source_network",
        columnField="destination_network",
        valueField="Value",
        emptyValue="null",
    )


def _sorted(field: str) -> DataTransformerConfig:
    return transformed("sortBy", sort=[{"field": field, "desc": False}])
