"""A real Prometheus and a real Alertmanager with the files that we ship.

    with alerting(service.url) as watch:
        arrived = watch.wait_for("DockernetDockerDown", "firing", within_s=90)

Only addresses are changed in the files: whom Prometheus scrapes and tells, and where
Alertmanager sends. All of it listens on loopback; nothing of it probes.
"""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

from ruamel.yaml import YAML

DEPLOY = Path(__file__).parents[2] / "deploy"
_START_S = 20.0
_PROGRAMS = ("prometheus", "prometheus-alertmanager")


class Arrived:
    """One state of one alert, as the webhook was told it."""

    def __init__(self, at_s: float, alert: Mapping[str, Any]) -> None:
        self.at_s = at_s
        """When, monotonic seconds."""
        self.status: str = alert["status"]
        """firing or resolved."""
        self.labels: Mapping[str, str] = alert["labels"]
        self.notes: Mapping[str, str] = alert["annotations"]

    @property
    def name(self) -> str:
        """Return the alert's name."""
        return self.labels["alertname"]


class Watch:
    """What arrives at the webhook, and what Prometheus knows."""

    def __init__(self) -> None:
        self.prometheus = ""
        """Its URL."""
        self._arrived: list[Arrived] = []
        self._news = threading.Condition()

    def take(self, message: Mapping[str, Any]) -> None:
        """Note what Alertmanager sends."""
        at_s = time.monotonic()
        with self._news:
            self._arrived += [Arrived(at_s, alert) for alert in message["alerts"]]
            self._news.notify_all()

    def since(self, at_s: float = 0.0) -> list[Arrived]:
        """Return what has arrived after a moment, repeated messages too."""
        with self._news:
            return [one for one in self._arrived if one.at_s >= at_s]

    def wait_for(
        self, name: str, status: str, *, since_s: float, within_s: float
    ) -> list[Arrived]:
        """Return what arrived of an alert since a moment, once there is anything.

        Raises:
            AssertionError: nothing did, in time.
        """
        found: list[Arrived] = []

        def is_there() -> bool:
            found[:] = [
                one
                for one in self._arrived
                if one.at_s >= since_s and (one.name, one.status) == (name, status)
            ]
            return bool(found)

        with self._news:
            left_s = since_s + within_s - time.monotonic()
            if not self._news.wait_for(is_there, left_s):
                told = [(one.name, one.status) for one in self._arrived]
                message = f"{name} not {status} within {within_s} s, but {told}"
                raise AssertionError(message)
        return found

    def query(self, expression: str) -> list[Mapping[str, Any]]:
        """Return the result of an instant query."""
        asked = urlencode({"query": expression})
        url = f"{self.prometheus}/api/v1/query?{asked}"
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
            result: list[Mapping[str, Any]] = json.load(answer)["data"]["result"]
            return result

    def firing(self, past: str) -> set[str]:
        """Return the alerts that fired at any time in the past, such as `1m`."""
        series = f'last_over_time(ALERTS{{alertstate="firing"}}[{past}])'
        return {one["metric"]["alertname"] for one in self.query(series)}


def missing() -> str | None:
    """Return why this cannot be had here, None if it can."""
    absent = [name for name in _PROGRAMS if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


@contextmanager
def alerting(exporter: str) -> Iterator[Watch]:
    """Run both, for an exporter at some URL; Prometheus has scraped it once."""
    watch = Watch()
    with TemporaryDirectory() as folder, ExitStack() as last:
        webhook = last.enter_context(_webhook(watch.take))
        pager = f"127.0.0.1:{_free_port()}"
        watch.prometheus = f"http://127.0.0.1:{_free_port()}"
        _run_alertmanager(last, Path(folder, "am"), pager, webhook)
        target = urlsplit(exporter).netloc
        _run_prometheus(last, Path(folder, "prom"), watch.prometheus, target, pager)
        _until(lambda: watch.query("dockernet_docker_up") != [])
        yield watch


def _run_prometheus(
    last: ExitStack, folder: Path, url: str, target: str, pager: str
) -> None:
    found = YAML(typ="safe").load(DEPLOY / "prometheus" / "prometheus.yml")
    found["rule_files"] = [str(DEPLOY / "prometheus" / "rules" / "*.yml")]
    managers = found["alerting"]["alertmanagers"][0]["static_configs"][0]
    managers["targets"] = [pager]
    found["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    file = _written(folder, found)
    _run(
        last,
        "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={urlsplit(url).netloc}",
    )
    _until(lambda: _answers(f"{url}/-/ready"))


def _run_alertmanager(
    last: ExitStack, folder: Path, address: str, webhook: str
) -> None:
    found = YAML(typ="safe").load(DEPLOY / "alertmanager" / "alertmanager.yml")
    found["receivers"][0]["webhook_configs"][0]["url"] = webhook
    file = _written(folder, found)
    _run(
        last,
        "prometheus-alertmanager",
        f"--config.file={file}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    )
    _until(lambda: _answers(f"http://{address}/-/ready"))


def _written(folder: Path, content: object) -> Path:
    folder.mkdir()
    file = folder / "config.yml"
    YAML(typ="safe").dump(content, file)
    return file


def _run(last: ExitStack, program: str, *arguments: str) -> None:
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    last.callback(process.wait)
    last.callback(process.kill)


@contextmanager
def _webhook(take: Callable[[Mapping[str, Any]], None]) -> Iterator[str]:
    """Receive messages of Alertmanager; yields the URL to send them to."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=1) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def _until(holds: Callable[[], bool]) -> None:
    limit_s = time.monotonic() + _START_S
    while not holds():
        assert time.monotonic() < limit_s, "Prometheus or Alertmanager does not start"
        time.sleep(0.05)
