"""The matrix: complete by network, and container by container in one cell."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from exporter.errors import QueryError, UnknownName
from exporter.model.outcome import Result, Scope, Verdict
from exporter.model.pair import count_key
from exporter.model.snapshot import Snapshot
from exporter.report.api import answer
from exporter.report.grid import network_grid
from tests.fakes.board import Watch
from tests.fakes.prober import but, docker_like
from tests.fakes.report_samples import dead, leaking
from tests.fakes.sights import sprawl
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


class TestPages:
    """Of very many networks some rows and columns; the numbers are of all."""

    @pytest.fixture
    def broken(self) -> Snapshot:
        """Return a host of twelve networks, of which app002 and app008 leak."""
        return sprawl(12, broken=True)

    def told(self, snapshot: Snapshot, **parameters: str) -> Document:
        """Return the matrix."""
        return told(snapshot, "matrix", **parameters)

    def test_what_is_wrong_comes_first(self, broken: Snapshot) -> None:
        """Where not all is on one page; else it is by name."""
        found = self.told(broken, limit="3", column_limit="2", column_offset="1")
        whole = self.told(broken)

        assert found["rows"] == ["app002_default", "app008_default", "app000_default"]
        assert found["columns"] == ["app008_default", "app000_default"]
        assert (found["total"], found["column_total"]) == (12, 12)
        assert whole["rows"] == whole["columns"] == sorted(whole["rows"])

    def test_cells_are_those_of_the_page(self, broken: Snapshot) -> None:
        """Beside them the host's to the columns, and the rows' to their gateways."""
        found = self.told(broken, limit="2", column_limit="1")["cells"]

        assert {
            (one["scope"], one["source_network"], one["destination_network"])
            for one in found
        } == {
            ("container", "app002_default", "app002_default"),
            ("container", "app008_default", "app002_default"),
            ("gateway", "app002_default", "app002_default"),
            ("gateway", "app008_default", "app008_default"),
            ("host", None, "app002_default"),
            ("name", "app002_default", "app002_default"),
        }

    def test_pages_together_are_the_whole(self, broken: Snapshot) -> None:
        """Nothing is left out or told twice, but for the host and the gateways."""
        whole = self.told(broken, scope="container")["cells"]
        pages = [
            self.told(
                broken,
                scope="container",
                limit="5",
                offset=str(down),
                column_limit="7",
                column_offset=str(across),
            )
            for down in (0, 5, 10)
            for across in (0, 7)
        ]

        def place(cell: Document) -> tuple[str, str]:
            return cell["source_network"], cell["destination_network"]

        cells = [cell for page in pages for cell in page["cells"]]
        assert sorted(cells, key=place) == sorted(whole, key=place)
        assert all(page["marks"] == pages[0]["marks"] for page in pages)

    def test_only_what_is_wrong(self, broken: Snapshot) -> None:
        """A row and a column for each end."""
        found = self.told(broken, only="wrong")

        assert found["rows"] == found["columns"] == ["app002_default", "app008_default"]

    def test_a_gateway_that_is_silent_makes_no_column(self) -> None:
        """Its network's row tells of it."""
        silent = tuple(
            replace(one, verdict=Verdict.UNEXPECTED_UNREACHABLE)
            if one.pair.scope is Scope.GATEWAY
            else one
            for one in small().pairs
        )
        found = self.told(replace(small(), pairs=silent), only="wrong")

        assert found["rows"] == ["bridge", "mybridge"]
        assert found["columns"] == []

    def test_rows_can_be_searched(self, broken: Snapshot) -> None:
        """By a part of their name; where none has it, there are all."""
        assert self.told(broken, search="APP01")["rows"] == [
            "app010_default",
            "app011_default",
        ]
        assert 12 == self.told(broken, search="no such name")["total"]

    def test_what_is_broken_is_counted_for_all(self, broken: Snapshot) -> None:
        """Whatever is on the page, for both ends; and for the host."""
        found = self.told(broken, limit="0")
        violated = self.told(violations())

        assert {one["name"]: one["broken"] for one in found["networks"]} == {
            name: 18 if name in ("app002_default", "app008_default") else 0
            for name in (f"app{number:03}_default" for number in range(12))
        }
        assert found["marks"]["leaking"] == 18
        assert (1, 0) == (violated["host_broken"], found["host_broken"])


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
