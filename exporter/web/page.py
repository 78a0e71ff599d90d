"""The page for people: made once for each snapshot, whoever asks for it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from exporter.clock import Clock
from exporter.model.headline import headline_of
from exporter.model.snapshot import Snapshot
from exporter.web.breaches import PairId
from exporter.web.files import Body, has
from exporter.web.view import view_of

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATES = Path(__file__).parent / "templates"
_KEPT_S = 1.0
"""As long as this a page made for one serves for all: ages are told in seconds."""


@dataclass(frozen=True, slots=True)
class _Made:
    snapshot: Snapshot
    at_s: float
    """Monotonic."""
    body: Body


class Page:
    """Answers with the page."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        clock: Clock,
        makings: asyncio.Semaphore,
        *,
        version: str,
        telemetry_path: str,
        pair_id: PairId,
    ) -> None:
        """Bind to what it shows.

        Args:
            snapshot: returns the newest snapshot.
            clock: for ages.
            makings: taken while a page is made, in a thread.
            version: of this program.
            telemetry_path: where the metrics are, such as /metrics.
            pair_id: returns what a pair is called in addresses.
        """
        self._snapshot = snapshot
        self._clock = clock
        self._makings = makings
        self._version = version
        self._telemetry_path = telemetry_path
        self._pair_id = pair_id
        self._made: _Made | None = None

    async def answer(self, request: Request) -> Response:
        """Answer one request; 304 where the client has what this snapshot comes to."""
        tag = _tag(self._snapshot(), self._clock.now_utc())
        if has(request, tag):
            return Response(status_code=304, headers={"etag": tag})
        async with self._makings:
            made = self._kept()
            if made is None:
                made = await asyncio.to_thread(self._make)
        return made.body.answer(request)

    @cached_property
    def _template(self) -> "Template":
        """The template; 3 MB that nobody needs who is only ever scraped."""
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        return Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        ).get_template("index.html")

    def _kept(self) -> _Made | None:
        """Return what was made just now of the newest snapshot."""
        made = self._made
        if made is None or made.snapshot is not self._snapshot():
            return None
        age_s = self._clock.monotonic_s() - made.at_s
        return made if age_s < _KEPT_S else None

    def _make(self) -> _Made:
        snapshot, now = self._snapshot(), self._clock.now_utc()
        at_s = self._clock.monotonic_s()
        view = view_of(
            snapshot,
            now,
            version=self._version,
            telemetry_path=self._telemetry_path,
            pair_id=self._pair_id,
        )
        html = self._template.render(view=view)
        body = Body(
            plain=html.encode(),
            content_type="text/html; charset=utf-8",
            tag=_tag(snapshot, now),
        )
        made = self._made = _Made(snapshot=snapshot, at_s=at_s, body=body)
        return made


def _tag(snapshot: Snapshot, now: datetime) -> str:
    """Return the same for what says the same but for its ages."""
    headline = headline_of(snapshot, now).text
    text = f"{snapshot.taken.timestamp():.6f} {headline}"
    return f'W/"{blake2b(text.encode(), digest_size=12).hexdigest()}"'
