"""The door of the real program, with Debian's Prometheus before it.

There is no engine: what is served is the same, and no packet is sent.
"""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.engine.test_unit import DYNAMIC, NOBODY, as_the_unit
from tests.fakes.certificates import HASH, TLS, Pair, authority, signed
from tests.lab.prometheus import missing, scraping
from tests.lab.service import Service

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(90),
]
with_prometheus = pytest.mark.skipif(missing() is not None, reason=str(missing()))
VERIFIED = (
    "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
    "  client_allowed_sans: [prometheus.example]\n"
)
USERS = f"basic_auth_users:\n  prometheus: {HASH}\n"
PASSWORD = {"basic_auth": {"username": "prometheus", "password": "secret"}}
COMMAND = (sys.executable, "-m", "exporter")


class Files:
    """A web configuration file with its certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.web = folder / "web.yml"
        self.ca = authority(folder)
        self.server = signed(folder, self.ca, "server")
        self.client = signed(folder, self.ca, "client", "DNS:prometheus.example")

    def write(self, text: str) -> None:
        """Put a file in the place of the one there is."""
        new = self.folder / "new"
        new.write_text(text)
        new.replace(self.web)

    def job(
        self, client: Pair | None = None, ca: Pair | None = None
    ) -> dict[str, object]:
        """Return `tls_config` of a job of Prometheus."""
        settings = {"ca_file": str((ca or self.ca).cert), "server_name": "localhost"}
        if client is not None:
            settings |= {"cert_file": str(client.cert), "key_file": str(client.key)}
        return {"tls_config": settings}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Return certificates of this test's own."""
    return Files(tmp_path)


