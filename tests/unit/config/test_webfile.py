"""Rules of the web configuration file but TLS: each key is kept, or refused."""

from pathlib import Path

import pytest

from exporter.access import Access, Rate
from exporter.config.webfile import load_access, read_access
from exporter.errors import ConfigError
from tests.fakes.certificates import HASH
from tests.fakes.webfiles import access, problems, written


class TestHttp:
    """`http_server_config`, `basic_auth_users`, `rate_limit`, and what is none."""

    def test_nothing(self, tmp_path: Path) -> None:
        """An empty file lets everybody in, in plain text."""
        assert Access() == access(tmp_path, "")

    def test_headers(self, tmp_path: Path) -> None:
        """Each that may be set is; a blank one is not."""
        found = access(
            tmp_path,
            "http_server_config:\n  http2: false\n  headers:\n"
            "    Content-Security-Policy: default-src 'none'\n"
            "    X-Frame-Options: sameorigin\n"
            "    X-Content-Type-Options: nosniff\n"
            "    X-XSS-Protection: ''\n"
            "    Strict-Transport-Security: max-age=31536000\n",
        )

        assert {
            "content-security-policy": "default-src 'none'",
            "x-frame-options": "sameorigin",
            "x-content-type-options": "nosniff",
            "strict-transport-security": "max-age=31536000",
        } == found.headers

    def test_users(self, tmp_path: Path) -> None:
        """Names and hashes."""
        found = access(tmp_path, f"basic_auth_users:\n  prometheus: {HASH}\n")

        assert {"prometheus": HASH.encode()} == found.users

    def test_rate(self, tmp_path: Path) -> None:
        """As toolkit writes it; 0 is none."""
        some = access(tmp_path, "rate_limit: {interval: 100ms, burst: 20}")
        none = access(tmp_path, "rate_limit: {interval: 0, burst: 20}")

        assert Rate(interval_s=0.1, burst=20) == some.rate
        assert none.rate is None

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (
                "http_server_config: {http2: true}",
                (
                    "1: http_server_config.http2: must be false, or left out: HTTP/2 "
                    "is not spoken here"
                ),
            ),
            (
                "http_server_config: {headers: {Server: x}}",
                (
                    "1: http_server_config.headers.Server: no such setting; there is "
                    "Content-Security-Policy, X-Frame-Options, X-Content-Type-Options, "
                    "X-XSS-Protection, Strict-Transport-Security"
                ),
            ),
            (
                "http_server_config: {headers: {X-Frame-Options: ALLOW}}",
                (
                    "1: http_server_config.headers.X-Frame-Options: must be deny or "
                    "sameorigin, not 'ALLOW'"
                ),
            ),
            (
                'http_server_config: {headers: {X-XSS-Protection: "a\\r\\nb"}}',
                (
                    "1: http_server_config.headers.X-XSS-Protection: must be printable "
                    "ASCII on one line"
                ),
            ),
            (
                "basic_auth_users: {a: secret}",
                (
                    "1: basic_auth_users.a: must be a bcrypt hash such as htpasswd "
                    "-nBC 10 makes"
                ),
            ),
            (
                "basic_auth_users: {a: " + HASH.replace("$04", "$18") + "}",
                "1: basic_auth_users.a: must have a cost from 4 to 15, not 18",
            ),
            (
                'basic_auth_users: {"a:b": ' + HASH + "}",
                "1: basic_auth_users.a:b: must be a name without a colon (RFC 7617)",
            ),
            (
                "rate_limit: {interval: 1s}",
                "1: rate_limit.burst: must be at least 1: nothing would pass",
            ),
            (
                "basic_auth_user: {}",
                "1: basic_auth_user: no such setting; did you mean basic_auth_users?",
            ),
            ("basic_auth_users: [a]", "1: basic_auth_users: must be a mapping"),
        ],
        ids=lambda value: value[:40],
    )
    def test_what_cannot_be(self, tmp_path: Path, text: str, expected: str) -> None:
        """Each is refused by name and line; a password is never shown."""
        assert (expected,) == problems(tmp_path, text)

    def test_every_problem_at_once(self, tmp_path: Path) -> None:
        """In the order of lines, as one error that is printed as it is."""
        path = written(tmp_path, "rate_limit:\n  burst: x\nhttp2: true\n")

        with pytest.raises(ConfigError) as caught:
            load_access(path)

        assert [f"{path}:2:", f"{path}:3:"] == [
            line.split(" ")[0] for line in caught.value.problems
        ]

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        """It is said so."""
        found = read_access(tmp_path / "none.yml")

        assert (f"{tmp_path}/none.yml: cannot be read: No such file or directory",) == (
            found.problems
        )
