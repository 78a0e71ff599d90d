"""Rules of negotiation and rendering, and the whole text of four scrapes."""

import gzip
import re
import subprocess
import zlib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)

from exporter.accept import accepts_gzip
from exporter.metrics import Exposition
from exporter.metrics.exposition import (
    OPENMETRICS,
    TEXT,
    prefers_openmetrics,
)
from exporter.model.snapshot import Snapshot
from exporter.store import SnapshotStore
from tests.fakes import snapshots
from tests.fakes.scrapes import text_of
from tests.fakes.snapshots import StillClock

GOLDEN = Path(__file__).parents[2] / "golden"
SCRAPES = {
    "metrics": snapshots.small,
    "metrics-violations": snapshots.violations,
    "metrics-policy": snapshots.policed,
    "metrics-engine-down": snapshots.engine_down,
    "metrics-never-up": snapshots.never_up,
    "metrics-hostile-names": snapshots.hostile,
}
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,"
    "application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def exposition(snapshot: Snapshot) -> Exposition:
    """Return what renders a snapshot."""
    return Exposition(lambda: snapshot, StillClock())


@pytest.mark.parametrize("name", SCRAPES)
def test_golden(name: str, *, update_golden: bool) -> None:
    """The exposition changes only on purpose: names and labels are a contract."""
    path = GOLDEN / f"{name}.prom"
    text = re.sub(
        r'(build_info\{version=)"[^"]*"', r'\1"VERSION"', text_of(SCRAPES[name]())
    )
    if update_golden:
        path.write_text(text)

    assert path.read_text().splitlines() == text.splitlines()


@pytest.mark.parametrize("name", SCRAPES)
def test_promtool_finds_nothing(name: str, promtool: str) -> None:
    """`promtool check metrics` is silent."""
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=text_of(SCRAPES[name]()),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "", "") == (checked.returncode, checked.stdout, checked.stderr)


@pytest.mark.parametrize("name", SCRAPES)
def test_openmetrics_is_openmetrics(name: str) -> None:
    """The strict parser reads it, with the same series as in the classic text."""
    rendered = exposition(SCRAPES[name]()).render(PROMETHEUS_3)
    text = rendered.body.decode()
    families = list(openmetrics_families(text))  # type: ignore[no-untyped-call]

    samples = sum(len(family.samples) for family in families)
    lines = text_of(SCRAPES[name]()).splitlines()
    assert OPENMETRICS == rendered.content_type
    assert sum(not line.startswith("#") for line in lines) == samples
    assert {"seconds", "ratio"} >= {family.unit for family in families if family.unit}


def test_no_sample_has_a_time_or_a_birthday() -> None:
    """Prometheus stamps samples itself; `_created` doubles counters."""
    for accept in ("", PROMETHEUS_3):
        text = exposition(snapshots.small()).render(accept).body.decode()
        samples = [line for line in text.splitlines() if not line.startswith("#")]

        assert "_created" not in text
        assert [] == [s for s in samples if s.rpartition("}")[2].count(" ") > 1]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("", TEXT, id="no header"),
        pytest.param(PROMETHEUS_2, OPENMETRICS, id="Prometheus 2"),
        pytest.param(PROMETHEUS_3, OPENMETRICS, id="Prometheus 3"),
        pytest.param(BROWSER, TEXT, id="browser"),
        pytest.param("*/*", TEXT, id="anything"),
        pytest.param("application/json", TEXT, id="nothing we have"),
        pytest.param("application/openmetrics-text", OPENMETRICS, id="no version"),
        pytest.param(
            "Application/OpenMetrics-Text; Version=1.0.0", OPENMETRICS, id="case"
        ),
        pytest.param(
            'application/openmetrics-text; version="1.0.0"', OPENMETRICS, id="quoted"
        ),
        pytest.param("application/openmetrics-text;version=0.0.1", TEXT, id="old"),
        pytest.param("application/openmetrics-text;version=2.0.0", TEXT, id="new"),
        pytest.param("application/openmetrics-text;version=x", TEXT, id="nonsense"),
        pytest.param("application/openmetrics-text;q=0", TEXT, id="refused"),
        pytest.param("application/openmetrics-text;q=0.000", TEXT, id="refused long"),
        pytest.param("application/openmetrics-text;q=x", TEXT, id="bad quality"),
        pytest.param("application/openmetrics-text;q=-1", TEXT, id="negative"),
        pytest.param("application/openmetrics-text;q=nan", TEXT, id="no number"),
        pytest.param("application/openmetrics-text;q=2", TEXT, id="too much"),
        pytest.param(
            "application/openmetrics-text;q=0.5,text/plain;q=0.9", TEXT, id="text wins"
        ),
        pytest.param(
            "text/plain;q=0.5,application/openmetrics-text;q=0.5",
            OPENMETRICS,
            id="draw",
        ),
        pytest.param(
            "text/plain;version=1.0.0,application/openmetrics-text;q=0.5",
            OPENMETRICS,
            id="a text we do not have",
        ),
        pytest.param(",;=,;;q=1,", TEXT, id="rubbish"),
    ],
)
def test_the_format_a_client_prefers(accept: str, expected: str) -> None:
    """OpenMetrics 1.0.0 where it is asked for, else the classic text; never a 406."""
    rendered = exposition(snapshots.never_up()).render(accept)

    assert expected == rendered.content_type
    assert (expected == OPENMETRICS) == prefers_openmetrics(accept)
    assert (expected == OPENMETRICS) == rendered.body.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("", False, id="no header"),
        pytest.param("gzip", True, id="gzip"),
        pytest.param("deflate, gzip;q=1.0, *;q=0.5", True, id="among others"),
        pytest.param("GZIP", True, id="case"),
        pytest.param("x-gzip", True, id="its old name"),
        pytest.param("*", True, id="anything"),
        pytest.param("gzip;q=0", False, id="refused"),
        pytest.param("*, gzip;q=0", False, id="anything else"),
        pytest.param("*;q=0", False, id="nothing"),
        pytest.param("identity", False, id="uncompressed"),
        pytest.param("identity, gzip;q=0.5", False, id="rather uncompressed"),
        pytest.param("identity;q=0.5, gzip", True, id="rather compressed"),
        pytest.param("br, deflate", False, id="others"),
        pytest.param("gzip;q=much", False, id="bad quality"),
        pytest.param("gzipped", False, id="a longer word"),
    ],
)
def test_compression_a_client_accepts(header: str, *, expected: bool) -> None:
    """Gzip where it is accepted and not less than plain text."""
    rendered = exposition(snapshots.never_up()).render("", header)
    plain = gzip.decompress(rendered.body) if expected else rendered.body

    assert expected == accepts_gzip(header)
    assert ("gzip" if expected else None) == rendered.content_encoding
    assert plain.startswith(b"# HELP dockernet_")


