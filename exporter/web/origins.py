"""Which requests come from a page of another site, and by which names we are called.

A page elsewhere can make a browser ask us (a browser reaches loopback, the page does
not), and by DNS rebinding even read the answer: its own name then leads to our address.
What it cannot do is to change the headers by which a browser tells on it.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

OWN_SITES: Final = frozenset({"", "none", "same-origin"})
"""What a browser says of where a request comes from (Sec-Fetch-Site)."""
_HOST = re.compile(r"(\[[0-9a-z:.%_-]+\]|[^\[\]:/@?#\\\s]+)(?::\d{1,5})?", re.ASCII)


class Names:
    """The names by which this server may be called."""

    def __init__(self, listened: Iterable[str], allowed: Iterable[str]) -> None:
        """Gather them: of loopback, of this machine, those listened on, those set.

        Args:
            listened: hosts of the addresses listened on.
            allowed: names of the configuration; `*.` in front is any below it.
        """
        own = socket.gethostname().lower()
        names = {one.lower().rstrip(".") for one in (*listened, *allowed)}
        self._names = names | {"localhost", own, own.partition(".")[0]}
        self._below = tuple(one[1:] for one in names if one.startswith("*."))

    def include(self, host: str | None) -> bool:
        """Return whether a Host header is one of them, or an address.

        Args:
            host: the header; None without one, as programs may send it.
        """
        if host is None:
            return True
        found = _HOST.fullmatch(host.strip().lower())
        if found is None:
            return False
        name = found[1].rstrip(".")
        return (
            _is_address(name)
            or name in self._names
            or name.endswith((".localhost", *self._below))
        )


def is_foreign(headers: Mapping[str, str], method: str, secure: bool) -> bool:
    """Return whether a page of another site asks, other than by a link to us.

    Args:
        headers: of the request, by lower-case name.
        method: of the request.
        secure: whether it came over TLS.
    """
    is_link = headers.get("sec-fetch-mode") == "navigate" and method in ("GET", "HEAD")
    if headers.get("sec-fetch-site", "") not in OWN_SITES and not is_link:
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    # Behind a proxy the scheme may be another one; the host tells sites apart.
    host = headers.get("host", "")
    try:
        site = urlsplit(origin).netloc
    except ValueError:
        return True
    return not site or _with_port(site, secure) != _with_port(host, secure)


def _with_port(host: str, secure: bool) -> str:
    text = host.lower()
    default = ":443" if secure else ":80"
    return text.removesuffix(default)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True
