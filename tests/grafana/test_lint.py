"""The linter of dashboards: each rule finds what it is there for."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.grafana.lint import RULES, lint
from tests.lab.dashboards import dashboards, filled, panels_of, variables_in

Changeable = dict[str, Any]
Breach = Callable[[Changeable], object]


def panel(dashboard: Changeable, kind: str) -> Changeable:
    """Return the first panel of a kind."""
    return next(dict_of for dict_of in dashboard["panels"] if dict_of["type"] == kind)


def target(dashboard: Changeable, kind: str) -> Changeable:
    """Return its first query."""
    found: Changeable = panel(dashboard, kind)["targets"][0]
    return found


def defaults(dashboard: Changeable, kind: str) -> Changeable:
    """Return what holds for every field of it."""
    found: Changeable = panel(dashboard, kind)["fieldConfig"]["defaults"]
    return found


def variable(dashboard: Changeable, name: str) -> Changeable:
    """Return a variable."""
    return next(v for v in dashboard["templating"]["list"] if v["name"] == name)


def asks(expr: str) -> Breach:
    """Let a graph ask something else."""
    return lambda d: target(d, "timeseries").update(expr=expr)


def without(mapping: Changeable, key: str) -> object:
    """Take something out."""
    return mapping.pop(key)


_HOSTS = 'job=~"$job",instance=~"$instance"'
BREACHES: list[tuple[str, str, Breach]] = [
    ("schema", "an old one", lambda d: d.update(schemaVersion=36)),
    ("schema", "the new kind", lambda d: d.update(spec={})),
    ("identity", "no uid", lambda d: d.update(uid=None)),
    ("identity", "a uid too long", lambda d: d.update(uid="x" * 41)),
    ("identity", "an id", lambda d: d.update(id=7)),
    ("provisioned", "editable", lambda d: d.update(editable=True)),
    ("provisioned", "inputs", lambda d: d.update(__inputs=[])),
    ("refresh", "every 5 s", lambda d: d.update(refresh="5s")),
    ("variables", "loki", lambda d: variable(d, "datasource").update(query="loki")),
    ("variables", "one host", lambda d: variable(d, "instance").update(multi=False)),
    ("variables", "all is *", lambda d: variable(d, "job").update(allValue=".*")),
    ("variables", "at load", lambda d: variable(d, "network").update(refresh=1)),
    ("variable_use", "unknown", lambda d: panel(d, "stat").update(title="$what")),
    (
        "variable_use",
        "idle",
        lambda d: d["templating"]["list"].append({"name": "idle", "type": "custom"}),
    ),
    ("sources", "a panel", lambda d: panel(d, "stat").update(datasource={"uid": "x"})),
    ("sources", "a query", lambda d: without(target(d, "stat"), "datasource")),
    ("sources", "a variable", lambda d: without(variable(d, "job"), "datasource")),
    (
        "sources",
        "annotations",
        lambda d: without(d["annotations"]["list"][0], "datasource"),
    ),
    ("panel_ids", "none", lambda d: without(panel(d, "stat"), "id")),
    ("panel_ids", "two", lambda d: panel(d, "stat").update(id=panel(d, "row")["id"])),
    ("layout", "too wide", lambda d: panel(d, "stat")["gridPos"].update(w=25)),
    ("layout", "overlap", lambda d: panel(d, "stat")["gridPos"].update(w=4)),
    ("words", "the same title", lambda d: panel(d, "stat").update(title="Lost")),
    ("words", "no title", lambda d: panel(d, "stat").update(title="")),
    ("words", "no description", lambda d: without(panel(d, "table"), "description")),
    ("kinds", "a graph", lambda d: panel(d, "timeseries").update(type="graph")),
    ("kinds", "no query", lambda d: panel(d, "timeseries").update(targets=[])),
    ("panel_units", "none", lambda d: without(defaults(d, "stat"), "unit")),
    ("panel_units", "unknown", lambda d: defaults(d, "stat").update(unit="secs")),
    (
        "panel_units",
        "a share of 100",
        lambda d: defaults(d, "bargauge").update(max=100),
    ),
    (
        "legends",
        "off",
        lambda d: panel(d, "timeseries")["options"]["legend"].update(showLegend=False),
    ),
    ("meaning", "no PromQL", asks("sum(")),
    ("meaning", "no such metric", asks(f"dockernet_docker_upp{{{_HOSTS}}}")),
    ("meaning", "no such label", asks(f'dockernet_docker_up{{{_HOSTS},network="x"}}')),
    ("meaning", "no such value", asks(f'dockernet_containers{{{_HOSTS},state="ok"}}')),
    (
        "choices",
        "no such label",
        lambda d: variable(d, "job").update(query="label_values(dockernet_series, x)"),
    ),
    (
        "choices",
        "another call",
        lambda d: variable(d, "job").update(query="metrics(x)"),
    ),
    ("ref_ids", "none", lambda d: without(target(d, "stat"), "refId")),
    (
        "ref_ids",
        "two",
        lambda d: panel(d, "stat")["targets"].append(deepcopy(target(d, "stat"))),
    ),
    ("hosts", "all of them", asks('dockernet_docker_up{job=~"$job"}')),
    ("counters", "bare", asks(f"dockernet_cycle_overruns_total{{{_HOSTS}}}")),
    ("windows", "fixed", asks(f"rate(dockernet_cycle_overruns_total{{{_HOSTS}}}[5m])")),
    ("instants", "a range", lambda d: target(d, "stat").update(instant=False)),
    ("instants", "a value", lambda d: target(d, "timeseries").update(instant=True)),
    ("formats", "a table", lambda d: target(d, "table").update(format="time_series")),
    ("formats", "a heat map", lambda d: target(d, "heatmap").update(format="table")),
]


@pytest.mark.parametrize(
    ("rule", "breach"),
    [pytest.param(rule, breach, id=f"{rule}: {how}") for rule, how, breach in BREACHES],
)
def test_a_breach_is_found(rule: str, breach: Breach) -> None:
    """By its rule; before, there was nothing to find."""
    dashboard = deepcopy(dict(dashboards()["dockernet-overview"]))
    assert [] == lint(dashboard)
    breach(dashboard)

    assert rule in {finding.rule for finding in lint(dashboard)}


def test_every_rule_is_tried() -> None:
    """A rule that nobody has seen find anything may find nothing."""
    assert {rule.__name__ for rule in RULES} == {rule for rule, _, _ in BREACHES}


def test_panels_of_collapsed_rows_are_read() -> None:
    """They are shown when somebody opens the row."""
    inner = {"type": "stat", "title": "inner"}
    rows = {"panels": [{"type": "row", "panels": [inner]}, {"type": "text"}]}

    assert [inner, {"type": "text"}] == list(panels_of(rows))


@pytest.mark.parametrize(
    "text", ["$name", "${name}", "${name:queryparam}", "${name.field}"]
)
def test_variables_are_seen_in_every_form(text: str) -> None:
    """As Grafana writes them."""
    assert {"name"} == variables_in(text)
    assert "web" == filled(text, name="web")
