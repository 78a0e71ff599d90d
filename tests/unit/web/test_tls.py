"""Rules of TLS: who gets a handshake, and with which certificate."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from exporter.access import Access
from exporter.config.webfile import load_access
from exporter.config.webkeeper import AccessKeeper
from exporter.web import WebServer
from exporter.web.protocol import Limits
from tests.fakes.certificates import TLS, Pair, authority, signed
from tests.fakes.web import PATIENCE_S, Given, running, spoken

T = TypeVar("T")
GET = b"GET /-/healthy HTTP/1.0\r\n\r\n"
VERIFIED = (
    TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
)
WELL = b"healthy\n"


class Files:
    """Certificates, and web configuration files beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = authority(folder)
        self.server = signed(folder, self.ca, "server")
        self.client = signed(
            folder,
            self.ca,
            "client",
            "DNS:prom.example,IP:2001:db8::1,URI:spiffe://a/b",
        )
        self.stranger = signed(folder, authority(folder, "other"), "stranger")

    def access(self, text: str) -> Access:
        """Return the rules of a file."""
        path = self.folder / "web.yml"
        path.write_text(text)
        return load_access(path)

    def trusting(self, client: Pair | None = None) -> ssl.SSLContext:
        """Return what a client of ours uses."""
        context = ssl.create_default_context(cafile=self.ca.cert)
        if client is not None:
            context.load_cert_chain(client.cert, client.key)
        return context


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return certificates of all kinds."""
    return Files(tmp_path_factory.mktemp("tls"))


async def asked(
    server: WebServer, context: ssl.SSLContext, said: bytes = GET, host: str = ""
) -> bytes:
    """Return what comes back over TLS; empty where there is no answer."""
    address, port = server.addresses[0]
    try:
        reader, writer = await asyncio.open_connection(
            address, port, ssl=context, server_hostname=host or "localhost"
        )
    except (ssl.SSLError, ConnectionError):
        return b""
    try:
        writer.write(said)
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read()
    except (ssl.SSLError, ConnectionError):
        return b""
    finally:
        writer.close()
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            await writer.wait_closed()


def during(
    access: Callable[[], Access],
    scenario: Callable[[WebServer], Awaitable[T]],
    limits: Limits | None = None,
) -> T:
    """Return what a scenario with a running server comes to."""

    async def main() -> T:
        async with running(Given().app(), limits, access) as server:
            return await scenario(server)

    return asyncio.run(main())


def test_served_over_tls(files: Files) -> None:
    """Over the newest version, and the URL says so."""
    rules = files.access(TLS)

    async def scenario(server: WebServer) -> tuple[bytes, str]:
        return await asked(server, files.trusting()), server.urls[0]

    answer, url = during(lambda: rules, scenario)

    assert answer.endswith(WELL)
    assert url.startswith("https://127.0.0.1:")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("who", ["client", "stranger", "nobody"])
def test_client_certificates(files: Files, version: ssl.TLSVersion, who: str) -> None:
    """One of the authority is let in; another, or none, gets no answer."""
    rules = files.access(VERIFIED)
    shown = {"client": files.client, "stranger": files.stranger, "nobody": None}[who]
    context = files.trusting(shown)
    context.maximum_version = version

    answer = during(lambda: rules, lambda server: asked(server, context))

    assert (who == "client") is answer.endswith(WELL)
    assert (who != "client") is (answer == b"")


@pytest.mark.parametrize(
    ("version", "who", "alert"),
    [
        ("TLSv1_2", "stranger", "ALERT_UNKNOWN_CA"),
        ("TLSv1_2", "nobody", "ALERT_HANDSHAKE_FAILURE"),
        ("TLSv1_3", "stranger", "ALERT_UNKNOWN_CA"),
        ("TLSv1_3", "nobody", "ALERT_CERTIFICATE_REQUIRED"),
    ],
)
def test_who_is_refused_learns_why(
    files: Files, version: str, who: str, alert: str
) -> None:
    """By an alert of TLS: no end of the connection without a reason."""
    rules = files.access(VERIFIED)
    context = files.trusting(files.stranger if who == "stranger" else None)
    context.maximum_version = ssl.TLSVersion[version]

    async def scenario(server: WebServer) -> str:
        found = await asyncio.to_thread(_refusal, server.addresses[0], context)
        async with asyncio.timeout(PATIENCE_S):
            while server.connections:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return found

    assert during(lambda: rules, scenario).endswith(alert)


def _refusal(address: tuple[str, int], context: ssl.SSLContext) -> str:
    """Return why there is no answer, as OpenSSL names it."""
    try:
        with (
            socket.create_connection(address, timeout=PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as made,
        ):
            # In TLS 1.3 the client takes the handshake for done before we have looked.
            made.sendall(GET)
            return str(made.recv(100))
    except ssl.SSLError as error:
        return str(error.reason)


@pytest.mark.parametrize("who", ["client", "stranger", "nobody"])
def test_client_certificates_that_may_be_left_out(files: Files, who: str) -> None:
    """A wrong one is worse than none."""
    rules = files.access(
        VERIFIED.replace("RequireAndVerify", "VerifyClientCertIfGiven").replace(
            "IfGivenClientCert", "IfGiven"
        )
    )
    shown = {"client": files.client, "stranger": files.stranger, "nobody": None}[who]

    answer = during(lambda: rules, lambda one: asked(one, files.trusting(shown)))

    assert (who != "stranger") is answer.endswith(WELL)


@pytest.mark.parametrize(
    ("sans", "expected"),
    [
        ("[prom.example]", True),
        ("[other.example, '2001:db8::1']", True),
        ("['spiffe://a/b']", True),
        ("[example, '*.example', 'PROM.example']", False),
    ],
)
def test_names_of_clients(files: Files, sans: str, expected: bool) -> None:
    """One of a certificate's names is one of those, exactly, or nothing is said."""
    rules = files.access(f"{VERIFIED}  client_allowed_sans: {sans}\n")

    answer = during(
        lambda: rules, lambda server: asked(server, files.trusting(files.client))
    )

    assert expected is answer.endswith(WELL)
    assert expected or answer == b""


