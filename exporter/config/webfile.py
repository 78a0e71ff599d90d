"""The web configuration file, in the format of Prometheus's exporter-toolkit.

Every documented key is kept, or refused by name with its line. Paths in it are
relative to its folder.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from exporter.access import Access, Rate
from exporter.config import tls
from exporter.config.document import Document, KeyPath, read
from exporter.config.webchecks import (
    HEADERS,
    HTTP_CHECKS,
    RATE_CHECKS,
    SECTIONS,
    TLS_CHECKS,
    Check,
    bcrypt_hash,
    header_check,
)
from exporter.errors import ConfigError
from exporter.files import open_binary
from exporter.printable import printable

_FILE_LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class WebFile:
    """What a file says."""

    access: Access
    """Of no meaning where there are problems."""
    files: frozenset[Path]
    """Everything that was read, or could not be."""
    problems: tuple[str, ...]


def read_access(path: Path) -> WebFile:
    """Return what a file says; whatever is wrong with it is in `problems`."""
    reading = _Reading(path)
    access = reading.access()
    return WebFile(access, frozenset(reading.files), tuple(reading.lines()))


def load_access(path: Path) -> Access:
    """Return the rules of a file.

    Raises:
        ConfigError: with every problem, as `FILE:LINE: PATH: text`.
    """
    found = read_access(path)
    if found.problems:
        raise ConfigError(found.problems)
    return found.access


@dataclass(slots=True)
class _Reading:
    """One pass over a file."""

    path: Path
    document: Document = field(default_factory=Document)
    files: set[Path] = field(default_factory=set)
    problems: list[tuple[int, KeyPath, str]] = field(default_factory=list)

    def access(self) -> Access:
        """Read on to the end, whatever is wrong."""
        self.files.add(self.path)
        self.document = read(self.path)
        for line, path, text in self.document.problems:
            self.problems.append((line or 0, path, text))
        values = self.document.values
        for key in values.keys() - set(SECTIONS):
            self._unknown((key,), SECTIONS)
        settings = self._section("tls_server_config", TLS_CHECKS)
        http = self._section("http_server_config", HTTP_CHECKS)
        headers = self._headers(http.get("headers"))
        users = self._users(values.get("basic_auth_users"))
        rate = self._rate(self._section("rate_limit", RATE_CHECKS))
        sans = frozenset(_as_texts(settings.get("client_allowed_sans")))
        context = self._tls(settings)
        return Access(
            tls=context,
            verifies_clients=settings.get("client_auth_type")
            == "RequireAndVerifyClientCert",
            allowed_sans=sans,
            users=users,
            headers=headers,
            rate=rate,
        )

    def lines(self) -> list[str]:
        """Return the problems in order of lines."""
        name = printable(str(self.path))
        found = []
        for line, path, text in sorted(self.problems, key=lambda one: one[0]):
            where = f"{name}:{line}" if line else name
            dotted = printable(".".join(map(str, path)))
            found.append(f"{where}: {dotted}: {text}" if path else f"{where}: {text}")
        return found

    def add(self, path: KeyPath, text: str) -> None:
        """Note a problem."""
        self.problems.append((self.document.line_of(path) or 0, path, text))

    def _unknown(self, path: KeyPath, known: tuple[str, ...]) -> None:
        near = get_close_matches(str(path[-1]), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known)}"
        self.add(path, f"no such setting; {hint}")

    def _mapping(self, value: object, path: KeyPath) -> Mapping[str, object]:
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        self.add(path, "must be a mapping")
        return {}

    def _section(self, name: str, checks: Mapping[str, Check]) -> dict[str, object]:
        given = self._mapping(self.document.values.get(name), (name,))
        return self._checked(given, (name,), checks)

    def _checked(
        self, given: Mapping[str, object], path: KeyPath, checks: Mapping[str, Check]
    ) -> dict[str, object]:
        good: dict[str, object] = {}
        for key, value in given.items():
            if key not in checks:
                self._unknown((*path, key), tuple(checks))
            elif value is not None:
                try:
                    good[key] = checks[key](value)
                except ValueError as error:
                    self.add((*path, key), str(error))
        return good

    def _headers(self, value: object) -> dict[str, str]:
        path = ("http_server_config", "headers")
        checks = {name: header_check(values) for name, values in HEADERS.items()}
        good = self._checked(self._mapping(value, path), path, checks)
        return {name.lower(): str(text) for name, text in good.items() if text}

    def _users(self, value: object) -> dict[str, bytes]:
        path = ("basic_auth_users",)
        users: dict[str, bytes] = {}
        for name, hashed in self._mapping(value, path).items():
            if not name or ":" in name:
                self.add((*path, name), "must be a name without a colon (RFC 7617)")
                continue
            try:
                users[name] = bcrypt_hash(hashed)
            except ValueError as error:
                self.add((*path, name), str(error))
        return users

    def _rate(self, given: Mapping[str, object]) -> Rate | None:
        interval, burst = given.get("interval", 0.0), given.get("burst", 0)
        if not isinstance(interval, float) or not isinstance(burst, int):
            return None
        if not interval:
            return None
        if burst < 1:
            self.add(("rate_limit", "burst"), "must be at least 1: nothing would pass")
            return None
        return Rate(interval_s=interval, burst=burst)

    def _tls(self, given: Mapping[str, object]) -> ssl.SSLContext | None:
        section = "tls_server_config"
        if self.document.values.get(section) is None:
            return None
        before = len(self.problems)
        names: dict[str, str] = {}
        contents = {
            one: self._content(one, given, names)
            for one in ("cert", "key", "client_ca")
        }
        self._check_sans(given)
        cert, key = contents["cert"], contents["key"]
        bad = any(path[:1] == (section,) for _, path, _ in self.problems)
        if cert is None or key is None or bad or len(self.problems) > before:
            return None
        plain = {
            name: value
            for name, value in given.items()
            if name not in ("client_allowed_sans", *_FILES, *_INLINE)
        }
        try:
            return tls.context_of(
                tls.TlsSettings(
                    cert=cert,
                    key=key,
                    client_ca=contents["client_ca"],
                    names=names,
                    **plain,  # type: ignore[arg-type]  # checked one by one
                )
            )
        except tls.TlsProblem as problem:
            self.add((section, problem.key), problem.text)
            return None

    def _check_sans(self, given: Mapping[str, object]) -> None:
        demanded = given.get("client_auth_type") == "RequireAndVerifyClientCert"
        if given.get("client_allowed_sans") and not demanded:
            self.add(
                ("tls_server_config", "client_allowed_sans"),
                "needs client_auth_type RequireAndVerifyClientCert: others may come "
                "without a certificate",
            )

    def _content(
        self, name: str, given: Mapping[str, object], names: dict[str, str]
    ) -> bytes | None:
        """Return a certificate or key, given in the file or beside it."""
        section, file_key = "tls_server_config", f"{name}_file"
        inline, file = given.get(name), given.get(file_key)
        names[name] = name if inline else file_key
        if inline and file:
            self.add((section, name), f"excludes {file_key}")
        elif inline:
            return str(inline).encode()
        elif file:
            return self._file(Path(str(file)), (section, file_key))
        elif name != "client_ca" and not self._was_given(file_key, name):
            self.add((section,), f"needs {file_key}, or {name}")
        return None

    def _was_given(self, *keys: str) -> bool:
        """Return whether one of some keys stands there, be it wrong."""
        section = self._mapping_of("tls_server_config")
        return any(section.get(key) for key in keys)

    def _mapping_of(self, section: str) -> Mapping[str, object]:
        value = self.document.values.get(section)
        return value if isinstance(value, dict) else {}

    def _file(self, named: Path, path: KeyPath) -> bytes | None:
        file = self.path.parent / named
        self.files.add(file)
        try:
            with open_binary(file) as opened:
                content = opened.read(_FILE_LIMIT_BYTES + 1)
        except OSError as error:
            self.add(path, f"{printable(str(file))} cannot be read: {error.strerror}")
            return None
        if len(content) > _FILE_LIMIT_BYTES:
            self.add(path, f"{printable(str(file))} is larger than 1 MiB")
            return None
        return content


_INLINE = ("cert", "key", "client_ca")
_FILES = ("cert_file", "key_file", "client_ca_file")


def _as_texts(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()
