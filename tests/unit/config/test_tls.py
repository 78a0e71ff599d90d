"""Rules of `tls_server_config`: each documented key is kept, or refused."""

import ssl
from pathlib import Path

import pytest

from exporter.config.tls import BROKEN_VERSIONS, CIPHERS, TLS13_CIPHERS, UNVERIFIED_AUTH
from tests.fakes.certificates import TLS, authority, signed
from tests.fakes.webfiles import access, problems


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an authority's, a server's and a stranger's files."""
    made = tmp_path_factory.mktemp("certificates")
    ours = authority(made)
    signed(made, ours, "server")
    signed(made, ours, "other")
    (made / "text.pem").write_text("nothing of the kind\n")
    (made / "huge.pem").write_bytes(b"x" * ((1 << 20) + 1))
    locked = (made / "server.key").read_text().replace("PRIVATE", "ENCRYPTED PRIVATE")
    (made / "locked.key").write_text(locked)
    return made


def context(folder: Path, more: str = "") -> ssl.SSLContext:
    """Return what a file's `tls_server_config` makes."""
    found = access(folder, TLS + more).tls
    assert found is not None
    return found


class TestTls:
    """`tls_server_config`."""

    def test_as_little_as_there_may_be(self, folder: Path) -> None:
        """Certificate and key are enough; relative paths are the file's folder's."""
        made = context(folder)

        assert ssl.TLSVersion.TLSv1_2 == made.minimum_version
        assert ssl.TLSVersion.TLSv1_3 == made.maximum_version
        assert ssl.CERT_NONE == made.verify_mode
        assert made.options & ssl.OP_CIPHER_SERVER_PREFERENCE

    def test_inline(self, folder: Path) -> None:
        """Certificate, key and authority may stand in the file itself."""
        text = "tls_server_config:\n  client_auth_type: RequireAndVerifyClientCert\n"
        for key, file in (
            ("cert", "server.pem"),
            ("key", "server.key"),
            ("client_ca", "ca.pem"),
        ):
            lines = (folder / file).read_text().splitlines()
            text += f"  {key}: |\n" + "".join(f"    {line}\n" for line in lines)

        found = access(folder, text)

        assert found.tls is not None
        assert ssl.CERT_REQUIRED == found.tls.verify_mode
        assert found.verifies_clients

    @pytest.mark.parametrize(
        ("kind", "mode"),
        [
            ("VerifyClientCertIfGiven", ssl.CERT_OPTIONAL),
            ("RequireAndVerifyClientCert", ssl.CERT_REQUIRED),
        ],
    )
    def test_clients_are_verified(
        self, folder: Path, kind: str, mode: ssl.VerifyMode
    ) -> None:
        """By the authority that is named."""
        made = context(folder, f"  client_auth_type: {kind}\n  client_ca_file: ca.pem")

        assert mode == made.verify_mode
        assert 1 == len(made.get_ca_certs())

    def test_no_client_certificate(self, folder: Path) -> None:
        """It can be said that none is wanted."""
        made = context(folder, "  client_auth_type: NoClientCert")

        assert ssl.CERT_NONE == made.verify_mode

    def test_versions(self, folder: Path) -> None:
        """Both ends can be set."""
        newest = context(folder, "  min_version: TLS13")
        older = context(folder, "  max_version: TLS12")

        assert ssl.TLSVersion.TLSv1_3 == newest.minimum_version
        assert ssl.TLSVersion.TLSv1_2 == older.maximum_version

    @pytest.mark.parametrize("name", sorted(CIPHERS))
    def test_ciphers(self, folder: Path, name: str) -> None:
        """Go's name selects OpenSSL's cipher, and no other of TLS 1.2."""
        made = context(folder, f"  cipher_suites: [{name}]")

        of_tls12 = {
            one["name"] for one in made.get_ciphers() if one["protocol"] != "TLSv1.3"
        }
        assert {CIPHERS[name]} == of_tls12

    @pytest.mark.parametrize("name", TLS13_CIPHERS)
    def test_ciphers_of_the_newest_version(self, folder: Path, name: str) -> None:
        """With these alone there is no older version to be spoken."""
        made = context(folder, f"  cipher_suites: [{name}]")

        assert ssl.TLSVersion.TLSv1_3 == made.minimum_version

    def test_the_clients_order(self, folder: Path) -> None:
        """Whose order of ciphers counts can be set."""
        made = context(folder, "  prefer_server_cipher_suites: false")

        assert not made.options & ssl.OP_CIPHER_SERVER_PREFERENCE

    @pytest.mark.parametrize("name", ["CurveP256", "CurveP384", "CurveP521", "X25519"])
    def test_curve(self, folder: Path, name: str) -> None:
        """One curve can be chosen."""
        assert isinstance(
            context(folder, f"  curve_preferences: [{name}]"), ssl.SSLContext
        )

    def test_sans(self, folder: Path) -> None:
        """Names that a client's certificate must have one of."""
        found = access(
            folder,
            TLS + "  client_auth_type: RequireAndVerifyClientCert\n"
            "  client_ca_file: ca.pem\n  client_allowed_sans: [a.example, '192.0.2.1']",
        )

        assert {"a.example", "192.0.2.1"} == found.allowed_sans

    @pytest.mark.parametrize("kind", UNVERIFIED_AUTH)
    def test_unverified_clients_are_refused(self, folder: Path, kind: str) -> None:
        """What keeps nobody out is not taken for what does."""
        (found,) = problems(folder, TLS + f"  client_auth_type: {kind}")

        assert found.startswith("4: tls_server_config.client_auth_type: does not look")
        assert "RequireAndVerifyClientCert" in found

    @pytest.mark.parametrize("version", BROKEN_VERSIONS)
    def test_broken_versions_are_refused(self, folder: Path, version: str) -> None:
        """By name, with the reason."""
        (found,) = problems(folder, TLS + f"  min_version: {version}")

        assert found == (
            "4: tls_server_config.min_version: must be TLS12 or TLS13: what came "
            "before is broken (RFC 8996)"
        )

    @pytest.mark.parametrize(
        ("more", "expected"),
        [
            (
                "  client_auth_type: Whatever",
                (
                    "4: tls_server_config.client_auth_type: must be NoClientCert, "
                    "VerifyClientCertIfGiven or RequireAndVerifyClientCert, "
                    "not 'Whatever'"
                ),
            ),
            (
                "  client_auth_type: RequireAndVerifyClientCert",
                (
                    "4: tls_server_config.client_auth_type: needs client_ca_file or "
                    "client_ca: nobody could be verified"
                ),
            ),
            (
                "  client_ca_file: ca.pem",
                (
                    "4: tls_server_config.client_ca_file: is of no use without "
                    "client_auth_type RequireAndVerifyClientCert"
                ),
            ),
            (
                (
                    "  client_ca_file: text.pem\n  client_auth_type: "
                    "VerifyClientCertIfGiven"
                ),
                "4: tls_server_config.client_ca_file: holds no certificate in PEM",
            ),
            (
                "  client_allowed_sans: [a]",
                (
                    "4: tls_server_config.client_allowed_sans: needs client_auth_type "
                    "RequireAndVerifyClientCert: others may come without a certificate"
                ),
            ),
            (
                "  min_version: TLS13\n  max_version: TLS12",
                "4: tls_server_config.min_version: is above max_version TLS12",
            ),
            (
                "  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]",
                (
                    "4: tls_server_config.cipher_suites: names "
                    "'TLS_RSA_WITH_AES_128_CBC_SHA', which is unknown, or without "
                    "forward secrecy"
                ),
            ),
            (
                "  cipher_suites: [TLS_AES_128_GCM_SHA256]\n  max_version: TLS12",
                "4: tls_server_config.cipher_suites: names none that TLS12 has",
            ),
            (
                "  curve_preferences: [X25519, CurveP256]",
                (
                    "4: tls_server_config.curve_preferences: can name one curve only: "
                    "Python's ssl takes no order of several"
                ),
            ),
            (
                "  curve_preferences: [P-256]",
                (
                    "4: tls_server_config.curve_preferences: must be CurveP256, "
                    "CurveP384, CurveP521 or X25519, not 'P-256'"
                ),
            ),
            (
                "  prefer_server_cipher_suites: yes",
                (
                    "4: tls_server_config.prefer_server_cipher_suites: must be true or "
                    "false"
                ),
            ),
            (
                "  cert: x",
                "4: tls_server_config.cert: excludes cert_file",
            ),
            (
                "  cert_files: x",
                (
                    "4: tls_server_config.cert_files: no such setting; did you mean "
                    "cert_file?"
                ),
            ),
        ],
        ids=lambda value: value if str(value).startswith(" ") else "",
    )
    def test_what_cannot_be(self, folder: Path, more: str, expected: str) -> None:
        """Each is refused by name and line, with what would do."""
        assert (expected,) == problems(folder, TLS + more)

    @pytest.mark.parametrize(
        ("cert", "key", "expected"),
        [
            ("text.pem", "server.key", "2: {}.cert_file: holds no certificate in PEM"),
            ("server.pem", "text.pem", "3: {}.key_file: holds no private key in PEM"),
            (
                "server.pem",
                "other.key",
                "3: {}.key_file: does not belong to the certificate of cert_file",
            ),
            (
                "server.pem",
                "locked.key",
                "3: {}.key_file: is encrypted; nobody is there to give its password",
            ),
            (
                "none.pem",
                "server.key",
                (
                    "2: {}.cert_file: {folder}/none.pem cannot be read: No such file "
                    "or directory"
                ),
            ),
            (
                "huge.pem",
                "server.key",
                "2: {}.cert_file: {folder}/huge.pem is larger than 1 MiB",
            ),
        ],
    )
    def test_files_that_cannot_be_used(
        self, folder: Path, cert: str, key: str, expected: str
    ) -> None:
        """It is said which of them, and why."""
        text = f"tls_server_config:\n  cert_file: {cert}\n  key_file: {key}\n"

        wanted = expected.format("tls_server_config", folder=folder)
        assert (wanted,) == problems(folder, text)

    def test_half_of_a_pair(self, folder: Path) -> None:
        """A certificate without its key, and a section without either."""
        assert ("1: tls_server_config: needs key_file, or key",) == problems(
            folder, "tls_server_config:\n  cert_file: server.pem\n"
        )
        assert 2 == len(problems(folder, "tls_server_config: {}\n"))