def test_compressed_is_the_same_text() -> None:
    """And the same bytes every time: no time of day in the head (RFC 1952, 2.3.1)."""
    body = exposition(snapshots.small()).render("", "gzip").body

    assert text_of(snapshots.small()).encode() == gzip.decompress(body)
    assert b"\0\0\0\0" == body[4:8]


def test_compressed_is_one_member() -> None:
    """Browsers and many libraries stop at the end of the first, without a word."""
    body = exposition(snapshots.small()).render("", "gzip").body
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)

    assert text_of(snapshots.small()).encode() == inflate.decompress(body)
    assert (True, b"") == (inflate.eof, inflate.unused_data)


class LaterClock(StillClock):
    """A clock that a test moves on."""

    later_s = 0.0

    def now_utc(self) -> datetime:
        """Return the time of the snapshots, and what was added."""
        return super().now_utc() + timedelta(seconds=self.later_s)


@pytest.mark.parametrize("accept", ["", PROMETHEUS_3])
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_only_ages_change_while_a_snapshot_stays(accept: str, encoding: str) -> None:
    """The rest is the same bytes, and no family stands there twice."""
    clock = LaterClock()
    one = Exposition(snapshots.small, clock)
    texts = []
    for later_s in (0, 60):
        clock.later_s = later_s
        body = one.render(accept, encoding).body
        texts.append(gzip.decompress(body) if encoding else body)

    before, after = (text.decode().splitlines() for text in texts)
    changed = [pair for pair in zip(before, after, strict=True) if len({*pair}) > 1]
    ages = "dockernet_pair_oldest_probe_age_seconds"
    expected = [
        (f'{ages}{{expected="{promise}"}} 7.0', f'{ages}{{expected="{promise}"}} 67.0')
        for promise in ("reachable", "isolated")
    ]
    heads = [line for line in after if line.startswith("# TYPE")]
    assert expected == changed
    assert len(heads) == len(set(heads))


def test_nothing_is_ready_before_something_is_rendered() -> None:
    """Then a scrape has to wait for it."""
    one = exposition(snapshots.small())
    before = one.ready()
    one.prepare()

    assert before is None
    assert one.render() == one.ready()


class SlowClock(StillClock):
    """A clock at which rendering takes as long as a test says."""

    def __init__(self, took_s: float) -> None:
        """Start at zero."""
        super().__init__()
        self._took_s = took_s

    def monotonic_s(self) -> float:
        """Return so many seconds more than last time."""
        return super().monotonic_s() * 1000 * self._took_s


@pytest.mark.parametrize(("took_s", "waits"), [(0.019, True), (0.021, False)])
def test_a_slow_rendering_is_not_waited_for(took_s: float, *, waits: bool) -> None:
    """A scrape shows the snapshot before until the next is rendered."""
    current = [snapshots.small()]
    one = Exposition(lambda: current[0], SlowClock(took_s))
    one.prepare()
    before = one.ready()
    current[0] = snapshots.engine_down()
    behind = one.ready()
    one.prepare()
    after = one.ready()

    assert before is not None
    assert after is not None
    assert behind == (None if waits else before)
    assert b"docker_up 1.0" in before.body
    assert b"docker_up 0.0" in after.body


def test_where_rendering_fails_the_old_is_not_served() -> None:
    """It would look as if all were well for ever."""
    current = [snapshots.small()]
    one = Exposition(lambda: current[0], SlowClock(1.0))
    one.prepare()
    current[0] = replace(current[0], pairs=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        one.prepare()

    assert one.ready() is None


def test_a_snapshot_is_rendered_once() -> None:
    """Whatever is asked of it; the clock is looked at before and after."""
    clock = StillClock()
    one = Exposition(SnapshotStore(snapshots.small()).current, clock)
    one.prepare()
    looks = clock.monotonic_s()
    for accept in ("", PROMETHEUS_3):
        for encoding in ("", "gzip"):
            one.render(accept, encoding)

    assert pytest.approx(looks + 0.001) == clock.monotonic_s()
