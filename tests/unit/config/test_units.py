"""Rules of durations and addresses to listen on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.units import (
    ListenAddress,
    duration_text,
    listen_address_from,
    seconds_from,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("500ms", 0.5),
        ("15s", 15.0),
        ("5m", 300.0),
        ("1.5h", 5400.0),
        ("1h30m", 5400.0),
        ("1m0.5s", 60.5),
        (" 15s ", 15.0),
        ("15", 15.0),
        ("0.25", 0.25),
        (15, 15.0),
        (0.25, 0.25),
        (0, 0.0),
        (-1, -1.0),
        ("-1", -1.0),
    ],
    ids=repr,
)
def test_seconds_from(value: object, expected: float) -> None:
    """A number is seconds; text carries its unit or is seconds too."""
    assert expected == seconds_from(value)


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "s", "15 s", "15S", "15sec", "1d", "-15s", "1e3", "0x10", "nan"),
        *("inf", "\u0661s", "15s\n15s"),
        *(True, None, [], float("nan"), float("inf"), 10**400),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_seconds_from_refuses(value: object) -> None:
    """Whatever could be misread is refused."""
    with pytest.raises(ValueError, match="must be a duration such as 500ms, 15s or 5m"):
        seconds_from(value)


@given(st.integers(0, 10**9))
def test_duration_text_reads_back(milliseconds: int) -> None:
    """A duration that is shown means the same when it is written."""
    shown = duration_text(milliseconds / 1000)

    assert milliseconds / 1000 == pytest.approx(seconds_from(shown), rel=1e-5)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:10042", "127.0.0.1", 10042),
        ("[::1]:10042", "::1", 10042),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
        ("localhost:0", "localhost", 0),
        (":10042", "", 10042),
    ],
    ids=str,
)
def test_listen_address_from(text: str, host: str, port: int) -> None:
    """An address is taken apart, and is written as it was read."""
    address = listen_address_from(text)

    assert ListenAddress(host, port) == address
    assert text == str(address)


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "10042", "::1:10042", "[::1]", "::1", "[::1]10042", "[a]:1"),
        *("a b:1", "a:-1", "a:65536", "a:1x", "a:", "a:\u0661", "http://a:1"),
        *("a:1:2", "[]:1", "a/b:1"),
    ],
    ids=repr,
)
def test_listen_address_from_refuses(text: str) -> None:
    """An IPv6 address without brackets is ambiguous; a port is a number."""
    with pytest.raises(ValueError, match=r"must (be HOST:PORT|end with a port)"):
        listen_address_from(text)
