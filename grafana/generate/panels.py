"""Panels as this project draws them: units, texts, thresholds, tables."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as models
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DashboardLinkType,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMap,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
PAGES = "https://example.com/dockernet-exporter"
"""Where docs/ is kept, as in the rules' runbook_url: put your own address there."""
CONTAINER_UID = "dockernet-container"
OVERVIEW_UID = "dockernet-overview"

Steps = Sequence[tuple[float | None, str]]
WRONG_ABOVE_0: Steps = ((None, "green"), (1, "red"))
ODD_ABOVE_0: Steps = ((None, "green"), (1, "orange"))


def query(
    expr: str, legend: str = "", *, ref: str = "A", step: str = ""
) -> prometheus.Dataquery:
    """Return a query over the time that is shown."""
    made = prometheus.Dataquery().expr(expr).ref_id(ref).datasource(SOURCE).range()
    made = made.legend_format(legend) if legend else made
    return made.interval(step) if step else made


def now(
    expr: str, legend: str = "", *, ref: str = "A", step: str = ""
) -> prometheus.Dataquery:
    """Return a query about the end of the time that is shown."""
    return query(expr, legend, ref=ref, step=step).instant()


def rows(expr: str, *, ref: str = "A") -> prometheus.Dataquery:
    """Return a query whose answer is a table."""
    return now(expr, ref=ref).format(PromQueryFormat.TABLE)


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    """Return where colours change."""
    made = [Threshold(value=value, color=color) for value, color in steps]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)


def number(
    title: str, description: str, expr: str, unit: str, steps: Steps, *, step: str = ""
) -> stat.Panel:
    """Return one figure."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .span(3)
        .height(4)
        .unit(unit)
        .thresholds(thresholds(steps))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .graph_mode(models.BigValueGraphMode.NONE)
        .color_mode(models.BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(now(expr, step=step))
    )


def lines(
    title: str, description: str, unit: str, *targets: prometheus.Dataquery
) -> timeseries.Panel:
    """Return a graph over time, with a legend."""
    made = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .span(12)
        .height(8)
        .unit(unit)
        .min(0)
        .line_width(1)
        .fill_opacity(10)
        .show_points(models.VisibilityMode.AUTO)
        .legend(legend())
        .tooltip(
            common.VizTooltipOptions()
            .mode(models.TooltipDisplayMode.MULTI)
            .sort(models.SortOrder.DESCENDING)
        )
    )
    for target in targets:
        made = made.with_target(target)
    return made


def legend() -> common.VizLegendOptions:
    """Return a legend below the panel; the SDK leaves it out unless asked."""
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(models.LegendDisplayMode.LIST)
        .placement(models.LegendPlacement.BOTTOM)
    )


def bars(
    title: str, description: str, target: prometheus.Dataquery, steps: Steps
) -> bargauge.Panel:
    """Return shares of something as bars."""
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .span(12)
        .height(9)
        .unit("percentunit")
        .min(0)
        .max(1)
        .decimals(1)
        .orientation(models.VizOrientation.HORIZONTAL)
        .display_mode(models.BarGaugeDisplayMode.BASIC)
        .thresholds(thresholds(steps))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .text(common.VizTextDisplayOptions().title_size(13).value_size(15))
        .max_viz_height(26)
        .with_target(target)
    )


def grid(
    title: str,
    description: str,
    columns: Mapping[str, str],
    *targets: prometheus.Dataquery,
) -> table.Panel:
    """Return a table.

    Args:
        title: of the panel.
        description: of the panel.
        columns: what each field is called, in the order in which they are shown.
        targets: queries with the same labels; each makes a column of its own.
    """
    made = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit("none")
        .min_width(70)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.FIXED))
        .cell_options(models.TableAutoCellOptions())
    )
    for target in targets:
        made = made.with_target(target)
    if len(targets) > 1:
        made = made.with_transformation(transformed("merge"))
    for name in columns.values():
        # Or what the panel says when it is empty would stand in each empty cell.
        made = made.override_by_name(name, [prop("noValue", "-")])
    return made.with_transformation(
        transformed(
            "organize",
            excludeByName={
                name: True for name in ("Time", "Value") if name not in columns
            },
            indexByName={name: place for place, name in enumerate(columns)},
            renameByName=dict(columns),
        )
    )


def transformed(kind: str, **options: object) -> DataTransformerConfig:
    """Return a transformation of what the queries answer."""
    return DataTransformerConfig(id_val=kind, options=options)


def prop(name: str, value: object) -> DynamicConfigValue:
    """Return one property of a column."""
    return DynamicConfigValue(id_val=name, value=value)


def coloured(mapping: ValueMap) -> list[DynamicConfigValue]:
    """Return the properties of a column whose values are states."""
    return [
        prop("mappings", [mapping]),
        prop("custom.cellOptions", {"type": "color-background", "mode": "basic"}),
    ]


def measured(unit: str, decimals: int | None = None) -> list[DynamicConfigValue]:
    """Return the properties of a column of figures."""
    made = [prop("unit", unit)]
    return made if decimals is None else [*made, prop("decimals", decimals)]


def linked(title: str, url: str) -> list[DynamicConfigValue]:
    """Return the properties of a column whose values lead somewhere."""
    return [prop("links", [{"title": title, "url": url, "targetBlank": False}])]


def to_dashboard(uid: str, *, instance: str = "", **variables: str) -> str:
    """Return the address of a dashboard, with the same hosts and the same time.

    Args:
        uid: of the dashboard.
        instance: the host, if it follows from what was clicked.
        variables: what else to look at there.
    """
    hosts = f"var-instance={instance}" if instance else "${instance:queryparam}"
    named = [f"var-{name}={value}" for name, value in variables.items()]
    parts = ["${datasource:queryparam}", "${job:queryparam}", hosts, *named]
    return f"/d/{uid}?{'&'.join(parts)}&${{__url_time_range}}"


def to_page(title: str, page: str) -> dashboard.DashboardLink:
    """Return a link to a page of the documentation, such as `runbook.md#anchor`."""
    return (
        dashboard.DashboardLink(title)
        .type(DashboardLinkType.LINK)
        .url(f"{PAGES}/{page}")
        .icon("doc")
        .target_blank(True)
    )


def runbook(*alerts: str) -> list[Builder[DashboardLink]]:
    """Return a panel's links to what is to be done about these alerts."""
    return [
        to_page(f"Runbook: {name}", f"runbook.md#{name.lower()}") for name in alerts
    ]
