"""What people write, as what the program calculates with, and back."""

import math
import re
from pathlib import PurePosixPath
from typing import NamedTuple

_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"\d+(?:\.\d+)?(?:ms|s|m|h)"
_DURATION = re.compile(rf"(?:{_PART})+", re.ASCII)
_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_PORT_MAX = 65535
_UNIX = "unix:"
_UNIX_BYTES_MAX = 107
"""Of a path, as sun_path ends with a NUL (unix(7))."""
_HUGE = 1e18


class ListenAddress(NamedTuple):
    """Where to listen; a plain (host, port) to everybody else."""

    host: str
    """An address without brackets, a name, empty for every interface; or unix:PATH."""
    port: int
    """0 to 65535; 0 lets the kernel choose."""

    @property
    def path(self) -> str | None:
        """Of a Unix socket; None if it is none."""
        return self.host.removeprefix(_UNIX) if self.host.startswith(_UNIX) else None

    def __str__(self) -> str:
        """Return the way it is written."""
        if self.host.startswith(_UNIX):
            return self.host
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def seconds_from(value: object) -> float:
    """Return a duration in seconds.

    Args:
        value: "500ms", "15s", "5m", "1h30m", or a number of seconds, as a number or
            as text. Negative numbers pass: the setting's bounds refuse them.

    Raises:
        ValueError: it is nothing of that kind.

    >>> seconds_from("1m30s")
    90.0
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if abs(value) < _HUGE:
            return float(value)
    elif isinstance(value, str):
        text = value.strip()
        if _NUMBER.fullmatch(text):
            return float(text)
        if _DURATION.fullmatch(text):
            parts = _PARTS.findall(text)
            return math.fsum(float(number) * _SECONDS[unit] for number, unit in parts)
    message = "must be a duration such as 500ms, 15s or 5m"
    raise ValueError(message)


def duration_text(seconds: float) -> str:
    """Return a duration in the largest unit that needs no fraction.

    >>> duration_text(300.0), duration_text(0.5), duration_text(90)
    ('5m', '500ms', '90s')
    """
    for unit in ("h", "m", "s"):
        if seconds >= _SECONDS[unit] and (seconds / _SECONDS[unit]).is_integer():
            return f"{seconds / _SECONDS[unit]:.0f}{unit}"
    if 0 < seconds < 1:
        return f"{_plain(seconds * 1e3)}ms"
    return f"{_plain(seconds)}s"


def _plain(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")


def listen_address_from(text: str) -> ListenAddress:
    """Return HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH taken apart.

    Raises:
        ValueError: it is nothing of that kind.

    >>> listen_address_from("[::1]:10042")
    ListenAddress(host='::1', port=10042)
    """
    if text.strip().startswith(_UNIX):
        return _unix_address_from(text.strip())
    host, colon, port = text.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    if not colon or (":" in host) is not bracketed or not _is_host(host):
        message = "must be HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH"
        raise ValueError(message)
    if not (port.isascii() and port.isdigit()) or int(port) > _PORT_MAX:
        message = f"must end with a port from 0 to {_PORT_MAX}"
        raise ValueError(message)
    return ListenAddress(host, int(port))


def _unix_address_from(text: str) -> ListenAddress:
    path = PurePosixPath(text.removeprefix(_UNIX))
    if not path.is_absolute() or ".." in path.parts or not text.isprintable():
        message = "must name an absolute path without '..' after unix:"
        raise ValueError(message)
    if len(str(path).encode()) > _UNIX_BYTES_MAX:
        message = f"must not name a path of more than {_UNIX_BYTES_MAX} bytes"
        raise ValueError(message)
    return ListenAddress(f"{_UNIX}{path}", 0)


def _is_host(host: str) -> bool:
    """Return whether it can be a name or an address: no space, no further bracket."""
    return re.fullmatch(r"[A-Za-z0-9_.:%-]*", host) is not None
