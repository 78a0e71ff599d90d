"""What a question is made of, beside the snapshot that it is about."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from exporter.report.api.query import Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What only the process itself knows of itself."""

    version: str = ""
    series: int | None = None
    """Of the newest metrics; None where there are none yet."""
    series_limit: int | None = None


NO_FACTS: Final = Facts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question."""

    parameters: Parameters
    now: datetime
    """For how long what lasts has lasted."""
    facts: Facts = NO_FACTS
