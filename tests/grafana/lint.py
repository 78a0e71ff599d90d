"""What may be wrong with a Grafana dashboard, as far as its JSON shows it.

A rule is a function that yields what it has against a dashboard. Much of it is what
dashboard-linter of Grafana Labs asks of bundled dashboards; the rest goes wrong only in
a running Grafana: grids that overlap, ids that change, formats that do not fit.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from grafana_foundation_sdk.models import units

from tests.grafana import lint_queries
from tests.lab.dashboards import Json, panels_of, queries, variables_in

DATASOURCE = "${datasource}"
COLUMNS = 24
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_UNITS = {value for value in vars(units).values() if isinstance(value, str)}
_GONE = {"graph", "singlestat", "table-old", "grafana-piechart-panel"}
_BUILT_IN = re.compile(r"__\w+")
_OLDEST_SCHEMA = 39


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a dashboard."""

    rule: str
    where: str
    text: str


def lint(dashboard: Json) -> list[Finding]:
    """Return everything that the rules have against a dashboard."""
    return [
        Finding(rule.__name__, where, text)
        for rule in RULES
        for where, text in rule(dashboard)
    ]


Found = Iterator[tuple[str, str]]
"""Where, and what."""


def schema(dashboard: Json) -> Found:
    """The classic schema, of a Grafana that is not too old."""
    if dashboard.get("schemaVersion", 0) < _OLDEST_SCHEMA:
        yield "", f"schemaVersion {dashboard.get('schemaVersion')}"
    if "spec" in dashboard or "elements" in dashboard:
        yield "", "not the classic schema"


def identity(dashboard: Json) -> Found:
    """A uid of its own and no id, which belongs to one Grafana's database."""
    if not _UID.fullmatch(dashboard.get("uid") or ""):
        yield "", f"uid {dashboard.get('uid')!r}"
    if dashboard.get("id") is not None:
        yield "", f"id {dashboard['id']}"


def provisioned(dashboard: Json) -> Found:
    """What is provisioned is not edited, and has no inputs to be asked for."""
    if dashboard.get("editable", True):
        yield "", "editable"
    for key in ("__inputs", "__requires", "__elements"):
        if key in dashboard:
            yield "", f"{key} is for uploads by hand"


def refresh(dashboard: Json) -> Found:
    """Not faster than ten seconds."""
    found = re.fullmatch(r"(\d+)s", dashboard.get("refresh") or "")
    if found and int(found[1]) < 10:
        yield "", f"refresh {found[0]}"


def variables(dashboard: Json) -> Found:
    """A data source, job and instance to choose; lists are renewed with the time."""
    of_sources = [v for v in _variables(dashboard) if v["type"] == "datasource"]
    if [(v["name"], v["query"]) for v in of_sources] != [("datasource", "prometheus")]:
        yield "datasource", "there is to be one variable for the data source"
    named = {v["name"]: v for v in _variables(dashboard)}
    for name in ("job", "instance"):
        found = named.get(name, {})
        if not (found.get("multi") and found.get("includeAll")):
            yield name, "is to allow several values and all"
        if found.get("allValue") != ".+":
            yield name, "all of them is to be .+"
    for variable in _variables(dashboard):
        if variable["type"] == "query" and variable.get("refresh") != 2:
            yield variable["name"], "is not renewed when the time changes"


def variable_use(dashboard: Json) -> Found:
    """Every variable is defined, and used by more than itself."""
    defined = {v["name"] for v in _variables(dashboard)}
    used: set[str] = set()
    for variable in _variables(dashboard):
        asked = variables_in(f"{variable.get('query')} {_uid_of(variable)}")
        used |= asked - {variable["name"]}
    for part in ("panels", "annotations", "links", "title"):
        used |= variables_in(str(dashboard.get(part)))
    for name in sorted(used - defined):
        if not _BUILT_IN.fullmatch(name):
            yield name, "is used but not defined"
    for name in sorted(defined - used):
        yield name, "is defined but not used"


