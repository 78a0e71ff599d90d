"""The scenarios' data is well formed, and docs/scenarios.md says what is in it."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.scenarios.page import broken_on, page
from tests.scenarios.scenario import ABSENT, Scenario, all_scenarios, read

PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"
ENGINES = ((20, 10), (26, 1), (28, 5))
PLAYED = [
    (one, release)
    for one in all_scenarios()
    for release in ENGINES
    if one.can_play_on(release)
]
LASTING = re.compile(r"sysctl|\bip (link add|route add)")
"""What neither a container takes with it nor the firewall's rules bring back."""


def test_the_page_is_generated() -> None:
    """`python -m tests.scenarios.page > docs/scenarios.md` was run."""
    assert page() == PAGE.read_text()


def test_ids_are_unique() -> None:
    """One scenario a name."""
    ids = [one.id for one in all_scenarios()]

    assert sorted(set(ids)) == sorted(ids)


def test_words_are_known() -> None:
    """Promises and observations are those of the document."""
    expected = {"reachable", "isolated", "unknown", ABSENT}
    observed = {"reachable", "unreachable", "not_probed", ABSENT, "-"}

    assert [] == [
        (one.id, line.pairs)
        for one in all_scenarios()
        for line in one.lines
        if line.expected not in expected or not {*line.observed} <= observed
    ]


def test_names_are_made() -> None:
    """Every end and every network of a pair occurs in the commands."""
    assert [] == [
        (one.id, pair)
        for one, release in PLAYED
        for pair in one.on(release)
        if not _names(pair) <= _made_by(one)
    ]


def test_a_pair_stands_there_once() -> None:
    """No pair is given twice for one engine."""
    assert [] == [
        one.id
        for one, release in PLAYED
        if len(one.on(release)) != sum(1 for x in one.lines for _ in x.on(release))
    ]


def test_what_is_broken_has_a_cause() -> None:
    """A cause is named where a promise is broken on some engine, and only there."""
    broken = {one.id for one, release in PLAYED if broken_on(one, release)}

    assert broken == {one.id for one in all_scenarios() if one.cause}


def test_what_is_in_doubt_has_a_reason() -> None:
    """Nothing untampered is in doubt, and what is has a reason of its own."""
    doubtful = [one for one in all_scenarios() if one.unverified]

    assert all(one.tamper for one in doubtful)
    assert all(doubt.why.endswith(".") for one in doubtful for doubt in one.unverified)
    assert [] == [
        (one.id, pattern)
        for one in doubtful
        for doubt in one.unverified
        for pattern in doubt.pairs
        if not any(fnmatchcase(pair, pattern) for pair in _pairs(one))
    ]


def test_what_lasts_is_undone() -> None:
    """What is done to the host and neither firewall nor container is taken back."""
    assert [] == [
        one.id
        for one in all_scenarios()
        for place, command in (*one.prepare, *one.tamper)
        if place == "host" and LASTING.search(command) and not one.undo
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("aa bb@n1 reachable reachable", id="no arrow"),
        pytest.param("aa -> bb reachable reachable", id="no network"),
        pytest.param("aa -> bb@n1 reachable", id="nothing seen"),
        pytest.param("aa -> bb@n1 reachable reachable unreachable", id="two engines"),
        pytest.param("aa -> bb@n1/x reachable reachable", id="no family"),
    ],
)
def test_a_bad_line_is_refused(text: str, tmp_path: Path) -> None:
    """The complaint names the file and the scenario."""
    file = tmp_path / "group.toml"
    file.write_text(
        f"[[scenario]]\nid = 'x'\nshows = 'y'\ndocker = ''\npairs = '''\n{text}\n'''\n"
    )

    with pytest.raises(ValueError, match=r"group\.toml, x: "):
        list(read(file))


def _pairs(scenario: Scenario) -> set[str]:
    return {pair for release in ENGINES for pair in scenario.on(release)}


def _names(pair: str) -> set[str]:
    """Return the names in a pair, of containers as they may be written."""
    _, source, where = pair.split()
    destination, _, network = where.partition("/")[0].partition("@")
    return {name.replace("_", "-") for name in (source, destination, network)}


def _made_by(scenario: Scenario) -> set[str]:
    text = " ".join(scenario.docker).replace("_", "-")
    given = {"host", "gateway", "bridge", "none"}
    return given | {*re.findall(r"[\w.-]+", text)}
