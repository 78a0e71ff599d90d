"""The SDK behind our protocol: what is sent, and what becomes of every answer."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.engine.api import RequestKind
from exporter.engine.client import DockerEngine, default_address
from exporter.errors import (
    EngineAddressError,
    EngineError,
    EnginePermissionDenied,
    EngineProtocolError,
    EngineUnavailable,
)
from tests.fakes.engine_socket import Conversation, EngineSocket, Respond


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EngineSocket]:
    """Serve a test's answers."""
    with EngineSocket(tmp_path) as found:
        yield found


@pytest.fixture
def engine(server: EngineSocket) -> Iterator[DockerEngine]:
    """Ask that server."""
    found = DockerEngine(environment=server.environment, timeout_s=0.5)
    yield found
    found.close()


def test_the_default_address() -> None:
    """DOCKER_HOST, else the usual socket."""
    assert "unix:///var/run/docker.sock" == default_address({})
    assert "unix:///var/run/docker.sock" == default_address({"DOCKER_HOST": " "})
    assert "tcp://a:1" == default_address({"DOCKER_HOST": "tcp://a:1"})


@pytest.mark.parametrize(
    ("environment", "tls"),
    [
        ({}, False),
        ({"DOCKER_HOST": "tcp://a:1"}, False),
        ({"DOCKER_HOST": "tcp://a:1", "DOCKER_TLS_VERIFY": "1"}, True),
        ({"DOCKER_HOST": "tcp://a:1", "DOCKER_CERT_PATH": "/c"}, True),
        ({"DOCKER_HOST": "https://a:1"}, True),
    ],
    ids=["socket", "tcp", "verify", "certificates", "https"],
)
def test_whether_the_connection_is_encrypted(
    environment: dict[str, str], tls: bool
) -> None:
    """By the variables that the `docker` command reads too."""
    assert tls is DockerEngine(environment=environment).tls


def test_it_speaks_the_engines_version(
    server: EngineSocket, engine: DockerEngine
) -> None:
    """`/version` is asked without one, everything else in the engine's own."""
    server.script[f"{server.prefix}/info"] = lambda to: to.json({"Name": "x"})

    assert {"Name": "x"} == engine.info()
    assert ["GET /version", "GET /v1.41/info"] == server.requests


def test_it_negotiates_again(server: EngineSocket, engine: DockerEngine) -> None:
    """After an upgrade `version()` finds the new one."""
    engine.version()
    server.script["/version"] = lambda to: to.json({"ApiVersion": "1.51"})
    server.script["/v1.51/networks"] = lambda to: to.json([])

    assert {"ApiVersion": "1.51"} == engine.version()
    assert [] == engine.networks()


def test_everything_it_asks(server: EngineSocket, engine: DockerEngine) -> None:
    """Seven paths, and GET each time."""
    script, prefix = server.script, server.prefix
    script[f"{prefix}/networks"] = lambda to: to.json([1])
    script[f"{prefix}/networks/n1"] = lambda to: to.json({"Id": "n1"})
    script[f"{prefix}/containers/json"] = lambda to: to.json([2])
    script[f"{prefix}/containers/c1/json"] = lambda to: to.json({"Id": "c1"})

    assert [1] == engine.networks()
    assert {"Id": "n1"} == engine.network("n1")
    assert [2] == engine.containers()
    assert {"Id": "c1"} == engine.container("c1")
    assert "all=1" in server.requests[-2]
    assert {"GET"} == {request.partition(" ")[0] for request in server.requests}


def test_what_is_gone_is_none(engine: DockerEngine) -> None:
    """A 404 about one object is an answer."""
    assert None is engine.container("c1")
    assert None is engine.network("n1")


def test_nothing_but_get_leaves(server: EngineSocket, engine: DockerEngine) -> None:
    """Not even by mistake: whatever the SDK would do, it cannot."""
    engine.version()
    api = engine._api  # noqa: SLF001 - the guard is inside
    assert api is not None

    with pytest.raises(RuntimeError, match="GET only"):
        api.stop("c1")
    with pytest.raises(RuntimeError, match="GET only"):
        api.head(f"{api.base_url}/_ping")

    assert ["GET /version"] == server.requests


def slow(to: Conversation) -> None:
    """Answer when nobody waits any more."""
    threading.Event().wait(1.0)
    to.json({})


def truncated(to: Conversation) -> None:
    """Promise more than is sent."""
    to.send_response(200)
    to.send_header("Content-Length", "100")
    to.end_headers()
    to.wfile.write(b"[")
    to.close_connection = True


def hung_up(to: Conversation) -> None:
    """Say nothing at all."""
    to.close_connection = True


