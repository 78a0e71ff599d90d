"""What exists, page by page."""

from dataclasses import replace
from typing import Any

import pytest

from exporter.model.snapshot import Snapshot
from exporter.report.api import answer
from exporter.report.topology_document import topology_document
from tests.fakes.snapshots import NOW, never_up, published, small
from tests.fakes.topologies import network, topology


def told(snapshot: Snapshot, path: str, **parameters: str) -> dict[str, Any]:
    """Return the document at a path."""
    found = answer(snapshot, path, parameters, NOW)
    assert found is not None
    return dict(found)


@pytest.mark.parametrize("key", ["networks", "containers"])
def test_pages_join_to_the_topology(key: str) -> None:
    """The same objects, in the same order."""
    snapshot, got = small(), list[object]()
    while found := told(snapshot, key, limit="2", offset=f"{len(got)}")[key]:
        got += found

    assert got == topology_document(snapshot)[key]
    assert told(snapshot, key)["total"] == len(got)


def test_a_subnet_says_how_full_it_is() -> None:
    """The numbers of the metrics."""
    first = told(small(), "subnets")["subnets"][0]

    assert (first["network"], first["subnet"]) == ("bridge", "172.17.0.0/16")
    assert (first["addresses"], first["used"], first["available"]) == (65536, 5, 65531)


def test_a_subnet_says_what_it_overlaps() -> None:
    """Another network, or a route of the host."""
    wide, inner = network("wide", "10.1.0.0/16"), network("inner", "10.1.2.0/24")
    found = told(published(topology((wide, inner), ())), "subnets")["subnets"]

    assert {one["network"]: one["overlaps"] for one in found} == {
        "inner": [{"other": "wide", "kind": "docker"}],
        "wide": [{"other": "inner", "kind": "docker"}],
    }
    assert told(small(), "subnets")["subnets"][1]["overlaps"] == [
        {"other": "172.18.64.0/24 dev tun0", "kind": "host_route"}
    ]


@pytest.mark.parametrize("key", ["networks", "containers", "subnets"])
def test_before_the_first_answer_of_the_engine_there_is_nothing(key: str) -> None:
    """A list without items, not an error."""
    found = told(never_up(), key)

    assert (found["total"], found[key]) == (0, [])


def test_a_network_without_subnets_has_none() -> None:
    """As `host` and `none`."""
    bare = replace(network("bare", "10.9.0.0/16"), subnets=())

    assert told(published(topology((bare,), ())), "subnets")["total"] == 0
