"""The exporter itself: how soon it sees a change, what it costs, what it leaves out."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.builders.dashboard import Row

from grafana.generate import states
from grafana.generate.ask import FAMILY, SINCE_CYCLES, of, quantile, rate, total
from grafana.generate.panels import (
    coloured,
    grid,
    lines,
    measured,
    query,
    rows,
    runbook,
)

_HOST = "{{instance}}"


def row() -> Row:
    """Return the row, collapsed."""
    made = Row("The exporter").collapsed(collapsed=True)
    made = made.with_panel(_sources().span(8))
    for panel in (*_cycles(), *_limits(), *_tables(), *_troubles()):
        made = made.with_panel(panel.span(8))
    return made


def _sources() -> table.Panel:
    active = f"min by (source) ({of('detection_source_active')})"
    bound = f"max by (source) ({of('detection_bound_seconds')})"
    return (
        grid(
            "What tells of changes",
            "And within how many seconds a change of the host shows in the verdicts; "
            "of several hosts the worst.",
            {"source": "Source", "Value #A": "State", "Value #B": "Within"},
            rows(active),
            rows(bound, ref="B"),
        )
        .height(8)
        .override_by_name("State", coloured(states.USED))
        .override_by_name("Within", measured("s", 1))
    )


def _cycles() -> Iterator[timeseries.Panel]:
    """Yield how it works through its pairs."""
    yield lines(
        "Cycle time",
        "How long a pass over the plan took, and how long ago the newest ended.",
        "s",
        query(
            quantile(0.99, "", "cycle_duration_seconds"),
            "99 % take less",
            step=SINCE_CYCLES,
        ),
        query(
            f"max(time() - {of('last_cycle_timestamp_seconds')})",
            "since the newest",
            ref="B",
        ),
        query(f"max({of('cycle_interval_seconds')})", "planned interval", ref="C"),
    ).links(runbook("DockernetProberStalled"))
    yield lines(
        "Age of the oldest measurement",
        "Of the pair that waits longest, by what is promised, beside the time in which "
        "every pair is to have its turn.",
        "s",
        query(
            f"max by (expected) ({of('pair_oldest_probe_age_seconds')})",
            "{{expected}}",
        ),
        query(f"max({of('pair_coverage_bound_seconds')})", "bound", ref="B"),
    ).links(runbook("DockernetIsolationUnverified"))
    yield lines(
        "Changes noticed and sweeps",
        "Bursts of changes by what told of them, and cycles that looked at once at "
        "what they may have touched.",
        "cps",
        query(total("source", rate("detection_changes_total")), "change: {{source}}"),
        query(
            total("trigger", rate("detection_sweeps_total")),
            "sweep: {{trigger}}",
            ref="B",
        ),
    )


def _limits() -> Iterator[timeseries.Panel]:
    """Yield what it uses of what it may."""
    sent = total("instance", rate("probe_packets_sent_total"))
    budget = f"max by (instance) ({of('probe_budget_packets_per_second')})"
    yield lines(
        "Packet budget in use",
        "Echo requests sent, as a share of the most that are sent in a second.",
        "percentunit",
        query(f"{sent} / {budget}", _HOST, step=SINCE_CYCLES),
    ).axis_soft_max(0.1)
    yield lines(
        "Probes put off",
        "To spare the host's tables, or the packet budget.",
        "cps",
        query(
            total("reason", rate("probe_throttled_total")),
            "{{reason}}",
            step=SINCE_CYCLES,
        ),
    ).links(runbook("DockernetProbingThrottled"))


def _tables() -> Iterator[timeseries.Panel]:
    """Yield what it and others take of what there is for all."""
    neighbours = of("host_neighbour_entries", FAMILY)
    yield lines(
        "The host's tables",
        "Share of the neighbour table and of the connection table that is in use, by "
        "anybody.",
        "percentunit",
        query(
            "max by (ip_version) "
            f"({neighbours} / {of('host_neighbour_limit', FAMILY)})",
            "neighbours IPv{{ip_version}}",
        ),
        query(
            f"max({of('host_conntrack_entries')} / {of('host_conntrack_limit')})",
            "connections",
            ref="B",
        ),
    ).axis_soft_max(1)
    yield lines(
        "Series",
        "What a scrape holds, the most it may, and what was left out at that limit.",
        "none",
        query(f"max({of('series')})", "series"),
        query(f"min({of('series_limit')})", "limit", ref="B"),
        query(
            f"sum by (step) ({of('series_shed')}) > 0", "left out: {{step}}", ref="C"
        ),
    ).links(runbook("DockernetSeriesLimitReached"))


def _troubles() -> Iterator[timeseries.Panel]:
    """Yield what goes wrong with it."""
    yield lines(
        "Requests to the engine",
        "By what was asked and by its answer.",
        "reqps",
        query(
            total("endpoint, code", rate("docker_api_requests_total")),
            "{{endpoint}} {{code}}",
        ),
    )
    yield lines(
        "Controls that failed",
        "Verdicts that stayed open because an end of the pair was not known to be "
        "alive.",
        "cps",
        query(
            total("scope", rate("positive_control_failures_total")),
            "{{scope}}",
            step=SINCE_CYCLES,
        ),
    ).links(runbook("DockernetPositiveControlFailing"))
    yield lines(
        "Failures",
        "Cycles that failed, were skipped or came too late; unexpected exceptions, "
        "each of which is a bug.",
        "cps",
        query(
            total("outcome", rate("cycles_total", 'outcome!="completed"')),
            "cycle {{outcome}}",
        ),
        query(total("", rate("cycle_overruns_total")), "cycle too late", ref="B"),
        query(total("stage", rate("errors_total")), "exception: {{stage}}", ref="C"),
    ).axis_soft_max(1)
