"""Whether a PromQL expression asks for what the exporter exports.

    mistakes('sum by (job) (dockernet_docker_upp)')
    # ['no such metric: dockernet_docker_upp']

The parser knows the types of Prometheus 3; whether 2.42 agrees, promtool says.
"""

from collections.abc import Collection, Mapping
from functools import cache

import promql_parser as promql

from exporter.metrics.catalogue import GROUPS
from exporter.metrics.family import Family, Kind

_OF_PROMETHEUS = ("job", "instance")
_FOREIGN: Mapping[str, frozenset[str]] = {
    "up": frozenset(),
    "ALERTS": frozenset({"alertname", "alertstate", "severity"}),
}
"""Metrics that Prometheus makes itself, with their own labels."""


def mistakes(query: str, recorded: Collection[str] = ()) -> list[str]:
    """Return what is wrong with an expression, a line each.

    Args:
        query: without variables of a dashboard.
        recorded: names that recording rules make; their labels are not checked.
    """
    try:
        tree = promql.parse(query)
    except ValueError as error:
        return [f"{error}: {query}"]
    found, carried = list[str](), set(_OF_PROMETHEUS)
    grouped = set[str]()

    def visit(node: object) -> bool:
        if isinstance(node, promql.VectorSelector):
            if node.name in recorded:
                carried.update(_every_label())
            else:
                found.extend(_of_selector(node))
                carried.update(_labels(node.name or "") or ())
        elif isinstance(node, promql.AggregateExpr | promql.BinaryExpr):
            grouped.update(_named_by(node))
        elif isinstance(node, promql.Call) and node.func.name.startswith("label_"):
            carried.update(_made_by(node))
        return True

    promql.walk(tree, visit)
    unknown = sorted(grouped - carried)
    return found + [f"nothing here has a label {name}: {query}" for name in unknown]


@cache
def exported() -> Mapping[str, Family]:
    """Return what can be asked for, by its name in Prometheus."""
    found: dict[str, Family] = {}
    for group in GROUPS:
        for family in group.families:
            is_histogram = family.kind is Kind.HISTOGRAM
            suffixes = ("_bucket", "_sum", "_count") if is_histogram else ("",)
            found |= {f"{family.full_name}{suffix}": family for suffix in suffixes}
    return found


def _of_selector(node: promql.VectorSelector) -> list[str]:
    name = node.name or ""
    labels = _labels(name)
    if labels is None:
        return [f"no such metric: {name}"]
    found = []
    for matcher in node.matchers.matchers:
        if matcher.name == "__name__":
            continue
        if matcher.name not in labels:
            found.append(f"{name} has no label {matcher.name}")
        elif matcher.op == promql.MatchOp.Equal and not _may_be(name, matcher):
            found.append(f"{name}: {matcher.name} is never {matcher.value!r}")
    return found


def _labels(name: str) -> frozenset[str] | None:
    """Return the labels of a metric, None if there is none of this name."""
    if name in _FOREIGN:
        return _FOREIGN[name] | {*_OF_PROMETHEUS}
    family = exported().get(name)
    if family is None:
        return None
    own = {label.name for label in family.labels}
    return frozenset(own | {*_OF_PROMETHEUS} | ({"le"} if "_bucket" in name else set()))


@cache
def _every_label() -> frozenset[str]:
    return frozenset().union(*(_labels(name) or () for name in exported()))


def _may_be(name: str, matcher: promql.Matcher) -> bool:
    """Return whether a label can have a value; of open sets every value can be."""
    family = exported().get(name)
    if family is None:
        return True
    values = next((x.values for x in family.labels if x.name == matcher.name), ())
    return not values or matcher.value in {*values, ""}


def _named_by(node: promql.AggregateExpr | promql.BinaryExpr) -> set[str]:
    """Return the labels that `by`, `on` and `group_left` name."""
    if isinstance(node, promql.AggregateExpr):
        return set(node.modifier.labels) if node.modifier else set()
    if node.modifier is None:
        return set()
    matching = node.modifier.matching
    named = set(matching.labels) if matching else set()
    return named | set(node.modifier.group_labels or ())


def _made_by(node: promql.Call) -> set[str]:
    """Return the label that label_replace or label_join makes."""
    made = node.args[1]
    return {made.val} if isinstance(made, promql.StringLiteral) else set()
