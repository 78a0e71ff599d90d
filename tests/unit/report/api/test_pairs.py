"""One pair with all that is known of it, and lists of pairs."""

import shlex
from dataclasses import replace
from typing import Any

import pytest

from exporter.model.cause import CauseId, cause
from exporter.model.outcome import Scope
from exporter.model.pair import PairState
from exporter.model.snapshot import Snapshot
from exporter.report.api import answer
from exporter.report.api.ids import pair_id
from exporter.report.names import destination_of, matching, source_of
from exporter.report.ordered import in_order
from tests.fakes.board import INTERVAL_S, Watch
from tests.fakes.snapshots import NOW, policed, small, violations
from tests.fakes.topologies import demo

Document = dict[str, Any]


def told(snapshot: Snapshot, path: str, **parameters: str) -> Document:
    """Return the document at a path."""
    found = answer(snapshot, path, parameters, NOW)
    assert found is not None
    return dict(found)


def state_of(snapshot: Snapshot, source: str, destination: str) -> PairState:
    """Return the container pair between two."""
    return next(
        one
        for one in snapshot.pairs
        if one.pair.scope is Scope.CONTAINER
        and (one.pair.source, one.pair.destination) == (source, destination)
    )


def test_a_pair_says_what_a_person_wants_to_know() -> None:
    """Its rule in words, both ends, the packets, and the command to look closer."""
    snapshot = violations()
    state = state_of(snapshot, "bridge1", "mybridge1")
    found = told(snapshot, f"pairs/{pair_id(state.pair)}")

    assert found["rule"]["id"] == found["expected_by"] == "different-bridges"
    assert "bridge" in found["rule"]["sentence"]
    assert found["ids"] == {
        "source": "bridge1",
        "source_network": "net-bridge",
        "destination": "mybridge1",
        "destination_network": "net-mybridge",
    }
    assert found["packets"]["received"] == 1
    assert found["words"]["verdict"] == "reachable, although isolation is promised"
    assert found["explain"] == "dockernet-exporter explain bridge1 mybridge1"
    assert found["controls"] == {"source": True, "destination": True}


def test_its_causes_come_with_their_evidence_and_a_remedy() -> None:
    """What to do stands beside why."""
    snapshot = violations()
    state = state_of(snapshot, "bridge1", "mybridge1")
    why = cause(CauseId.ISOLATION_MISSING, "no chain DOCKER-ISOLATION", certain=True)
    others = tuple(one for one in snapshot.pairs if one is not state)
    snapshot = replace(snapshot, pairs=(replace(state, causes=(why,)), *others))

    (found,) = told(snapshot, f"pairs/{pair_id(state.pair)}")["causes"]

    assert found["cause"] == "isolation-missing"
    assert found["evidence"] == ["no chain DOCKER-ISOLATION"]
    assert found["remedy"].startswith("restart the engine")


def test_what_the_policy_decides_says_what_docker_promises() -> None:
    """The entry's number and reason, and the rule that it overrules."""
    snapshot = policed()
    state = next(s for s in snapshot.pairs if s.decision.policy == 1)
    found = told(snapshot, f"pairs/{pair_id(state.pair)}")

    assert found["policy"] == {"entry": 1, "reason": 'a "known" leak'}
    assert found["promised_rule"]["id"] == "different-bridges"


def test_its_newest_round_trip_times_are_kept() -> None:
    """In order; a silent isolated pair has none."""
    watch = Watch(demo())
    for _ in range(3):
        watch.cycle()
        watch.clock.move(INTERVAL_S)
    snapshot = watch.look()

    near = told(
        snapshot, f"pairs/{pair_id(state_of(snapshot, 'bridge1', 'bridge2').pair)}"
    )
    far = told(
        snapshot, f"pairs/{pair_id(state_of(snapshot, 'bridge1', 'mybridge1').pair)}"
    )

    times = [at for at, _ in near["rtts"]]
    assert [INTERVAL_S, INTERVAL_S] == [times[1] - times[0], times[2] - times[1]]
    assert all(rtt_s > 0 for _, rtt_s in near["rtts"])
    assert far["rtts"] is None


