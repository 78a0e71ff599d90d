"""Rendering: which text format, compressed or not.

Negotiation is RFC 9110 (12.5.1, 12.5.3) as far as two formats need it. What cannot
be understood counts as not said: a scrape is never refused for an odd header.
"""

import gzip
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from exporter.clock import Clock
from exporter.metrics.collector import SERIES_LIMIT, Collector
from exporter.model.snapshot import Snapshot

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_GZIP_LEVEL = 1
"""A twelfth of the size for 3 % of the time to render; level 6 takes four times it."""
_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


class Rendered(NamedTuple):
    """The body of a response with its headers."""

    body: bytes
    content_type: str
    content_encoding: str | None
    """None if the body is not compressed."""


class Exposition:
    """Renders the newest snapshot on demand.

    Call it off the event loop: a large host takes some 0.1 s.
    """

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        clock: Clock,
        *,
        series_limit: int = SERIES_LIMIT,
        endpoint_info: bool = True,
    ) -> None:
        """Bind to where snapshots come from; arguments as for `Collector`."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(
            Collector(
                snapshot,
                clock,
                series_limit=series_limit,
                endpoint_info=endpoint_info,
            )
        )

    def render(self, accept: str = "", accept_encoding: str = "") -> Rendered:
        """Return the metrics in the format a client prefers.

        Args:
            accept: the Accept header, empty if there was none.
            accept_encoding: the Accept-Encoding header, empty if there was none.
        """
        content_type = OPENMETRICS if prefers_openmetrics(accept) else TEXT
        encode, _ = choose_encoder(content_type)
        body = encode(self._registry)
        if not accepts_gzip(accept_encoding):
            return Rendered(body, content_type, None)
        packed = gzip.compress(body, compresslevel=_GZIP_LEVEL, mtime=0)
        return Rendered(packed, content_type, "gzip")


def prefers_openmetrics(accept: str) -> bool:
    """Return whether OpenMetrics 1.0.0 is asked for and nothing better is.

    The classic text is the answer to everything else, `*/*` included.
    """
    openmetrics, text = 0.0, 0.0
    for name, parameters, quality in _ranges(accept):
        if name == "application/openmetrics-text":
            if parameters.get("version", "1.0.0") == "1.0.0":
                openmetrics = max(openmetrics, quality)
        elif name == "text/plain" and parameters.get("version", "0.0.4") == "0.0.4":
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether gzip is accepted, and not less than no compression."""
    qualities = {name: quality for name, _, quality in _ranges(accept_encoding)}
    packed = max(
        (qualities[name] for name in ("gzip", "x-gzip") if name in qualities),
        default=qualities.get("*", 0.0),
    )
    return packed > 0 and packed >= qualities.get("identity", 0.0)


def _ranges(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield name, parameters and quality of each element of a header.

    An element with a quality that is not one (RFC 9110, 12.4.2) is left out.
    """
    for element in header.split(","):
        name, *rest = element.split(";")
        parameters: dict[str, str] = {}
        for parameter in rest:
            key, _, value = parameter.partition("=")
            parameters[key.strip().lower()] = value.strip().strip('"')
        quality = parameters.pop("q", "1")
        if _QUALITY.fullmatch(quality):
            yield name.strip().lower(), parameters, float(quality)
