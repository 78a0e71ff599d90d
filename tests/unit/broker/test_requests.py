"""What requests carry comes back as it was; everything else is `Malformed`."""

import contextlib
import json
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.broker import requests
from exporter.broker.wire import Malformed
from exporter.dns.exchange import Query
from exporter.dns.message import Question
from exporter.hostns import BridgeMark, HostFound
from exporter.model.topology import IP_VERSIONS
from exporter.netns import NamespaceRef, NetnsId
from exporter.powers import Terms

REFS = st.builds(
    NamespaceRef,
    path=st.none() | st.text(),
    pid=st.integers(0, (1 << 31) - 1),
    container_id=st.text(),
)
HOSTS = st.builds(
    HostFound,
    ref=REFS,
    source=st.text(),
    identity=st.integers(-(1 << 96), (1 << 64) - 1).map(NetnsId),
)
ADDRESSES = st.builds(IPv4Address, st.integers(0, (1 << 32) - 1)) | st.builds(
    IPv6Address, st.integers(0, (1 << 128) - 1)
)
BRIDGES = st.builds(
    BridgeMark,
    name=st.text(min_size=1),
    gateways=st.lists(ADDRESSES, max_size=3).map(tuple),
)
QUERIES = st.builds(
    Query,
    resolver=st.integers(0, 9),
    question=st.builds(Question, st.text(), st.sampled_from(IP_VERSIONS)),
    transaction=st.integers(0, (1 << 16) - 1),
)
TERMS = st.builds(
    Terms,
    environment=st.dictionaries(st.text(), st.text(), max_size=3),
    path_map=st.lists(st.tuples(st.text(), st.text()), max_size=3).map(tuple),
    host_namespace=st.none() | st.text(),
    sockets=st.lists(st.text(), max_size=3).map(tuple),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["path", "pid", "container", "ref", "source", "identity", "a", "b"]
            )
            | st.text(),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


def over(value: object) -> dict[str, Any]:
    """Return what JSON makes of something, an object mostly."""
    found: dict[str, Any] = json.loads(json.dumps(value))
    return found


@given(REFS)
def test_namespaces_come_back(ref: NamespaceRef) -> None:
    """With path or without."""
    assert requests.namespace(over(requests.namespace_json(ref))) == ref


@given(HOSTS)
def test_hosts_come_back(found: HostFound) -> None:
    """Weak identities too, which are negative."""
    assert requests.found(over(requests.found_json(found))) == found


@given(st.lists(BRIDGES, max_size=4))
def test_bridges_come_back(bridges: list[BridgeMark]) -> None:
    """With their gateways."""
    request = {"bridges": over(requests.bridges_json(bridges))}
    assert requests.bridges(request, "bridges") == tuple(bridges)


@given(st.lists(QUERIES, max_size=4))
def test_questions_come_back(queries: list[Query]) -> None:
    """Whatever is in a name: what may be asked is decided elsewhere."""
    request = {"queries": over(requests.queries_json(queries))}
    assert requests.queries(request, "queries", 10) == queries


@pytest.mark.parametrize(
    "query",
    [
        [2, 1, 4, "web"],
        [-1, 1, 4, "web"],
        [True, 1, 4, "web"],
        [0, 1 << 16, 4, "web"],
        [0, -1, 4, "web"],
        [0, True, 4, "web"],
        [0, 1, 5, "web"],
        [0, 1, 4.0, "web"],
        [0, 1, 4, 7],
        [0, 1, 4, "web", 1],
        [0, 1, 4],
        "0146",
        None,
    ],
    ids=repr,
)
def test_other_questions_are_malformed(query: object) -> None:
    """Of another kind than A and AAAA, or by no resolver of the request."""
    with pytest.raises(Malformed):
        requests.queries({"q": [[0, 1, 4, "web"], query]}, "q", 2)


def test_questions_and_resolvers_are_few() -> None:
    """One request keeps the process busy for some milliseconds at most."""
    most = [[0, number, 4, "web"] for number in range(256)]
    assert len(requests.queries({"q": most}, "q", 1)) == 256
    with pytest.raises(Malformed):
        requests.queries({"q": [*most, [0, 256, 4, "web"]]}, "q", 1)
    assert requests.numbers({"n": [*range(256)]}, "n", 256) == [*range(256)]
    with pytest.raises(Malformed):
        requests.numbers({"n": [*range(257)]}, "n", 257)


@pytest.mark.parametrize(
    "value", [[10], [-1], [True], [1, 1], ["1"], [1.0], 1, None], ids=repr
)
def test_other_numbers_of_resolvers_are_malformed(value: object) -> None:
    """Each stands there once."""
    with pytest.raises(Malformed):
        requests.numbers({"n": value}, "n", 10)


@given(TERMS, st.frozensets(st.text()))
def test_terms_come_back(terms: Terms, files: frozenset[str]) -> None:
    """And the files."""
    assert requests.terms(over(requests.terms_json(terms, files))) == (terms, files)


@given(JSON)
def test_anything_else_is_malformed(value: object) -> None:
    """No other exception leaves, whatever comes."""
    request = {"a": value}
    for read in (
        lambda: requests.text(request, "a"),
        lambda: requests.number(request, "a"),
        lambda: requests.texts(request, "a"),
        lambda: requests.addresses(request, "a"),
        lambda: requests.numbers(request, "a", 9),
        lambda: requests.queries(request, "a", 9),
        lambda: requests.bridges(request, "a"),
        lambda: requests.namespace(value),
        lambda: requests.found(value),
        lambda: isinstance(value, dict) and requests.terms(value),
    ):
        with contextlib.suppress(Malformed):
            read()


@given(
    st.fixed_dictionaries(
        {
            "environment": st.dictionaries(st.text(), JSON, max_size=2),
            "path_map": st.lists(JSON | st.lists(st.text(), max_size=3), max_size=2),
            "host_namespace": JSON,
            "sockets": JSON | st.just([]),
            "files": JSON | st.just([]),
        }
    )
)
def test_terms_of_the_right_shape_are_malformed_too(value: dict[str, Any]) -> None:
    """Where what stands in them is wrong."""
    with contextlib.suppress(Malformed):
        requests.terms(value)


@pytest.mark.parametrize("value", [True, -1, 1 << 64, 1.0, "1", None], ids=repr)
def test_numbers_have_bounds(value: object) -> None:
    """And a flag is none."""
    with pytest.raises(Malformed):
        requests.number({"n": value}, "n")


@pytest.mark.parametrize("value", [["1.2.3.4", "x"], [1], "1.2.3.4", [[]]], ids=repr)
def test_addresses_are_addresses(value: object) -> None:
    """All of them."""
    with pytest.raises(Malformed):
        requests.addresses({"a": value}, "a")


@pytest.mark.parametrize("pair", [[], ["/a"], ["/a", "/b", "/c"]], ids=str)
def test_a_path_stands_for_one_other(pair: list[str]) -> None:
    """Neither for none nor for two."""
    request = requests.terms_json(Terms(), ())
    with pytest.raises(Malformed):
        requests.terms({**request, "path_map": [pair]})
