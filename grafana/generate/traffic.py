"""How the probes fared: round trips, loss, names."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import heatmap, timeseries
from grafana_foundation_sdk.models import common as models
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.generate.ask import (
    FAMILY,
    HOSTS,
    MINUTES,
    NETWORK,
    SINCE_CYCLES,
    loss,
    quantile,
    rate,
    total,
)
from grafana.generate.panels import SOURCE, lines, query, runbook

_OF_NETWORK = "{{network}} ({{scope}})"
_PERCENTILES = ((0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"))


def panels() -> Iterator[heatmap.Panel | timeseries.Panel]:
    """Yield the panels about echo requests."""
    yield spread()
    yield lines(
        "Round trips: percentiles",
        "So many of all round trips are shorter. Kernel stamps, so these are the "
        "bridge's times and not the exporter's.",
        "s",
        *(
            query(
                quantile(share, "", "rtt_seconds", NETWORK, FAMILY),
                name,
                ref=ref,
                step=SINCE_CYCLES,
            )
            for ref, (share, name) in zip("ABC", _PERCENTILES, strict=True)
        ),
    )
    by_network = quantile(0.99, "scope, network", "rtt_seconds", NETWORK, FAMILY)
    yield lines(
        "Round trips: 99 % by network",
        "By network of the target, and by scope: container to container, host to "
        "container, container to gateway (on no network).",
        "s",
        query(by_network, _OF_NETWORK, step=SINCE_CYCLES),
    ).links(runbook("DockernetRttRegression"))
    yield (
        lines(
            "Packet loss by network",
            "Share of the echo requests that are promised an answer and had none by "
            "the deadline.",
            "percentunit",
            query(loss("scope, network"), _OF_NETWORK, step=SINCE_CYCLES),
        )
        .links(runbook("DockernetPacketLoss"))
        .axis_soft_max(0.01)
    )


def spread() -> heatmap.Panel:
    """Return the distribution of round trips over time."""
    buckets = (
        f"dockernet_rtt_seconds_bucket{{{HOSTS},{NETWORK},{FAMILY}}}[$__rate_interval]"
    )
    return (
        heatmap.Panel()
        .title("Round trips: distribution")
        .description("How many probes took how long; the more, the stronger.")
        .datasource(SOURCE)
        .span(12)
        .height(8)
        .unit("none")
        .interval(MINUTES)
        .calculate(False)
        .color(
            heatmap.HeatmapColorOptions().mode(HeatmapColorMode.OPACITY).fill("#5794F2")
        )
        .y_axis(
            heatmap.YAxisConfig().unit("s").axis_placement(models.AxisPlacement.LEFT)
        )
        .cell_gap(1)
        .show_legend()
        .with_target(
            query(f"sum by (le) (increase({buckets}))", "{{le}}", step=MINUTES).format(
                PromQueryFormat.HEATMAP
            )
        )
    )


def names() -> Iterator[timeseries.Panel]:
    """Yield the panels about lookups at the embedded DNS."""
    failed = total("network", rate("dns_lookups_total", NETWORK, 'result!="ok"'))
    every = total("network", rate("dns_lookups_total", NETWORK))
    yield lines(
        "Lookups by answer",
        "Names of containers asked at the embedded DNS of user-defined networks; the "
        "default bridge has none.",
        "reqps",
        query(
            total("result", rate("dns_lookups_total", NETWORK)),
            "{{result}}",
            step=SINCE_CYCLES,
        ),
    ).span(8)
    yield (
        lines(
            "Lookups without the right answer",
            "Share of the lookups that did not give the right address.",
            "percentunit",
            query(f"{failed} / {every}", "{{network}}", step=SINCE_CYCLES),
        )
        .span(8)
        .axis_soft_max(0.01)
        .links(runbook("DockernetDnsFailing"))
    )
    yield lines(
        "Lookup time, 99 %",
        "99 of 100 answers came sooner.",
        "s",
        query(
            quantile(0.99, "network", "dns_lookup_duration_seconds", NETWORK),
            "{{network}}",
            step=SINCE_CYCLES,
        ),
    ).span(8)