def sources(dashboard: Json) -> Found:
    """Everything asks the data source that was chosen."""
    for variable in _variables(dashboard):
        if variable["type"] == "query" and _uid_of(variable) != DATASOURCE:
            yield variable["name"], f"asks {_uid_of(variable)!r}"
    for note in dashboard.get("annotations", {}).get("list", ()):
        if _uid_of(note) != DATASOURCE:
            yield note["name"], f"asks {_uid_of(note)!r}"
    for panel in panels_of(dashboard):
        for one in (panel, *queries(panel)):
            if _uid_of(one) != DATASOURCE:
                yield panel.get("title", ""), f"asks {_uid_of(one)!r}"


def panel_ids(dashboard: Json) -> Found:
    """Each panel and row has an id of its own: links to it must stay."""
    seen = set[int]()
    for panel in _every_panel(dashboard):
        number = panel.get("id")
        if not number or number in seen:
            yield panel.get("title", ""), f"id {number}"
        seen.add(number or 0)


def layout(dashboard: Json) -> Found:
    """Panels stay within the columns and do not overlap."""
    for panel in _every_panel(dashboard):
        place = panel["gridPos"]
        if place["x"] + place["w"] > COLUMNS:
            yield panel.get("title", ""), "reaches beyond the columns"
    groups = [dashboard.get("panels", ())]
    groups += [panel.get("panels", ()) for panel in dashboard.get("panels", ())]
    for group in groups:
        for one, other in combinations(group, 2):
            if _is_overlapping(one["gridPos"], other["gridPos"]):
                yield one.get("title", ""), f"overlaps {other.get('title')}"


def words(dashboard: Json) -> Found:
    """Every panel has a title of its own and says what it shows."""
    titles = [panel.get("title") for panel in panels_of(dashboard)]
    for panel in panels_of(dashboard):
        if titles.count(panel.get("title")) > 1:
            yield panel.get("title", ""), "another panel is called the same"
        if not panel.get("title") or not panel.get("description"):
            yield panel.get("title", ""), "wants a title and a description"


def kinds(dashboard: Json) -> Found:
    """No panel is of a kind that Grafana has given up; each asks something."""
    for panel in panels_of(dashboard):
        if panel["type"] in _GONE:
            yield panel.get("title", ""), f"{panel['type']} is gone from Grafana"
        if panel["type"] != "text" and not list(queries(panel)):
            yield panel.get("title", ""), "asks nothing"


def panel_units(dashboard: Json) -> Found:
    """Every figure has a unit that Grafana knows, and shares end at 1."""
    for panel in panels_of(dashboard):
        defaults = panel.get("fieldConfig", {}).get("defaults", {})
        unit, title = defaults.get("unit"), panel.get("title", "")
        if panel["type"] != "text" and not unit:
            yield title, "has no unit"
        for one in filter(None, (unit, *_override(panel, "unit"))):
            if one not in _UNITS:
                yield title, f"Grafana has no unit {one!r}"
        if unit == "percentunit" and defaults.get("max") not in (None, 1):
            yield title, f"a share of {defaults['max']}"


def legends(dashboard: Json) -> Found:
    """A graph whose queries name their series shows the names."""
    for panel in panels_of(dashboard):
        is_named = any(query.get("legendFormat") for query in queries(panel))
        shown = panel.get("options", {}).get("legend", {}).get("showLegend")
        if panel["type"] == "timeseries" and is_named and not shown:
            yield panel.get("title", ""), "its legend is off"


RULES: tuple[Callable[[Json], Found], ...] = (
    schema,
    identity,
    provisioned,
    refresh,
    variables,
    variable_use,
    sources,
    panel_ids,
    layout,
    words,
    kinds,
    panel_units,
    legends,
    *lint_queries.RULES,
)


def _variables(dashboard: Json) -> list[Json]:
    found: list[Json] = dashboard.get("templating", {}).get("list", [])
    return found


def _every_panel(dashboard: Json) -> Iterator[Json]:
    for panel in dashboard.get("panels", ()):
        yield panel
        yield from panel.get("panels", ())


def _uid_of(one: Json) -> str:
    source = one.get("datasource") or {}
    return str(source.get("uid")) if isinstance(source, dict) else str(source)


def _override(panel: Json, name: str) -> Iterator[Any]:
    for override in panel.get("fieldConfig", {}).get("overrides", ()):
        for found in override["properties"]:
            if found["id"] == name:
                yield found["value"]


def _is_overlapping(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not beside and not below