@contextmanager
def running(
    folder: Path,
    *arguments: str,
    listen: Sequence[str] = ("127.0.0.1:0",),
    under: Sequence[str] = (),
) -> Iterator[Service]:
    """Run the program where no engine is, with everything it writes in a folder.

    Args:
        folder: the folder.
        arguments: more of them.
        listen: addresses.
        under: a command that becomes another, with fewer rights.
    """
    addresses = [f"--web.listen-address={one}" for one in listen]
    process = subprocess.Popen(
        [
            *(*under, "setpriv", "--pdeathsig", "KILL", *COMMAND, "run"),
            *("--log.format", "logfmt", *addresses, *arguments),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "DOCKER_HOST": f"unix://{folder}/no-engine.sock",
            "XDG_RUNTIME_DIR": str(folder),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Service(process)
    finally:
        process.terminate()
        process.wait(15)
        if process.stderr is not None:
            process.stderr.close()


def status_of(url: str, *arguments: str) -> str:
    """Return the status curl sees; 000 where there is no answer."""
    ran = subprocess.run(
        [
            *("curl", "--silent", "--output", "/dev/null", "--noproxy", "*"),
            *("--write-out", "%{http_code}", *arguments, f"{url}metrics"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout


@with_prometheus
def test_prometheus_with_a_password_over_tls(files: Files) -> None:
    """It scrapes; with a wrong password, or none, it gets 401."""
    files.write(TLS + USERS)
    wrong = {"basic_auth": {"username": "prometheus", "password": "guess"}}

    with running(files.folder, f"--web.config.file={files.web}") as service:
        with scraping(service.url, {**files.job(), **PASSWORD}) as prometheus:
            assert prometheus.until("dockernet_docker_up == 0")
        with scraping(service.url, {**files.job(), **wrong}, "up == 0") as prometheus:
            found = _last_error(prometheus.url)
        statuses = [
            status_of(service.url, "--cacert", str(files.ca.cert), *more)
            for more in ((), ("-u", "prometheus:guess"), ("-u", "prometheus:secret"))
        ]

    assert "401" in found
    assert ["401", "401", "200"] == statuses


@with_prometheus
def test_prometheus_with_a_client_certificate(files: Files) -> None:
    """It scrapes; without one, or with another's, there is no handshake."""
    files.write(TLS + VERIFIED)
    other = authority(files.folder, "other")
    stranger = signed(files.folder, other, "stranger", "DNS:prometheus.example")
    unnamed = signed(files.folder, files.ca, "unnamed", "DNS:other.example")

    with running(files.folder, f"--web.config.file={files.web}") as service:
        with scraping(service.url, files.job(files.client)):
            pass
        with scraping(service.url, files.job(), "up == 0") as prometheus:
            found = _last_error(prometheus.url)
        with scraping(service.url, files.job(stranger), "up == 0") as prometheus:
            strange = _last_error(prometheus.url)
        statuses = [
            status_of(
                *(service.url, "--cacert", str(files.ca.cert)),
                *("--cert", str(one.cert), "--key", str(one.key)),
            )
            for one in (stranger, unnamed, files.client)
        ]

    assert "certificate required" in found
    assert "unknown certificate authority" in strange
    assert ["000", "000", "200"] == statuses


@with_prometheus
def test_a_changed_certificate_is_served_without_a_restart(files: Files) -> None:
    """A Prometheus that trusts the new authority scrapes the same process."""
    files.write(TLS)
    renewed = authority(files.folder, "renewed")
    new = signed(files.folder, renewed, "again")

    with running(files.folder, f"--web.config.file={files.web}") as service:
        with scraping(service.url, files.job()) as prometheus:
            new.key.replace(files.server.key)
            new.cert.replace(files.server.cert)
            prometheus.until("up == 0")
        with scraping(service.url, files.job(ca=renewed)):
            pass
        service.wait_for_log(lambda line: "web_config.reloaded" in line)


def _last_error(prometheus: str) -> str:
    """Return why its target is down."""
    ran = subprocess.run(
        ["curl", "--silent", "--noproxy", "*", f"{prometheus}/api/v1/targets"],
        capture_output=True,
        check=True,
    )
    (target,) = json.loads(ran.stdout)["data"]["activeTargets"]
    return str(target["lastError"])


def test_a_broken_file_while_it_runs(files: Files) -> None:
    """The rules stay; it is logged once, and shows as a configuration that failed."""
    files.write(USERS)

    with running(files.folder, f"--web.config.file={files.web}") as service:
        assert "401" == status_of(service.url)
        files.write("basic_auth_users: {prometheus: secret}\n")
        for _ in range(3):
            assert "401" == status_of(service.url)
        line = service.wait_for_log(lambda text: "web_config.rejected" in text)
        told = [one for one in service.log if "web_config.rejected" in one]
        shown = _metric(service.url, "dockernet_config_last_reload_successful")
        files.write(USERS)
        assert "401" == status_of(service.url)
        service.wait_for_log(lambda text: "web_config.reloaded" in text)
        after = _metric(service.url, "dockernet_config_last_reload_successful")

    assert f"{files.web}:1: basic_auth_users.prometheus: must be a bcrypt hash" in line
    assert "must be text" not in line
    assert [line] == told
    assert ("0", "1") == (shown, after)


def _metric(url: str, name: str) -> str:
    """Return the value of a metric, as it is in a second at most."""
    ran = subprocess.run(
        [
            *("curl", "--silent", "--noproxy", "*"),
            *("-u", "prometheus:secret", f"{url}metrics"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(rf"^{name} (\S+)$", ran.stdout, re.MULTILINE)
    assert found is not None
    return str(float(found[1])).removesuffix(".0")


def test_a_broken_file_at_the_start(files: Files) -> None:
    """Every problem is a line, and the status is that of a wrong configuration."""
    files.write("http_server_config:\n  http2: true\nbasic_auth_users: {a: b}\n")

    ran = subprocess.run(
        [*COMMAND, "run", f"--web.config.file={files.web}"],
        cwd=ROOT,
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 2 == ran.returncode
    assert [f"error: {files.web}:2", f"error: {files.web}:3"] == [
        line.partition(": http_server")[0].partition(": basic_auth")[0]
        for line in ran.stderr.splitlines()
    ]


def test_keys_of_root_with_the_units_rights(files: Files) -> None:
    """The service is no root and reads them all the same: on the unit's capability."""
    files.write(TLS + USERS)
    for path in files.folder.iterdir():
        path.chmod(0o600)
    rundir = files.folder / "run"
    rundir.mkdir()
    os.chown(rundir, DYNAMIC, DYNAMIC)

    with running(
        rundir,
        f"--web.config.file={files.web}",
        under=as_the_unit("/proc/self/ns/net", NOBODY),
    ) as service:
        user = Path(f"/proc/{service.pid}").stat().st_uid
        asked = ("--cacert", str(files.ca.cert), "-u", "prometheus:secret")
        status = status_of(service.url, *asked)

    # Nobody, where nobody may read this Python.
    assert user in (DYNAMIC, NOBODY)
    assert status == "200"


def test_health_is_asked_whatever_is_served(files: Files) -> None:
    """With a client certificate demanded, on a port nobody was told of."""
    files.write(TLS + VERIFIED + USERS)

    with running(files.folder, f"--web.config.file={files.web}"):
        well = _healthcheck()
    alone = _healthcheck("unshare", "--net")

    assert (0, "healthy") == (well.returncode, well.stdout.split("\n")[0])
    assert (1, "error: no dockernet-exporter run answers here\n") == (
        alone.returncode,
        alone.stderr,
    )


def _healthcheck(*before: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*before, *COMMAND, "healthcheck"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_several_addresses(files: Files) -> None:
    """Both families and a Unix socket, which is gone afterwards."""
    path = files.folder / "web.sock"

    with running(
        files.folder, listen=("127.0.0.1:0", "[::1]:0", f"unix:{path}")
    ) as service:
        service.wait_for_log(lambda line: f"url=unix:{path}" in line)
        urls = re.findall(r"service\.started .*?url=(\S+)", "\n".join(service.log))
        statuses = [status_of(url) for url in urls[:2]]
        local = status_of("http://localhost/", "--unix-socket", str(path))
        mode = path.stat().st_mode & 0o777

    assert ["200", "200", "200"] == [*statuses, local]
    assert 0o660 == mode
    assert not path.exists()


@pytest.mark.parametrize("over", ["plain", "TLS"])
def test_idle_connections(files: Files, over: str) -> None:
    """A thousand of them: the metrics are answered in 50 ms, and it ends in time."""
    files.write(TLS if over == "TLS" else "")

    with (
        running(files.folder, f"--web.config.file={files.web}") as service,
        ExitStack() as opened,
    ):
        url = urlsplit(service.url)
        address = (str(url.hostname), url.port or 0)
        for _ in range(1000):
            opened.enter_context(socket.create_connection(address, timeout=5))
        context = ssl.create_default_context(cafile=files.ca.cert)
        took_s = []
        for _ in range(50):
            began_s = time.perf_counter()
            answer = _asked(address, context if over == "TLS" else None)
            took_s.append(time.perf_counter() - began_s)
            assert answer.startswith(b"HTTP/1.1 200 ")
        # Of the odd ones a busy machine makes; most are below 10 ms.
        assert sorted(took_s)[40] < 0.05
        assert service.descriptors < 300
        service.signal(signal.SIGTERM)


@pytest.mark.parametrize("over", ["plain", "TLS"])
def test_a_scrape_behind_a_thousand_connections(files: Files, over: str) -> None:
    """They are all in line before it when we come to look: it still takes 50 ms."""
    files.write(TLS if over == "TLS" else "")
    context = ssl.create_default_context(cafile=files.ca.cert)

    with running(files.folder, f"--web.config.file={files.web}") as service:
        url = urlsplit(service.url)
        address = (str(url.hostname), url.port or 0)
        took_s: list[float] = []
        # A machine that is busy makes some slow; once is enough to show that it can be.
        while len(took_s) < 20 and min(took_s, default=1) >= 0.05:
            service.signal(signal.SIGSTOP)
            with ExitStack() as opened:
                for _ in range(1000):
                    opened.enter_context(socket.create_connection(address, timeout=5))
                scrape = opened.enter_context(socket.create_connection(address, 5))
                began_s = time.perf_counter()
                service.signal(signal.SIGCONT)
                answer = _answer_on(scrape, context if over == "TLS" else None)
                took_s.append(time.perf_counter() - began_s)
            assert answer.startswith(b"HTTP/1.1 200 ")

    assert min(took_s) < 0.05


def _asked(address: tuple[str, int], context: ssl.SSLContext | None) -> bytes:
    """Return the answer to a scrape on a connection of its own."""
    with socket.create_connection(address, timeout=5) as made:
        return _answer_on(made, context)


def _answer_on(made: socket.socket, context: ssl.SSLContext | None) -> bytes:
    """Return the answer to a scrape on a connection."""
    with ExitStack() as opened:
        # As Prometheus does; or the request would wait for an acknowledgement.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            made = opened.enter_context(
                context.wrap_socket(made, server_hostname="localhost")
            )
        made.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        answer = b""
        while piece := made.recv(1 << 16):
            answer += piece
        return answer
