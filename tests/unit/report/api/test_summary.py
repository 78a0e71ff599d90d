"""What a page shows first."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from exporter.model.snapshot import Snapshot
from exporter.report.api import answer
from tests.fakes.board import Watch
from tests.fakes.snapshots import NOW, engine_down, never_up, small, violations
from tests.fakes.topologies import demo


def summary(snapshot: Snapshot, late: timedelta = timedelta()) -> dict[str, Any]:
    """Return the summary."""
    found = answer(snapshot, "summary", {}, NOW + late)
    assert found is not None
    return dict(found)


def test_it_says_in_a_sentence_how_it_is() -> None:
    """With a tone, and a symbol for who sees no colours."""
    good, bad = summary(small())["headline"], summary(violations())["headline"]

    assert (good["tone"], good["symbol"]) == ("good", "✓")
    assert good["sentence"].startswith("Isolation intact: ")
    assert (bad["tone"], bad["symbol"]) == ("bad", "✗")
    assert "broken" in bad["sentence"]


def test_it_says_how_old_it_is() -> None:
    """And does not call fine what nobody looked at any more."""
    late = summary(small(), timedelta(hours=1))

    assert 3600 < late["age_seconds"] < 3610
    assert late["headline"]["tone"] == "doubt"
    assert summary(never_up())["age_seconds"] is None


def test_coverage_is_what_was_measured() -> None:
    """Nothing while the engine is down."""
    found = summary(small())

    assert found["coverage_ratio"] == 1.0
    assert found["coverage_bound_seconds"] == 15.0
    assert summary(engine_down())["coverage_ratio"] == 0.0
    assert summary(never_up())["coverage_ratio"] is None


def test_it_tells_of_its_budget_and_its_health() -> None:
    """What limits probing, and what went wrong."""
    found = summary(small())

    assert found["budget"]["neighbours"][0] == {
        "ip_version": 4,
        "entries": 37,
        "soft_limit": 512,
        "hard_limit": 1024,
        "fulls": 2,
    }
    assert found["budget"]["conntrack"] == {"entries": 41, "limit": 262_144}
    assert found["health"]["cycles"] == {"completed": 1}
    assert found["detection"][0]["source"] == "docker_events"


def test_violations_are_counted_by_themselves() -> None:
    """As are containers, those that run among them."""
    found = summary(violations())
    counts = found["summary"]

    assert found["violations"] == (
        counts["unexpected_reachable"] + counts["unexpected_unreachable"]
    )
    assert (found["containers"], found["containers_running"]) == (5, 5)


def test_a_paused_exporter_says_so() -> None:
    """In its own words."""
    watch = Watch(demo())
    watch.cycle()
    paused = replace(watch.look(), paused="somebody wants it")

    assert summary(paused)["paused"] == "somebody wants it"
