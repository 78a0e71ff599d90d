"""Strategies for policies on the shop of `tests.fakes.policies`, and on any host."""

from datetime import timedelta

from hypothesis import strategies as st

from exporter.model.outcome import Expected, Scope
from exporter.model.policy import PolicyEntry, Selector
from tests.fakes.policies import TODAY

GLOBS = st.sampled_from(
    ("*", "shop*", "bill*", "lone", "probe", "*-db-?", "shop_web_1", "db", "web", "x")
)
LABELS = st.sampled_from(("tier", "tier=*", "tier=front*", "role", "role=x", "none"))
DAYS = st.none() | st.integers(-2, 2).map(lambda days: TODAY + timedelta(days=days))


def some(values: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    """Return mostly nothing, else one or two values."""
    return st.just(()) | st.lists(values, max_size=2).map(tuple)


SELECTORS = st.builds(
    Selector,
    network=some(GLOBS),
    container=some(GLOBS),
    project=some(GLOBS),
    service=some(GLOBS),
    label=some(LABELS),
)
ENTRIES = st.builds(
    PolicyEntry,
    source=st.just(Selector()) | SELECTORS,
    destination=st.just(Selector()) | SELECTORS,
    scopes=st.frozensets(st.sampled_from(Scope), min_size=1),
    ip_version=st.sampled_from((None, 4, 6)),
    expected=st.sampled_from(Expected),
    reason=st.sampled_from(("", "because")),
    until=DAYS,
)
POLICIES = st.lists(ENTRIES, max_size=4).map(tuple)
