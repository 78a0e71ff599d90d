"""Containers that ask by their label to be left alone."""

from dataclasses import replace

import pytest

from exporter.model.neighbours import NeighbourBudget
from exporter.model.outcome import Expected, Scope
from exporter.model.policy import is_opted_out, opted_out
from exporter.model.selection import select
from exporter.model.topology import Topology
from tests.fakes.policies import entry, labelled, planned_by, shop
from tests.fakes.topologies import container

ALL = frozenset(Scope)


@pytest.mark.parametrize(
    ("value", "out"),
    [
        *[(value, True) for value in ("true", "TRUE", "1", "yes", "on", "", " True ")],
        *[(value, False) for value in ("false", "0", "no", "off", "maybe")],
    ],
)
def test_label(value: str, out: bool) -> None:
    """What counts as yes; everything else does not."""
    assert out == is_opted_out(labelled(container("a"), dockernet_ignore=value))


def test_no_label() -> None:
    """Without it nobody is left alone."""
    assert not is_opted_out(container("a"))
    assert frozenset() == opted_out(shop())


def opting_out(name: str) -> Topology:
    """Return the shop with the label on one of its containers."""
    found = shop()
    return replace(
        found,
        containers=tuple(
            labelled(one, dockernet_ignore="true") if one.id == name else one
            for one in found.containers
        ),
    )


@pytest.mark.parametrize(
    ("name", "sandbox"),
    [
        pytest.param("lone", "lone", id="its own stack"),
        pytest.param("probe", "shop-web-1", id="the stack it has joined"),
    ],
)
def test_opted_out(name: str, sandbox: str) -> None:
    """No pair from or to it is expected to be anything, whatever the policy says."""
    found = opting_out(name)
    items = planned_by(entry(scopes=ALL), found=found)
    out = [item for item in items if item.decision.opted_out]

    assert {sandbox} == opted_out(found)
    assert [
        item
        for item in items
        if sandbox in (item.pair.source, str(item.pair.destination))
    ] == out
    assert {(Expected.UNKNOWN, "opted-out", None, None)} == {
        (d.expected, d.rule, d.promised, d.policy) for d in (i.decision for i in out)
    }
    assert set(Scope) == {item.pair.scope for item in out} | {Scope.NAME}


def test_opted_out_pairs_are_never_selected() -> None:
    """Not even when every pair is asked for; they are counted as left out."""
    found = opting_out("lone")
    selection = select(
        found,
        planned_by(found=found),
        epoch=0,
        budget=NeighbourBudget(10_000),
        everything=True,
    )

    assert {False} == {item.decision.opted_out for item in selection.probed}
    assert {True} == {item.decision.opted_out for item in selection.skipped}
    assert 0 == selection.throttled


def test_left_alone() -> None:
    """Both what leaves the host and who has opted out is never probed."""
    docker = planned_by()[0].decision

    assert [False, True, True] == [
        one.is_left_alone
        for one in (
            docker,
            replace(docker, leaves_host=True),
            replace(docker, opted_out=True),
        )
    ]
