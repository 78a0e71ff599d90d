"""What a page shows first: the verdict in words, numbers, and how well we are."""

from datetime import datetime, timedelta

from exporter.model.detection import DetectionSource
from exporter.model.headline import headline_of
from exporter.model.hoststate import HostState
from exporter.model.outcome import VIOLATIONS
from exporter.model.snapshot import Snapshot
from exporter.report.api.asked import Asked, Facts
from exporter.report.document import header, timestamp
from exporter.report.pairs import Json


def summary(snapshot: Snapshot, asked: Asked) -> Json:
    """Return what a snapshot comes to at a moment."""
    topology, headline = snapshot.topology, headline_of(snapshot, asked.now)
    ratio = snapshot.census.coverage_ratio
    containers = topology.containers if topology else ()
    return {
        **header(snapshot),
        "taken": timestamp(snapshot.taken),
        "headline": {
            "tone": str(headline.tone),
            "symbol": headline.symbol,
            "sentence": headline.text,
        },
        "networks": len(topology.networks) if topology else 0,
        "containers": len(containers),
        "containers_running": sum(one.running for one in containers),
        "pairs": sum(snapshot.summary.values()),
        "violations": sum(snapshot.summary[verdict] for verdict in VIOLATIONS),
        "outages": sum(one.ended is None for one in snapshot.history.outages),
        "age_seconds": _age_s(snapshot, asked.now),
        "coverage_ratio": None if ratio is None else round(ratio, 6),
        "coverage_bound_seconds": snapshot.cover_s,
        "sampled_since": _time(snapshot.sampled_since),
        "engine_up": snapshot.engine_up,
        "stream_connected": snapshot.stream_connected,
        "paused": snapshot.paused,
        "interval_seconds": snapshot.interval_s,
        "cycle": _cycle(snapshot),
        "detection": _detection(snapshot),
        "budget": _budget(snapshot),
        "health": _health(snapshot, asked.facts),
    }


def _age_s(snapshot: Snapshot, now: datetime) -> float | None:
    """Return the seconds since the newest cycle ended, None before the first."""
    cycle = snapshot.cycle
    if cycle is None:
        return None
    ended = cycle.started + timedelta(seconds=cycle.duration_s)
    return round(max(0.0, (now - ended).total_seconds()), 3)


def _cycle(snapshot: Snapshot) -> Json | None:
    cycle = snapshot.cycle
    if cycle is None:
        return None
    return {
        "number": cycle.number,
        "trigger": cycle.trigger,
        "started": timestamp(cycle.started),
        "duration_seconds": round(cycle.duration_s, 3),
    }


def _detection(snapshot: Snapshot) -> list[Json]:
    events = {
        "source": str(DetectionSource.DOCKER_EVENTS),
        "active": snapshot.stream_connected,
        "lag_seconds": 0.0,
    }
    return [
        events,
        *(
            {
                "source": str(one.source),
                "active": one.active,
                "lag_seconds": one.lag_s,
            }
            for one in snapshot.detection.sources
        ),
    ]


def _budget(snapshot: Snapshot) -> Json:
    host = snapshot.host
    return {
        "packets_per_second": snapshot.packets_per_second,
        "throttled": dict(sorted(snapshot.tally.throttled.items())),
        "neighbour_source": str(host.source),
        "neighbours": _neighbours(host),
        "conntrack": host.conntrack
        and {"entries": host.conntrack.entries, "limit": host.conntrack.limit},
    }


def _neighbours(host: HostState) -> list[Json]:
    return [
        {
            "ip_version": version,
            "entries": table.entries,
            "soft_limit": table.soft_limit,
            "hard_limit": table.hard_limit,
            "fulls": table.fulls,
        }
        for version, table in host.tables.items()
    ]


def _health(snapshot: Snapshot, facts: Facts) -> Json:
    tally = snapshot.tally
    return {
        "version": facts.version,
        "cycles": dict(sorted(tally.cycles.items())),
        "cycle_overruns": tally.cycle_overruns,
        "longest_cycle_seconds": round(snapshot.longest_cycle_s, 3),
        "longest_survey_seconds": round(snapshot.longest_survey_s, 3),
        "errors": dict(sorted(tally.errors.items())),
        "series": facts.series,
        "series_limit": facts.series_limit,
        "config_reload_ok": snapshot.config_reload_ok,
        "config_reloaded": _time(snapshot.config_reloaded),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else timestamp(at)
