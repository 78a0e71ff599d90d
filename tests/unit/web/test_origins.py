"""Rules of names and origins: nobody else's page may read what is here."""

import pytest

from exporter.web.origins import Names, is_foreign

NAMES = Names(["exporter.example", ""], ["grafana.internal", "*.svc.example"])


@pytest.mark.parametrize(
    "host",
    [
        None,
        "127.0.0.1:10042",
        "192.0.2.7",
        "[::1]:10042",
        "[fe80::1%eth0]",
        "localhost",
        "LocalHost:10042",
        "app.localhost:1",
        "exporter.example:10042",
        "grafana.internal.",
        "a.svc.example",
        "a.b.svc.example:443",
    ],
)
def test_our_names(host: str | None) -> None:
    """Addresses, loopback, those listened on and those allowed."""
    assert NAMES.include(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:10042",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "exporter.example.evil.example",
        "evilsvc.example",
        "svc.example",
        "notlocalhost",
        "",
        "a b",
        "[evil.example]",
        "localhost@evil.example",
        "127.0.0.1:99x",
        "evil.example#localhost",
    ],
)
def test_the_names_of_others(host: str) -> None:
    """What a page could have made lead to us (DNS rebinding), and what is no name."""
    assert not NAMES.include(host)


@pytest.mark.parametrize(
    ("headers", "method"),
    [
        ({}, "GET"),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate"}, "GET"),
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"}, "GET"),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, "GET"),
        ({"origin": "http://localhost:10042", "host": "localhost:10042"}, "POST"),
        ({"origin": "http://exporter.example", "host": "exporter.example:80"}, "POST"),
        ({"origin": "https://exporter.example", "host": "exporter.example"}, "POST"),
    ],
)
def test_who_may_ask(headers: dict[str, str], method: str) -> None:
    """Programs, people, our own page, and links to it."""
    assert not is_foreign(headers, method, secure=False)


@pytest.mark.parametrize(
    ("headers", "method"),
    [
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}, "GET"),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, "GET"),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, "GET"),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, "POST"),
        ({"origin": "http://evil.example", "host": "localhost:10042"}, "GET"),
        ({"origin": "http://localhost:3000", "host": "localhost:10042"}, "POST"),
        ({"origin": "null", "host": "localhost:10042"}, "POST"),
        ({"origin": "http://[", "host": "localhost:10042"}, "POST"),
        ({"origin": "", "host": "localhost:10042"}, "POST"),
    ],
)
def test_who_may_not(headers: dict[str, str], method: str) -> None:
    """Pages of others, and forms of theirs."""
    assert is_foreign(headers, method, secure=False)


def test_the_port_that_is_left_out() -> None:
    """It is that of the scheme."""
    asked = {"origin": "https://a.example:443", "host": "a.example"}

    assert not is_foreign(asked, "POST", secure=True)
