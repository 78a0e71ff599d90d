"""What answers look like, as JSON Schema (2020-12, as OpenAPI 3.1 has it).

Keys that are not `required` stand only where there is something to say. Clients must
bear keys that they do not know: some may be added.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from exporter.model.cause import CauseId
from exporter.model.detection import DetectionSource
from exporter.model.headline import SYMBOLS, Tone
from exporter.model.history import OutageKind
from exporter.model.hoststate import TableSource
from exporter.model.outcome import (
    Expected,
    Observed,
    Protocol,
    Result,
    Scope,
    Verdict,
)
from exporter.report.api.ids import DIGITS
from exporter.report.document import SCHEMA
from exporter.report.marks import Mark

Schema = Mapping[str, object]

TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
SECONDS: Final[Schema] = {"type": "number", "minimum": 0}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
IP_VERSION: Final[Schema] = {"type": "integer", "enum": [4, 6]}
PAIR_ID: Final[Schema] = {"type": "string", "pattern": f"^[0-9a-f]{{{DIGITS}}}$"}
VERSION: Final[Schema] = {"const": SCHEMA}


def ref(name: str) -> Schema:
    """Return a schema that is written down elsewhere."""
    return {"$ref": f"#/components/schemas/{name}"}


def words(of: Iterable[Enum]) -> Schema:
    """Return one of a closed set of words."""
    return {"type": "string", "enum": [str(one.value) for one in of]}


def maybe(schema: Schema) -> Schema:
    """Return what may be null as well."""
    return {"oneOf": [schema, {"type": "null"}]}


def many(schema: Schema) -> Schema:
    """Return a list of some."""
    return {"type": "array", "items": schema}


def counts(of: Iterable[Enum] | None = None) -> Schema:
    """Return numbers by word; those that are 0 are left out."""
    keys = {"propertyNames": words(of)} if of is not None else {}
    return {"type": "object", "additionalProperties": COUNT, **keys}


def thing(
    required: Mapping[str, Schema],
    optional: Mapping[str, Schema] | None = None,
    text: str = "",
) -> Schema:
    """Return an object of keys that always stand, and keys that may."""
    return {
        "type": "object",
        **({"description": text} if text else {}),
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


ENVELOPE: Final = {"schema": VERSION, "taken": TIME}
PAGE: Final = {**ENVELOPE, "total": COUNT, "offset": COUNT, "limit": COUNT}
HEADLINE: Final = thing(
    {
        "tone": words(Tone),
        "symbol": {"type": "string", "enum": list(SYMBOLS.values())},
        "sentence": TEXT,
    },
    text="What it comes to: never better than what is known.",
)
CAUSE: Final = {
    "cause": words(CauseId),
    "certain": FLAG,
    "sentence": TEXT,
    "evidence": many(TEXT),
}
PAIR: Final = {
    "scope": words(Scope),
    "source": TEXT,
    "source_network": maybe(TEXT),
    "destination": TEXT,
    "destination_network": TEXT,
    "destination_address": TEXT,
    "ip_version": IP_VERSION,
    "protocol": words(Protocol),
    "expected": words(Expected),
    "expected_by": TEXT,
    "observed": words(Observed),
    "result": words(Result),
    "rtt_seconds": maybe(SECONDS),
    "controls": thing({"source": maybe(FLAG), "destination": maybe(FLAG)}),
    "verdict": words(Verdict),
}
"""As `check --json` has it."""
PAIR_OPTIONAL: Final = {
    "name": TEXT,
    "resolved": many(TEXT),
    "promised": words(Expected),
    "promised_by": TEXT,
    "policy": thing({"entry": COUNT, "reason": TEXT}),
    "reason": TEXT,
    "causes": many(thing(CAUSE)),
}
ENTRY: Final = {"id": PAIR_ID, "since": TIME, "probed": maybe(TIME), **PAIR}
EVENT: Final = thing(
    {
        "number": COUNT,
        "at": TIME,
        "before": maybe(words(Verdict)),
        "pair": PAIR_ID,
        **PAIR,
    },
    PAIR_OPTIONAL,
    text="A verdict that became another one: the pair as it was from then on.",
)
RULE: Final = thing({"id": TEXT, "sentence": maybe(TEXT)})
POINT: Final[Schema] = {
    "type": "array",
    "description": "Unix time in seconds; round-trip time in seconds, null: no reply.",
    "prefixItems": [SECONDS, maybe(SECONDS)],
    "minItems": 2,
    "maxItems": 2,
}
PAIR_DETAIL: Final = thing(
    {
        **ENVELOPE,
        **ENTRY,
        "reason": TEXT,
        "causes": many(thing({**CAUSE, "remedy": TEXT})),
        "rule": RULE,
        "promised_rule": maybe(RULE),
        "ids": thing(
            {
                "source": TEXT,
                "source_network": maybe(TEXT),
                "destination": maybe(TEXT),
                "destination_network": TEXT,
            },
        ),
        "packets": thing(
            {"sent": COUNT, "received": COUNT, "duplicates": COUNT, "late": COUNT}
        ),
        "words": thing(
            {"verdict": TEXT, "expected": TEXT, "observed": TEXT, "controls": TEXT}
        ),
        "explain": maybe(TEXT),
        "rtts": maybe(many(POINT)),
        "history": many(ref("Event")),
    },
    {
        name: schema
        for name, schema in PAIR_OPTIONAL.items()
        if name not in ("reason", "causes")
    },
    text="One pair with everything known of it.",
)
OUTAGE: Final = thing(
    {
        "kind": words(OutageKind),
        "began": TIME,
        "ended": maybe(TIME),
        "duration_seconds": SECONDS,
        "pair": maybe(PAIR_ID),
        "scope": maybe(words(Scope)),
        "source": maybe(TEXT),
        "destination": maybe(TEXT),
        "network": maybe(TEXT),
        "address": maybe(TEXT),
        "ip_version": maybe(IP_VERSION),
        "cause": maybe(words(CauseId)),
        "reason": TEXT,
    },
    text="A time in which a promise was broken, or no engine answered.",
)
_COLUMN_PAGE: Final[Mapping[str, Schema]] = {
    "column_total": COUNT,
    "column_offset": COUNT,
    "column_limit": COUNT,
}
MATRIX: Final = thing(
    {
        **PAGE,
        "sampled": FLAG,
        **_COLUMN_PAGE,
        "marks": counts(Mark),
        "host_broken": COUNT,
        "networks": many(
            thing(
                {
                    "name": TEXT,
                    "id": TEXT,
                    "driver": TEXT,
                    "internal": FLAG,
                    "project": maybe(TEXT),
                    "containers": COUNT,
                    "ip_versions": many(IP_VERSION),
                    "broken": COUNT,
                }
            )
        ),
        "rows": many(TEXT),
        "columns": many(TEXT),
        "cells": many(
            thing(
                {
                    "scope": words(Scope),
                    "source_network": maybe(TEXT),
                    "destination_network": TEXT,
                    "ip_versions": many(IP_VERSION),
                    "mark": words(Mark),
                    "pairs": COUNT,
                    "counts": counts(Verdict),
                    "expected": counts(Expected),
                    "marks": counts(Mark),
                }
            )
        ),
    },
    text="Network by network. `marks`, `networks` and what is `broken` are of all, "
    "cells of a page of rows and columns; the host and gateways are on each.",
)
_SIDE: Final = many(thing({"name": TEXT, "id": TEXT}))
CONTAINER_MATRIX: Final = thing(
    {
        **PAGE,
        "sampled": FLAG,
        "source_network": TEXT,
        "destination_network": TEXT,
        **_COLUMN_PAGE,
        "rows": _SIDE,
        "columns": _SIDE,
        "cells": many(
            thing(
                {
                    "row": COUNT,
                    "column": COUNT,
                    "mark": words(Mark),
                    "pairs": many(
                        thing(
                            {
                                "id": PAIR_ID,
                                "ip_version": IP_VERSION,
                                "expected": words(Expected),
                                "verdict": words(Verdict),
                            }
                        )
                    ),
                }
            )
        ),
    },
    text="One cell of the matrix, container by container; row and column count from "
    "the first that is shown.",
)
DETECTION: Final = thing(
    {"source": words(DetectionSource), "active": FLAG, "lag_seconds": SECONDS}
)
BUDGET: Final = thing(
    {
        "packets_per_second": SECONDS,
        "throttled": counts(),
        "neighbour_source": words(TableSource),
        "neighbours": many(
            thing(
                {
                    "ip_version": IP_VERSION,
                    "entries": maybe(COUNT),
                    "soft_limit": COUNT,
                    "hard_limit": COUNT,
                    "fulls": maybe(COUNT),
                }
            )
        ),
        "conntrack": maybe(thing({"entries": COUNT, "limit": COUNT})),
    },
    text="What limits probing.",
)
HEALTH: Final = thing(
    {
        "version": TEXT,
        "cycles": counts(),
        "cycle_overruns": COUNT,
        "longest_cycle_seconds": SECONDS,
        "longest_survey_seconds": SECONDS,
        "errors": counts(),
        "series": maybe(COUNT),
        "series_limit": maybe(COUNT),
        "config_reload_ok": FLAG,
        "config_reloaded": maybe(TIME),
    },
    text="How well the exporter itself is.",
)
SUMMARY: Final = thing(
    {
        **ENVELOPE,
        "engine": maybe(thing({"version": TEXT, "api_version": TEXT})),
        "started": TIME,
        "duration_seconds": SECONDS,
        "summary": thing({str(verdict): COUNT for verdict in Verdict}),
        "notices": many(TEXT),
        "headline": HEADLINE,
        "networks": COUNT,
        "containers": COUNT,
        "containers_running": COUNT,
        "pairs": COUNT,
        "violations": COUNT,
        "outages": COUNT,
        "age_seconds": maybe(SECONDS),
        "coverage_ratio": maybe({"type": "number", "minimum": 0, "maximum": 1}),
        "coverage_bound_seconds": SECONDS,
        "sampled_since": maybe(TIME),
        "engine_up": FLAG,
        "stream_connected": FLAG,
        "paused": maybe(TEXT),
        "interval_seconds": SECONDS,
        "cycle": maybe(
            thing(
                {
                    "number": COUNT,
                    "trigger": TEXT,
                    "started": TIME,
                    "duration_seconds": SECONDS,
                }
            )
        ),
        "detection": many(DETECTION),
        "budget": BUDGET,
        "health": HEALTH,
    },
    text="The verdict in words, numbers, and how well the exporter is.",
)
PROBLEM: Final = thing(
    {
        "type": {"const": "about:blank"},
        "title": TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": TEXT,
    },
    text="What is wrong (RFC 9457).",
)
