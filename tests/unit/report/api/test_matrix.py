"""The matrix: complete by network, and container by container in one cell."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from exporter.errors import QueryError, UnknownName
from exporter.model.outcome import Result, Scope
from exporter.model.pair import count_key
from exporter.model.snapshot import Snapshot
from exporter.report.api import answer
from exporter.report.grid import network_grid
from tests.fakes.board import Watch
from tests.fakes.prober import but, docker_like
from tests.fakes.report_samples import dead, leaking
from tests.fakes.snapshots import NOW, large, published, small, violations
from tests.fakes.topologies import container, demo, endpoint, network, topology

Document = dict[str, Any]


def told(snapshot: Snapshot, path: str, **parameters: str) -> Document:
    """Return the document at a path."""
    found = answer(snapshot, path, parameters, NOW)
    assert found is not None
    return dict(found)


def cells(snapshot: Snapshot, scope: Scope = Scope.CONTAINER) -> dict[object, Document]:
    """Return the cells of one scope by the names of their networks."""
    return {
        (cell["source_network"], cell["destination_network"]): cell
        for cell in told(snapshot, "matrix")["cells"]
        if cell["scope"] == scope
    }


def test_each_cell_says_how_many_pairs_have_which_verdict() -> None:
    """And the worst of them, in the words of the terminal."""
    found = cells(violations())

    leak = found["bridge", "mybridge"]
    assert (leak["mark"], leak["pairs"]) == ("leaking", 4)
    assert leak["counts"] == {"unexpected_reachable": 2, "unverified": 2}
    assert leak["expected"] == {"isolated": 4}
    assert leak["ip_versions"] == [4]


@pytest.mark.parametrize("make", [small, violations, lambda: large(40, networks=3)])
def test_every_pair_is_in_one_cell(make: Callable[[], Snapshot]) -> None:
    """The host's, the gateways' and the names' too."""
    snapshot = make()
    found = told(snapshot, "matrix")["cells"]

    totals: Counter[str] = Counter()
    for cell in found:
        assert sum(cell["expected"].values()) == cell["pairs"]
        assert sum(cell["marks"].values()) == cell["pairs"]
        totals.update(cell["counts"])
    assert totals == Counter(
        {str(one): count for one, count in snapshot.summary.items() if count}
    )


def test_the_host_has_rows_without_a_network() -> None:
    """One for each network that it reaches."""
    found = cells(small(), Scope.HOST)

    assert set(found) == {(None, "bridge"), (None, "mybridge")}
    assert {cell["mark"] for cell in found.values()} == {"reachable"}


def test_it_agrees_with_the_terminal() -> None:
    """Same place, same mark; sources without a route stand under their network."""
    inside = replace(network("inner", "172.30.0.0/16"), internal=True)
    other = network("other", "172.31.0.0/16")
    snapshot = published(
        topology(
            (inside, other),
            (
                container("a", endpoint("a", inside, "172.30.0.2", gateway=False)),
                container("b", endpoint("b", inside, "172.30.0.3", gateway=False)),
                container("c", endpoint("c", other, "172.31.0.2")),
            ),
        )
    )

    drawn = network_grid(snapshot, 4).cells

    assert ("inner", "other") in drawn
    assert {place: cell["mark"] for place, cell in cells(snapshot).items()} == {
        place: cell.mark.value for place, cell in drawn.items()
    }


def test_what_stands_beside_a_sample_is_counted() -> None:
    """As skipped, in the cell where it belongs."""
    whole = small()
    left_out = [s for s in whole.pairs if s.pair.scope is Scope.CONTAINER]
    sampled = replace(
        whole,
        pairs=tuple(s for s in whole.pairs if s not in left_out),
        aside=Counter(map(count_key, left_out)),
        sampled_since=NOW,
    )

    assert told(sampled, "matrix")["sampled"]
    assert {
        place: (cell["pairs"], cell["mark"]) for place, cell in cells(sampled).items()
    } == {place: (cell["pairs"], "not_probed") for place, cell in cells(whole).items()}


def test_networks_are_named_with_what_a_heading_needs() -> None:
    """In the order of rows and columns; without those that nothing can be on."""
    found = told(small(), "matrix")["networks"]

    assert [(one["name"], one["driver"], one["containers"]) for one in found] == [
        ("bridge", "bridge", 2),
        ("mybridge", "bridge", 2),
    ]
    assert found[0]["ip_versions"] == [4]


NETWORKS = {"source_network": "bridge", "destination_network": "mybridge"}


def test_scopes_and_marks_can_be_asked_for() -> None:
    """Of many networks the cells that matter are few."""
    found = told(violations(), "matrix", scope="container,host", mark="leaking")

    assert {(one["scope"], one["mark"]) for one in found["cells"]} == {
        ("container", "leaking")
    }


class TestContainers:
    """One cell, opened."""

    def told(self, snapshot: Snapshot, **parameters: str) -> Document:
        """Return the cell from bridge to mybridge."""
        return told(snapshot, "matrix/containers", **NETWORKS, **parameters)

    def test_rows_are_sources_and_columns_destinations(self) -> None:
        """With the pairs of each, which can be asked for by their ids."""
        snapshot = published(demo(), leaking, dead("bridge2"))
        found = self.told(snapshot)

        rows = [one["name"] for one in found["rows"]]
        columns = [one["name"] for one in found["columns"]]
        assert (rows, columns) == (["bridge1", "bridge2"], ["mybridge1", "mybridge2"])
        marks = {(one["row"], one["column"]): one["mark"] for one in found["cells"]}
        assert marks[0, 0] == "leaking"
        (pair,) = found["cells"][0]["pairs"]
        one = told(snapshot, f"pairs/{pair['id']}")
        assert (one["source"], one["destination"]) == ("bridge1", "mybridge1")

    def test_it_is_shown_in_parts(self) -> None:
        """Rows and columns each; the totals say what there is."""
        found = self.told(small(), limit="1", offset="1", column_limit="1")

        assert [one["name"] for one in found["rows"]] == ["bridge2"]
        assert [one["name"] for one in found["columns"]] == ["mybridge1"]
        assert [(one["row"], one["column"]) for one in found["cells"]] == [(0, 0)]
        assert (found["total"], found["column_total"]) == (2, 2)

    def test_a_network_that_does_not_exist_is_said(self) -> None:
        """With a name that is near."""
        wrong = {**NETWORKS, "source_network": "mybrige"}
        with pytest.raises(UnknownName, match="did you mean mybridge"):
            answer(small(), "matrix/containers", wrong, NOW)

    def test_both_networks_are_asked_for(self) -> None:
        """Without one there is no cell."""
        with pytest.raises(QueryError, match="destination_network is missing"):
            answer(small(), "matrix/containers", {"source_network": "bridge"}, NOW)


def test_a_leak_shows_as_it_is_found() -> None:
    """From a board, as the daemon has it."""
    answers = but(docker_like(demo()), Result.OK, [("bridge1", "172.18.0.2")])
    watch = Watch(demo(), answers)
    watch.cycle()

    assert cells(watch.look())["bridge", "mybridge"]["marks"] == {
        "leaking": 1,
        "isolated": 3,
    }
