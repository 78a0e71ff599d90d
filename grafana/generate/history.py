"""What was wrong, and when."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard, statetimeline, timeseries
from grafana_foundation_sdk.models import common as models
from grafana_foundation_sdk.models.dashboard import FieldColorModeId

from grafana.generate import states
from grafana.generate.ask import (
    FAMILY,
    LEAK,
    LOST,
    UNVERIFIED,
    VIOLATION,
    of,
    touching,
    worst,
)
from grafana.generate.panels import SOURCE, legend, lines, query

_PAIR = "instance, source, destination, ip_version, protocol"
_ROWS = 12


def panels() -> Iterator[statetimeline.Panel | timeseries.Panel]:
    """Yield the panels of this part."""
    yield timeline(
        "Pairs that were wrong",
        f"Only pairs that contradicted the promise at some time; the {_ROWS} that did "
        "longest. A row has a bar while it did and nothing while all was well.",
        touching(VIOLATION, LEAK),
        touching(VIOLATION, LOST),
    )
    yield lines(
        "Broken promises over time",
        "Pairs of every scope that contradict the promise, and pairs of containers of "
        "which nobody knows.",
        "none",
        query(f"sum by (kind) ({of('pair_violations', FAMILY)})", "{{kind}}"),
        query(
            f"sum({of('container_pairs', FAMILY, UNVERIFIED)})",
            "unverified",
            ref="B",
        ),
    ).decimals(0)
    yield lines(
        "Coverage over time",
        "Share of the pairs that may be probed of which a measurement is in force, by "
        "what is promised; the least of the hosts.",
        "percentunit",
        query(f"min by (expected) ({of('pair_coverage_ratio')})", "{{expected}}"),
    ).max(1)


def timeline(title: str, description: str, leak: str, lost: str) -> statetimeline.Panel:
    """Return when which pairs were wrong.

    The series of violations exist only meanwhile, so this works on hosts of every size.
    """
    wrong = worst(_PAIR, [(states.LEAK, leak), (states.LOST, lost)])
    longest = f"count_over_time(({wrong})[$__range:$__interval] @ end())"
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .span(24)
        .height(10)
        .unit("none")
        .mappings([states.WRONGS])
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .fill_opacity(85)
        .row_height(0.85)
        .line_width(0)
        .show_value(models.VisibilityMode.AUTO)
        .merge_values(True)
        .legend(legend())
        .no_value("No pair was wrong in this time.")
        .with_target(
            query(
                f"{wrong} and on ({_PAIR}) topk({_ROWS}, {longest})",
                "{{source}} → {{destination}} IPv{{ip_version}} {{protocol}}"
                " @{{instance}}",
            )
        )
    )
