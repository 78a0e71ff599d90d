"""The dashboards: generated, known to Grafana's schema, clean, and linked."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.generate.__main__ import main
from grafana.generate.panels import PAGES
from tests.docs.test_readme import anchors
from tests.grafana.lint import lint
from tests.lab.dashboards import FOLDER, Json, dashboards, panels_of

REPOSITORY = Path(__file__).parents[2]
RULES = REPOSITORY / "deploy" / "prometheus" / "rules" / "dockernet.rules.yml"
DASHBOARDS = dashboards()
NAMES = sorted(DASHBOARDS)
MAX_PICTURE_BYTES = 400_000
_OPTIONS = {"__url_time_range", "datasource", "job", "instance"}


def urls(part: object) -> Iterator[str]:
    """Yield every URL within some JSON."""
    if isinstance(part, dict):
        if isinstance(part.get("url"), str):
            yield part["url"]
        for inner in part.values():
            yield from urls(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from urls(inner)


def encoded(dashboard: Json) -> Json:
    """Return what the SDK, which knows Grafana's schema, understands of it."""
    found: Json = json.loads(JSONEncoder().encode(Dashboard.from_json(dict(dashboard))))
    return found


def differences(one: object, other: object, path: str = "") -> Iterator[str]:
    """Yield where two pieces of JSON differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            yield from differences(one.get(key), other.get(key), f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{path}[{place}]")
    elif one != other:
        yield path


def test_generating_changes_nothing(tmp_path: Path) -> None:
    """What is committed is what the generator makes; no file more."""
    main([str(tmp_path)])

    made = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert {file.name: file.read_text() for file in FOLDER.iterdir()} == made


@pytest.mark.parametrize("name", NAMES)
def test_clean(name: str) -> None:
    """The linter has nothing against it."""
    assert [] == lint(DASHBOARDS[name])


@pytest.mark.parametrize("name", NAMES)
def test_named_after_its_uid(name: str) -> None:
    """So that two files never have the same."""
    assert name == DASHBOARDS[name]["uid"]


@pytest.mark.parametrize("name", NAMES)
def test_every_key_is_known(name: str) -> None:
    """The SDK leaves out what it does not know, and knows Grafana's schema."""
    dashboard = DASHBOARDS[name]

    assert [] == _lost(dashboard)


def test_an_unknown_key_is_noticed() -> None:
    """Or the test above would say nothing."""
    dashboard = json.loads(json.dumps(DASHBOARDS[NAMES[0]]))
    next(panels_of(dashboard))["fieldConfig"]["defaults"]["unti"] = "s"

    assert any("unti" in path for path in _lost(dashboard))


def _lost(dashboard: Json) -> list[str]:
    """Return the paths that the SDK does not give back."""
    # It writes this one in by itself, for links and annotations.
    paths = differences(dashboard, encoded(dashboard))
    return [path for path in paths if not path.endswith(".placement")]


class TestLinks:
    """Links lead somewhere."""

    @pytest.mark.parametrize("name", NAMES)
    def test_to_dashboards(self, name: str) -> None:
        """To one that exists, with variables that it has, and keep data source, job."""
        found = [url for url in urls(DASHBOARDS[name]) if url.startswith("/d/")]
        assert found
        for url in found:
            there = DASHBOARDS[urlsplit(url).path.removeprefix("/d/")]
            known = {variable["name"] for variable in there["templating"]["list"]}
            query = urlsplit(url).query
            named = {key.removeprefix("var-") for key in parse_qs(query)}
            chosen = set(re.findall(r"\$\{(\w+):queryparam\}", query))
            if query:
                assert {"datasource", "job"} <= chosen
                assert "${__url_time_range}" in query
            assert (named | chosen) - {"${__url_time_range}"} <= known | _OPTIONS

    @pytest.mark.parametrize("name", NAMES)
    def test_to_pages(self, name: str) -> None:
        """To a heading of a page in docs/."""
        found = [url for url in urls(DASHBOARDS[name]) if not url.startswith("/d/")]
        assert found
        for url in found:
            page, _, anchor = url.removeprefix(f"{PAGES}/").partition("#")
            text = (REPOSITORY / "docs" / page).read_text()
            assert not anchor or anchor in anchors(text)

    def test_both_ways(self) -> None:
        """Each dashboard leads to the other, with the variables and the time."""
        for name in NAMES:
            (other,) = set(NAMES) - {name}
            (link,) = [
                one for one in DASHBOARDS[name]["links"] if one["url"] == f"/d/{other}"
            ]
            assert link["includeVars"]
            assert link["keepTime"]

    def test_the_address_of_the_pages_is_that_of_the_rules(self) -> None:
        """One replacement puts an operator's own address into both."""
        assert f"{PAGES}/runbook.md#" in RULES.read_text()


def test_alerts_are_marked() -> None:
    """On every graph: those of our rules that fire."""
    for dashboard in DASHBOARDS.values():
        (note,) = dashboard["annotations"]["list"]
        assert note["enable"]
        assert 'alertstate="firing"' in note["expr"]
        assert "Dockernet.*" in note["expr"]


def test_nothing_is_hidden_in_a_menu() -> None:
    """As the SDK would have it for links and annotations."""
    for dashboard in DASHBOARDS.values():
        for one in (*dashboard["links"], *dashboard["annotations"]["list"]):
            assert "placement" not in one


@pytest.mark.parametrize("state", ["healthy", "breach"])
def test_pictures_are_small(state: str) -> None:
    """They are PNGs and do not weigh on a clone."""
    picture = (REPOSITORY / "docs" / "images" / f"dashboard-{state}.png").read_bytes()

    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(picture) < MAX_PICTURE_BYTES
