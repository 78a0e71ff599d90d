"""Odd JSON costs the odd field only."""

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

import pytest

from exporter.engine import foreign

ODD: tuple[object, ...] = (None, True, 0, -1, 1.5, "", "x", [], [None], {}, {"a": {}})


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_anything_but_an_object_is_an_empty_one(value: object) -> None:
    """A field of an array, a number or null is as good as absent."""
    expected = value if isinstance(value, dict) else {}

    assert expected == foreign.as_object(value)
    assert {} == foreign.child(value, "b")
    assert "" == foreign.text(value, "b")
    assert [] == list(foreign.items(value, "b"))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(
            "2026-11-23T18:56:02.618710537Z",
            datetime(2026, 11, 23, 18, 56, 2, 618710, UTC),
            id="nanoseconds are cut",
        ),
        pytest.param(
            "2026-11-23T19:56:02+01:00",
            datetime(2026, 11, 23, 18, 56, 2, tzinfo=UTC),
            id="an offset",
        ),
        pytest.param(
            "2026-11-23T18:56:02",
            datetime(2026, 11, 23, 18, 56, 2, tzinfo=UTC),
            id="no offset",
        ),
        pytest.param("0001-01-01T00:00:00Z", None, id="Go's zero time"),
        pytest.param("0001-01-01T00:00:00+09:00", None, id="before the first year"),
        pytest.param("9999-12-31T23:59:59-09:00", None, id="after the last year"),
        pytest.param("yesterday", None, id="words"),
        pytest.param(1795460236, None, id="a number"),
    ],
)
def test_instants(written: object, expected: datetime | None) -> None:
    """A time is aware and in UTC; one that never was is None."""
    assert expected == foreign.instant({"at": written}, "at")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("172.17.0.2", "172.17.0.2", id="an address"),
        pytest.param("172.17.0.1/16", "172.17.0.1", id="with a prefix length"),
        pytest.param("fe80::1%eth0", "fe80::1", id="with a zone"),
        pytest.param("0.0.0.0", None, id="unspecified"),
        pytest.param("::", None, id="unspecified v6"),
        pytest.param("", None, id="empty"),
        pytest.param("172.17.0", None, id="three parts"),
        pytest.param(2886795266, None, id="a number"),
    ],
)
def test_addresses(written: object, expected: str | None) -> None:
    """An address is one or None."""
    wanted = None if expected is None else ip_address(expected)

    assert wanted == foreign.address({"at": written}, "at")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("172.17.0.0/16", "172.17.0.0/16", id="a prefix"),
        pytest.param("172.17.0.1/16", "172.17.0.0/16", id="with host bits"),
        pytest.param("fd00::/64", "fd00::/64", id="v6"),
        pytest.param("172.17.0.0", None, id="without a length"),
        pytest.param("172.17.0.0/33", None, id="too long"),
        pytest.param("", None, id="empty"),
    ],
)
def test_prefixes(written: str, expected: str | None) -> None:
    """A prefix is one or None; an address without a length is no prefix."""
    wanted = None if expected is None else ip_network(expected)

    assert wanted == foreign.prefix({"at": written}, "at")


def test_numbers_are_not_booleans() -> None:
    """JSON's true is no 1."""
    assert None is foreign.number({"n": True}, "n")
    assert 7 == foreign.number({"n": 7}, "n")
    assert foreign.flag({"f": 1}, "f", default=False) is False


def test_strings_keep_text_only() -> None:
    """A label that is no text is left out, the others stay."""
    assert {"a": "1"} == foreign.strings({"l": {"a": "1", "b": None, "c": 2}}, "l")


def test_hardware_addresses_are_lower_case() -> None:
    """One spelling, and none for an empty one."""
    assert "02:42:ac:11:00:02" == foreign.mac({"m": "02:42:AC:11:00:02"}, "m")
    assert None is foreign.mac({"m": ""}, "m")