@pytest.mark.parametrize(
    ("settings", "change", "expected"),
    [
        ("min_version: TLS13", {"maximum_version": ssl.TLSVersion.TLSv1_2}, None),
        ("max_version: TLS12", {"minimum_version": ssl.TLSVersion.TLSv1_3}, None),
        ("max_version: TLS12", {}, "TLSv1.2"),
        ("min_version: TLS12", {}, "TLSv1.3"),
        (
            "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]",
            {"maximum_version": ssl.TLSVersion.TLSv1_2},
            "ECDHE-ECDSA-AES256-GCM-SHA384",
        ),
        (
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]",
            {"maximum_version": ssl.TLSVersion.TLSv1_2},
            None,  # the certificate's key is no RSA key
        ),
        ("curve_preferences: [CurveP384]", {"curve": "prime256v1"}, None),
        ("curve_preferences: [CurveP384]", {"curve": "secp384r1"}, "TLSv1.3"),
    ],
)
def test_what_is_agreed_upon(
    files: Files, settings: str, change: dict[str, object], expected: str | None
) -> None:
    """Versions, ciphers and curves are those set, or there is no handshake."""
    rules = files.access(f"{TLS}  {settings}\n")
    context = files.trusting()
    curve = change.pop("curve", None) if "curve" in (change := dict(change)) else None
    if curve is not None:
        context.set_ecdh_curve(str(curve))
    for name, value in change.items():
        setattr(context, name, value)

    async def scenario(server: WebServer) -> str | None:
        return await asyncio.to_thread(_agreed, server.addresses[0], context, expected)

    assert expected == during(lambda: rules, scenario)


def _agreed(
    address: tuple[str, int], context: ssl.SSLContext, wanted: str | None
) -> str | None:
    """Return the version or cipher agreed upon, None without a handshake."""
    with (
        contextlib.suppress(ssl.SSLError, ConnectionError),
        socket.create_connection(address, timeout=PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as made,
    ):
        cipher = made.cipher()
        version = made.version()
        return cipher[0] if cipher and wanted == cipher[0] else version
    return None


def test_a_changed_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    """To the next connection; one that is open has to come again."""
    files = Files(tmp_path)
    (tmp_path / "web.yml").write_text(TLS)
    keeper = AccessKeeper(tmp_path / "web.yml", lambda _: None)

    async def scenario(server: WebServer) -> tuple[bytes, ...]:
        kept, writer = await asyncio.open_connection(
            *server.addresses[0], ssl=files.trusting(), server_hostname="localhost"
        )
        renewed = authority(tmp_path, "new")
        new = signed(tmp_path, renewed, "again")
        new.key.replace(files.server.key)
        new.cert.replace(files.server.cert)
        old = await asked(server, files.trusting())
        fresh = await asked(server, ssl.create_default_context(cafile=renewed.cert))
        writer.write(GET)
        try:
            still = await kept.read()
        except (ssl.SSLError, ConnectionError):
            still = b""
        writer.close()
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            await writer.wait_closed()
        return old, fresh, still

    old, fresh, still = during(keeper.current, scenario)

    assert b"" == old
    assert fresh.endswith(WELL)
    assert b"" == still


def test_a_plain_request_to_the_tls_port(files: Files) -> None:
    """It is not answered, and holds nothing."""
    rules = files.access(TLS)

    async def scenario(server: WebServer) -> bytes:
        try:
            return await spoken(server, GET)
        except ConnectionError:
            return b""

    assert b"healthy" not in during(lambda: rules, scenario)


def test_tls_to_the_plain_port(files: Files) -> None:
    """There is no handshake."""
    assert b"" == during(Access, lambda server: asked(server, files.trusting()))


def test_a_handshake_that_does_not_come(files: Files) -> None:
    """Once begun it has to end soon, or the connection does."""
    rules = files.access(TLS)

    async def scenario(server: WebServer) -> bytes:
        return await spoken(server, b"\x16")

    assert b"" == during(lambda: rules, scenario, Limits(greeting_s=0.2))


def test_stopping_amid_handshakes(files: Files) -> None:
    """They hold nothing up."""
    rules = files.access(TLS)

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with running(Given().app(), None, lambda: rules) as server:
            opened = [
                await asyncio.open_connection(*server.addresses[0]) for _ in range(5)
            ]
            began_s = loop.time()
        took_s = loop.time() - began_s
        for _, writer in opened:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        return took_s

    assert asyncio.run(main()) < 1
