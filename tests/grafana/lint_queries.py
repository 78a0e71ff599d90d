"""What may be wrong with the queries of a dashboard."""

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import promql_parser as promql

from tests.lab.dashboards import Json, filled, panels_of, queries
from tests.lab.promql import mistakes

Found = Iterator[tuple[str, str]]
_Node = TypeVar("_Node")
_VALUES = re.compile(r"label_values\((.+), (\w+)\)")
_COUNTED = {"rate", "irate", "increase"}
_WINDOWS = {"$__rate_interval", "$__range"}
_FORMATS = {"table": "table", "heatmap": "heatmap"}


def meaning(dashboard: Json) -> Found:
    """Every query parses, and names only what the exporter exports."""
    for where, query in _asked(dashboard):
        for mistake in mistakes(filled(query)):
            yield where, mistake


def choices(dashboard: Json) -> Found:
    """The values of a variable are those of a label that exists."""
    for variable in dashboard.get("templating", {}).get("list", ()):
        if variable["type"] == "query":
            found = _VALUES.fullmatch(str(variable["query"]))
            if found is None:
                yield variable["name"], f"asks {variable['query']}"
            else:
                wanted = f"sum by ({found[2]}) ({filled(found[1])})"
                yield from ((variable["name"], text) for text in mistakes(wanted))


def ref_ids(dashboard: Json) -> Found:
    """The queries of a panel are told apart by their refId."""
    for panel in panels_of(dashboard):
        found = [query.get("refId") for query in queries(panel)]
        if len(set(found)) < len(found) or None in found:
            yield panel.get("title", ""), f"refIds {found}"


def hosts(dashboard: Json) -> Found:
    """Every selector is of the job and of the instance that were chosen."""
    for where, query in _asked(dashboard):
        for selector in _selectors(query):
            missing = {"job", "instance"} - {
                matcher.name for matcher in selector.matchers.matchers
            }
            if missing:
                yield where, f"{selector.name} does not match {sorted(missing)}"


def counters(dashboard: Json) -> Found:
    """A counter is only ever looked at as a rate or an increase."""
    for where, query in _asked(dashboard):
        within = {name for call in _calls(query) for name in _names(call)}
        for selector in _selectors(query):
            name = str(selector.name)
            if name.endswith("_total") and name not in within:
                yield where, f"{name} without a rate"


def windows(dashboard: Json) -> Found:
    """A rate is over a window that follows from the scrape interval and the zoom."""
    for where, query in _asked(dashboard):
        for part in query.split("[")[1:]:
            window = part.partition("]")[0].partition(":")[0]
            if window not in _WINDOWS:
                yield where, f"over [{window}]"


def instants(dashboard: Json) -> Found:
    """What shows one value asks for one."""
    for panel in panels_of(dashboard):
        for query in queries(panel):
            if panel["type"] in {"stat", "bargauge", "table"}:
                if not query.get("instant"):
                    yield panel.get("title", ""), "asks for a range and shows a value"
            elif query.get("instant"):
                yield panel.get("title", ""), "asks for a value and shows a range"


def formats(dashboard: Json) -> Found:
    """Tables and heat maps say so in the query."""
    for panel in panels_of(dashboard):
        wanted = _FORMATS.get(panel["type"])
        for query in queries(panel):
            if wanted and query.get("format") != wanted:
                yield panel.get("title", ""), f"its format is {query.get('format')}"


RULES: tuple[Callable[[Json], Found], ...] = (
    meaning,
    choices,
    ref_ids,
    hosts,
    counters,
    windows,
    instants,
    formats,
)


def _asked(dashboard: Json) -> Iterator[tuple[str, str]]:
    """Yield where a query stands, and the query: panels, annotations, variables."""
    for panel in panels_of(dashboard):
        for query in queries(panel):
            yield panel.get("title", ""), query.get("expr", "")
    for note in dashboard.get("annotations", {}).get("list", ()):
        if note.get("expr"):
            yield note["name"], note["expr"]


def _parsed(query: str) -> promql.Expr | None:
    try:
        return promql.parse(filled(query))
    except ValueError:
        return None  # `meaning` says so


def _selectors(query: str) -> list[promql.VectorSelector]:
    return _nodes(_parsed(query), promql.VectorSelector)


def _calls(query: str) -> list[promql.Call]:
    every = _nodes(_parsed(query), promql.Call)
    return [call for call in every if call.func.name in _COUNTED]


def _names(call: promql.Call) -> set[str]:
    return {str(one.name) for one in _nodes(call, promql.VectorSelector)}


def _nodes(tree: promql.Expr | None, kind: type[_Node]) -> list[_Node]:
    found: list[_Node] = []

    def visit(node: object) -> bool:
        if isinstance(node, kind):
            found.append(node)
        return True

    if tree is not None:
        promql.walk(tree, visit)
    return found
