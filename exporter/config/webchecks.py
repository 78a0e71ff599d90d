"""Checks of single values of the web configuration file.

A check returns what the value becomes, or raises `ValueError` with the rest of a
sentence that begins with the key's name.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from exporter.config import tls
from exporter.config.units import seconds_from
from exporter.config.wording import shown

Check = Callable[[object], object]
_COSTS = range(4, 16)
"""Of bcrypt; 15 takes about two seconds of a core."""
_HASH = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}", re.ASCII)
HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "Content-Security-Policy": (),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-Content-Type-Options": ("nosniff",),
    "X-XSS-Protection": (),
    "Strict-Transport-Security": (),
}
"""What may be set, and to which values; none named for any."""


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        message = "must be text"
        raise ValueError(message)
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        message = "must be true or false"
        raise ValueError(message)  # noqa: TRY004 - a problem, not a bug
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        message = "must be a list of texts"
        raise ValueError(message)
    return tuple(value)


def _version(value: object) -> str:
    if value in tls.BROKEN_VERSIONS:
        message = "must be TLS12 or TLS13: what came before is broken (RFC 8996)"
        raise ValueError(message)
    return _one_of(value, tls.VERSIONS)


def _client_auth(value: object) -> str:
    if value in tls.UNVERIFIED_AUTH:
        message = (
            "does not look who signed a certificate, which keeps nobody out; write "
            "RequireAndVerifyClientCert"
        )
        raise ValueError(message)
    return _one_of(value, tls.CLIENT_AUTH)


def _ciphers(value: object) -> tuple[str, ...]:
    names = _texts(value)
    for name in names:
        if name not in tls.CIPHERS and name not in tls.TLS13_CIPHERS:
            message = f"names {name!r}, which is unknown, or without forward secrecy"
            raise ValueError(message)
    return names


def _curves(value: object) -> tuple[str, ...]:
    names = _texts(value)
    for name in names:
        _one_of(name, tls.CURVES)
    if len(names) > 1:
        message = "can name one curve only: Python's ssl takes no order of several"
        raise ValueError(message)
    return names


def _http2(value: object) -> bool:
    if _flag(value):
        message = "must be false, or left out: HTTP/2 is not spoken here"
        raise ValueError(message)
    return False


def _burst(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 1_000_000:
        message = "must be a whole number from 0 to 1000000"
        raise ValueError(message)
    return value


def _interval(value: object) -> float:
    seconds = seconds_from(value)
    if not 0 <= seconds <= 3600:
        message = "must be from 0 to 1h"
        raise ValueError(message)
    return seconds


def bcrypt_hash(value: object) -> bytes:
    """Return a bcrypt hash; the value of a wrong one is never shown."""
    hashed = _HASH.fullmatch(value) if isinstance(value, str) else None
    if hashed is None:
        # The value is not shown: it may be the password itself.
        message = "must be a bcrypt hash such as htpasswd -nBC 10 makes"
        raise ValueError(message)
    if int(hashed[1]) not in _COSTS:
        message = f"must have a cost from {_COSTS[0]} to {_COSTS[-1]}, not {hashed[1]}"
        raise ValueError(message)
    return hashed[0].encode()


def _one_of(value: object, known: Mapping[str, object]) -> str:
    if not isinstance(value, str) or value not in known:
        *most, last = known
        message = f"must be {', '.join(most)} or {last}, not {shown(value)}"
        raise ValueError(message)
    return value


def header_check(values: tuple[str, ...]) -> Check:
    """Return the check of a header that has some values, or any."""

    def check(value: object) -> object:
        text = _text(value)
        if text and values and text not in values:
            message = f"must be {' or '.join(values)}, not {shown(value)}"
            raise ValueError(message)
        if not text.isascii() or not text.isprintable():
            message = "must be printable ASCII on one line"
            raise ValueError(message)
        return text

    return check


TLS_CHECKS: Final[Mapping[str, Check]] = {
    "cert": _text,
    "key": _text,
    "client_ca": _text,
    "cert_file": _text,
    "key_file": _text,
    "client_ca_file": _text,
    "client_auth_type": _client_auth,
    "client_allowed_sans": _texts,
    "min_version": _version,
    "max_version": _version,
    "cipher_suites": _ciphers,
    "prefer_server_cipher_suites": _flag,
    "curve_preferences": _curves,
}
HTTP_CHECKS: Final[Mapping[str, Check]] = {
    "http2": _http2,
    "headers": lambda value: value,
}
RATE_CHECKS: Final[Mapping[str, Check]] = {"interval": _interval, "burst": _burst}
SECTIONS = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "tls_server_config": tuple(TLS_CHECKS),
    "http_server_config": tuple(HTTP_CHECKS),
    "rate_limit": tuple(RATE_CHECKS),
}
"""Every documented key of the sections that have a fixed set of them."""
