"""What was before: changes of verdicts, and outages."""

from datetime import datetime
from functools import partial

from exporter.model.history import Event, Outage
from exporter.model.snapshot import Snapshot
from exporter.report.api.asked import Asked
from exporter.report.api.ids import pair_id
from exporter.report.api.query import page
from exporter.report.document import timestamp
from exporter.report.pairs import Json, pair_document


def events(snapshot: Snapshot, asked: Asked) -> Json:
    """Return the changes that are kept, the newest first."""
    found = snapshot.history.events[::-1]
    return page(
        snapshot, asked.parameters, found, "events", partial(event_entry, snapshot)
    )


def event_entry(snapshot: Snapshot, event: Event) -> Json:
    """Return a change: the pair as it was from then on."""
    return {
        "number": event.number,
        "at": timestamp(event.at),
        "before": None if event.before is None else str(event.before),
        "pair": pair_id(event.state.pair),
        **pair_document(snapshot, event.state),
    }


def outages(snapshot: Snapshot, asked: Asked) -> Json:
    """Return the outages that last, then those that are over, the newest first."""
    history = snapshot.history
    show = partial(_outage, asked.now)
    return {
        **page(snapshot, asked.parameters, history.outages, "outages", show),
        "lasting": sum(one.ended is None for one in history.outages),
        "not_kept": history.not_kept,
    }


def _outage(now: datetime, outage: Outage) -> Json:
    source, destination, network = outage.names or (None, None, None)
    pair = outage.pair
    return {
        "kind": str(outage.kind),
        "began": timestamp(outage.began),
        "ended": None if outage.ended is None else timestamp(outage.ended),
        "duration_seconds": round(outage.duration(now).total_seconds(), 3),
        "pair": None if pair is None else pair_id(pair),
        "scope": None if pair is None else str(pair.scope),
        "source": source,
        "destination": destination,
        "network": network,
        "address": None if pair is None else str(pair.address),
        "ip_version": None if pair is None else pair.ip_version,
        "cause": None if outage.cause is None else str(outage.cause),
        "reason": outage.reason,
    }