def renamed(snapshot: Snapshot, names: dict[str, str]) -> Snapshot:
    """Return a snapshot in which containers have other names than their ids."""
    found = snapshot.topology
    assert found is not None
    containers = [
        replace(one, name=names.get(one.id, one.name), raw_name=one.id)
        for one in found.containers
    ]
    sandboxes = [
        replace(one, name=names.get(one.id, one.name)) for one in found.sandboxes
    ]
    other = replace(found, containers=tuple(containers), sandboxes=tuple(sandboxes))
    return replace(snapshot, topology=other)


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"bridge1": "host", "bridge2": "gateway", "mybridge1": "--json"},
        {"bridge1": "\u202etxt.exe", "bridge2": "a b\n; rm -rf $(x)"},
        {"bridge1": "\x1b[31m", "bridge2": "lone\ud800", "mybridge1": ""},
    ],
    ids=["plain", "words", "shell", "terminal"],
)
def test_the_command_means_the_pair(names: dict[str, str]) -> None:
    """As a shell and `explain` read it, whatever names are made of."""
    snapshot = renamed(violations(), names)
    taken = set(names.values()) & {"host", "gateway"}
    for state in snapshot.pairs:
        found = told(snapshot, f"pairs/{pair_id(state.pair)}")
        if found["explain"] is None:
            assert taken & {found["source"], found["destination"]}
            continue
        words = shlex.split(found["explain"])

        assert words[:2] == ["dockernet-exporter", "explain"]
        assert found["explain"].isprintable()
        ends = source_of(snapshot, words[2]), destination_of(snapshot, words[3])
        assert any(state is one for one in matching(snapshot.pairs, *ends))


def test_ids_tell_pairs_apart() -> None:
    """And do not change from snapshot to snapshot."""
    first = [pair_id(one.pair) for one in small().pairs]

    assert len(set(first)) == len(first)
    assert first == [pair_id(one.pair) for one in small().pairs]


def test_pages_join_to_the_list_of_a_check() -> None:
    """Whatever their size; each pair once, in its order."""
    snapshot = violations()
    wanted = [pair_id(one.pair) for one in in_order(snapshot)]

    for limit in (1, 7, 100):
        got: list[str] = []
        while True:
            found = told(snapshot, "pairs", limit=f"{limit}", offset=f"{len(got)}")
            if not found["pairs"]:
                break
            got += [one["id"] for one in found["pairs"]]
        assert got == wanted
        assert found["total"] == len(wanted)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"scope": "container"}, 12),
        ({"scope": "host,gateway"}, 8),
        ({"verdict": "unexpected_reachable", "source": "mybridge1"}, 1),
        ({"source": "host"}, 4),
        ({"destination": "gateway"}, 4),
        ({"container": "bridge1", "scope": "container"}, 6),
        ({"source_network": "bridge", "destination_network": "mybridge"}, 4),
        ({"network": "net-bridge", "scope": "container"}, 10),
        ({"expected": "isolated"}, 8),
        ({"search": "MYBRIDGE2", "scope": "host"}, 1),
        ({"search": "172.18.0.3", "scope": "host"}, 1),
        ({"ip_version": "6"}, 0),
        ({"source": "nobody"}, 0),
    ],
    ids=str,
)
def test_what_is_asked_for_is_found(query: dict[str, str], count: int) -> None:
    """All words of a query must fit; values set apart by commas are alternatives."""
    names = {"scope": "container,host,gateway"}

    assert told(violations(), "pairs", **{**names, **query})["total"] == count


def test_an_id_comes_before_a_name() -> None:
    """Who names a container as another's id is not found by it."""
    snapshot = renamed(small(), {"bridge1": "mybridge1", "mybridge1": "x"})

    found = told(snapshot, "pairs", source="mybridge1", scope="gateway")["pairs"]

    assert [one["source"] for one in found] == ["x"]