@pytest.mark.parametrize(
    ("respond", "kind", "words"),
    [
        pytest.param(slow, EngineUnavailable, "no answer within 0.5 s", id="silence"),
        pytest.param(truncated, EngineUnavailable, "ended early", id="truncated"),
        pytest.param(hung_up, EngineUnavailable, "hung up", id="hung up"),
        pytest.param(
            lambda to: to.body(b"<html>"), EngineProtocolError, "not JSON", id="html"
        ),
        pytest.param(
            lambda to: to.json({"message": "no"}, status=403),
            EngineProtocolError,
            "HTTP 403 no",
            id="a proxy refuses",
        ),
        pytest.param(
            lambda to: to.json([], status=500),
            EngineProtocolError,
            "/networks",
            id="an error of another shape",
        ),
        pytest.param(
            lambda to: to.json({"message": "x"}, status=404),
            EngineProtocolError,
            "HTTP 404 x",
            id="a list that is not found",
        ),
    ],
)
def test_answers_that_are_none(
    server: EngineSocket,
    engine: DockerEngine,
    respond: Respond,
    kind: type[EngineError],
    words: str,
) -> None:
    """Each has its exception, and a line that says what was wrong."""
    server.script[f"{server.prefix}/networks"] = respond

    with pytest.raises(kind, match=words):
        engine.networks()

    server.script[f"{server.prefix}/networks"] = lambda to: to.json([])
    assert [] == engine.networks()


@pytest.mark.parametrize(
    "answer", [[], {}, {"ApiVersion": 1}, {"ApiVersion": "1.2"}], ids=repr
)
def test_something_else_listens_there(
    server: EngineSocket, engine: DockerEngine, answer: object
) -> None:
    """No API version, or one older than the SDK can speak."""
    server.script["/version"] = lambda to: to.json(answer)

    with pytest.raises(EngineError):
        engine.info()


def test_one_container_is_waited_for_less(server: EngineSocket) -> None:
    """The engine locks it while it starts."""
    engine = DockerEngine(
        environment=server.environment, timeout_s=20, container_timeout_s=0.1
    )
    server.script[f"{server.prefix}/containers/c1/json"] = slow

    with pytest.raises(EngineUnavailable, match=r"within 0\.1 s"):
        engine.container("c1")

    engine.close()


def test_nobody_listens(tmp_path: Path) -> None:
    """The address and the reason."""
    address = f"unix://{tmp_path}/none.sock"

    with pytest.raises(EngineUnavailable) as caught:
        DockerEngine(environment={"DOCKER_HOST": address}).version()

    assert (address, "no such file or directory") == (
        caught.value.address,
        caught.value.reason,
    )


@pytest.mark.parametrize("address", ["ssh://nobody@nowhere", "tcp://", "unix//x"])
def test_addresses_that_lead_nowhere(address: str) -> None:
    """One line, no traceback: a typing error, or a transport that is not installed."""
    with pytest.raises(EngineAddressError, match="check DOCKER_HOST"):
        DockerEngine(environment={"DOCKER_HOST": address}).version()


def test_certificates_that_are_not_there(tmp_path: Path) -> None:
    """The same, in the words that matter: not where to read on."""
    environment = {"DOCKER_HOST": "tcp://a:1", "DOCKER_CERT_PATH": str(tmp_path)}

    with pytest.raises(EngineAddressError, match=r"certificate .*; check") as caught:
        DockerEngine(environment=environment).version()

    assert "http" not in str(caught.value)


def test_a_socket_of_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Permission denied has its own remedy."""
    import socket  # noqa: PLC0415 - stands in for a kernel that root never hears this of

    def denied(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied", address)

    monkeypatch.setattr(socket.socket, "connect", denied)

    with pytest.raises(EnginePermissionDenied):
        DockerEngine(environment={"DOCKER_HOST": f"unix://{tmp_path}/x"}).version()


def test_every_request_is_observed(server: EngineSocket) -> None:
    """Its kind from a closed set, its code or `error`, and how long it took."""
    seen: list[tuple[RequestKind, str]] = []

    def observe(kind: RequestKind, code: str, duration_s: float) -> None:
        assert 0 <= duration_s < 5
        seen.append((kind, code))

    engine = DockerEngine(
        environment=server.environment, observe=observe, timeout_s=0.2
    )
    server.script[f"{server.prefix}/networks"] = slow
    server.script[f"{server.prefix}/events"] = lambda to: to.begin_chunks()
    engine.container("c1")
    engine.network("n1")
    with pytest.raises(EngineUnavailable):
        engine.networks()
    with pytest.raises(EngineProtocolError):
        engine.containers()
    with pytest.raises(EngineProtocolError):
        engine.info()
    engine.events(0).close()
    engine.close()

    assert [
        ("version", "200"),
        ("container", "404"),
        ("network", "404"),
        ("networks", "error"),
        ("version", "200"),
        ("containers", "404"),
        ("version", "200"),
        ("info", "404"),
        ("version", "200"),
        ("events", "200"),
    ] == seen


def test_the_users_proxy_and_passwords_are_not_used(
    server: EngineSocket,
    engine: DockerEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Behind a Unix socket there is only the engine."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server.script[f"{server.prefix}/info"] = lambda to: to.json(dict(to.headers))

    assert "Authorization" not in engine.info()
