"""Rendering: which text format, compressed or not.

Negotiation is RFC 9110 (12.5.1, 12.5.3) as far as two formats need it. What cannot
be understood counts as not said: a scrape is never refused for an odd header.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from exporter.accept import accepts_gzip, ranges
from exporter.clock import Clock
from exporter.metrics import daemon, verdicts
from exporter.metrics.collector import FRESH, SERIES_LIMIT, Built, Collector
from exporter.metrics.family import Samples
from exporter.metrics.packed import Packed, finished, pack
from exporter.metrics.text import EOF, head, lines
from exporter.model.snapshot import Snapshot

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

QUICK_S = 0.02
"""Rendering that takes less is waited for: a scrape after a cycle shows that cycle."""


class Rendered(NamedTuple):
    """The body of a response with its headers."""

    body: bytes
    content_type: str
    content_encoding: str | None
    """None if the body is not compressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """All of an exposition that follows from its snapshot, in one format."""

    plain: bytes
    packed: Packed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A snapshot, rendered."""

    built: Built
    duration_s: float
    """Time it took."""
    bodies: Mapping[str, _Body]
    """By content type."""


class Exposition:
    """Renders each snapshot once; a scrape adds the few lines that change since."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        clock: Clock,
        *,
        series_limit: int = SERIES_LIMIT,
        endpoint_info: bool = True,
    ) -> None:
        """Bind to where snapshots come from.

        Args:
            snapshot: returns the newest snapshot.
            clock: for ages and for how long rendering takes.
            series_limit: as for `Collector`.
            endpoint_info: as for `Collector`.
        """
        self._snapshot = snapshot
        self._clock = clock
        self._collector = Collector(
            series_limit=series_limit, endpoint_info=endpoint_info
        )
        self._prepared: _Prepared | None = None
        self._rendering = Lock()

    @property
    def series(self) -> int | None:
        """How many series the newest rendering has, None before the first."""
        prepared = self._prepared
        if prepared is None:
            return None
        return int(prepared.built.scrape[daemon.SERIES].values[()])

    def prepare(self) -> None:
        """Render the newest snapshot, if it is not rendered yet.

        Off the event loop: a thousand containers with all their pairs take seconds.
        Where it fails, what was rendered before is not served any more.
        """
        self._newest()

    def ready(self, accept: str = "", accept_encoding: str = "") -> Rendered | None:
        """Return what is rendered; None if nothing is, or waiting is worth it.

        Where rendering takes more than `QUICK_S`, it may be a snapshot behind while
        `prepare` is at work. Arguments as for `render`; quick enough for an event loop.
        """
        prepared = self._prepared
        if prepared is None:
            return None
        is_behind = prepared.built.snapshot is not self._snapshot()
        if is_behind and prepared.duration_s < QUICK_S:
            return None
        return self._answer(prepared, accept, accept_encoding)

    def held(self, accept: str = "", accept_encoding: str = "") -> Rendered | None:
        """Return what is rendered, however far behind; None if nothing is.

        For who has waited for `ready` in vain: a busy machine may make a quick
        rendering a slow one. Arguments as for `render`.
        """
        prepared = self._prepared
        if prepared is None:
            return None
        return self._answer(prepared, accept, accept_encoding)

    def render(self, accept: str = "", accept_encoding: str = "") -> Rendered:
        """Return the metrics of the newest snapshot, in the format a client prefers.

        Args:
            accept: the Accept header, empty if there was none.
            accept_encoding: the Accept-Encoding header, empty if there was none.
        """
        return self._answer(self._newest(), accept, accept_encoding)

    def _newest(self) -> _Prepared:
        with self._rendering:  # one at a time, so that the newest stays
            snapshot, known = self._snapshot(), self._prepared
            if known is not None and known.built.snapshot is snapshot:
                return known
            try:
                prepared = self._prepare(snapshot)
            except BaseException:
                self._prepared = None
                raise
            self._prepared = prepared
            return prepared

    def _prepare(self, snapshot: Snapshot) -> _Prepared:
        start_s = self._clock.monotonic_s()
        built = self._collector.built(snapshot)
        bodies = _bodies(built)
        duration_s = self._clock.monotonic_s() - start_s
        return _Prepared(built=built, duration_s=duration_s, bodies=bodies)

    def _answer(
        self, prepared: _Prepared, accept: str, accept_encoding: str
    ) -> Rendered:
        content_type = OPENMETRICS if prefers_openmetrics(accept) else TEXT
        body = prepared.bodies[content_type]
        rest = self._fresh(prepared, content_type).encode()
        if not accepts_gzip(accept_encoding):
            return Rendered(body.plain + rest, content_type, None)
        return Rendered(finished(body.packed, rest), content_type, "gzip")

    def _fresh(self, prepared: _Prepared, content_type: str) -> str:
        """Return the end of an exposition: what changes while a snapshot stays."""
        is_openmetrics = content_type == OPENMETRICS
        ages = verdicts.collect_age(prepared.built.facts, self._clock.now_utc())
        duration = Samples(daemon.COLLECT_DURATION)
        duration.put(prepared.duration_s)
        text = "".join(
            head(samples.family, is_openmetrics=is_openmetrics) + lines(samples)
            for samples in (ages, duration)
            if samples.series
        )
        return text + EOF if is_openmetrics else text


def _bodies(built: Built) -> dict[str, _Body]:
    parts = [
        (family, lines(samples))
        for family, samples in built.scrape.items()
        if family not in FRESH and samples.series
    ]
    bodies: dict[str, _Body] = {}
    for content_type in (TEXT, OPENMETRICS):
        is_openmetrics = content_type == OPENMETRICS
        plain = "".join(
            head(family, is_openmetrics=is_openmetrics) + text for family, text in parts
        ).encode()
        bodies[content_type] = _Body(plain=plain, packed=pack(plain))
    return bodies


def prefers_openmetrics(accept: str) -> bool:
    """Return whether OpenMetrics 1.0.0 is asked for and nothing better is.

    The classic text is the answer to everything else, `*/*` included.
    """
    openmetrics, text = 0.0, 0.0
    for name, parameters, quality in ranges(accept):
        if name == "application/openmetrics-text":
            if parameters.get("version", "1.0.0") == "1.0.0":
                openmetrics = max(openmetrics, quality)
        elif name == "text/plain" and parameters.get("version", "0.0.4") == "0.0.4":
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text
