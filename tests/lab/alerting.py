"""The shipped compose file on a lab engine, and what its pager is told.

    with alerting(engine) as watch:
        arrived = watch.wait_for("DockernetDockerDown", "firing", within_s=90)

Nothing of the files in `deploy/` is changed but the images: the exporter's is built
from the Dockerfile, Prometheus and Alertmanager are this machine's packages (see
`imaging`). The pager is a program of ours where the shipped configuration has it.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from tests.lab import composing, imaging
from tests.lab.composing import composed
from tests.lab.engine import Engine

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES = ("socket-proxy", "dockernet-exporter", "prometheus", "alertmanager")
"""Of deploy/compose.yaml; Grafana's image cannot be made here."""
PROMETHEUS = "http://127.0.0.1:9090"
ALERTMANAGER = "http://127.0.0.1:9093"
_START_S = 60.0
_LOOK_S = 0.2
_ASK = (
    "import sys, urllib.request as r; "
    "sys.stdout.write(r.urlopen(sys.argv[1], timeout=5).read().decode())"
)
_PAGER = """
import http.server, sys
class Pager(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sys.stdout.buffer.write(body.strip().replace(b"\\n", b" ") + b"\\n")
        sys.stdout.buffer.flush()
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", 9095), Pager).serve_forever()
"""


class Arrived:
    """One state of one alert, as the pager was told it."""

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
    """What arrives at the pager, and what Prometheus knows."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        """What all of it runs on."""
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

    def ask(self, url: str) -> str:
        """Return what is answered in the host's namespace; empty while nothing is."""
        command = [sys.executable, "-I", "-c", _ASK, url]
        return self.engine.run_in_host(command, check=False).stdout

    def query(self, expression: str) -> Sequence[Mapping[str, Any]]:
        """Return the result of an instant query; empty while nobody answers."""
        answer = self.ask(f"{PROMETHEUS}/api/v1/query?query={quote(expression)}")
        result: list[Mapping[str, Any]] = []
        return json.loads(answer)["data"]["result"] if answer else result

    def until(self, holds: Callable[[], object], within_s: float = _START_S) -> None:
        """Ask again until something is true.

        Raises:
            AssertionError: it is not, in time.
        """
        deadline_s = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < deadline_s, f"not within {within_s} s: {holds}"
            time.sleep(_LOOK_S)

    def firing(self, past: str) -> set[str]:
        """Return the alerts that fired at any time in the past, such as `1m`."""
        series = f'last_over_time(ALERTS{{alertstate="firing"}}[{past}])'
        return {one["metric"]["alertname"] for one in self.query(series)}


def missing() -> str | None:
    """Return why this cannot be had here, None if it can."""
    return imaging.missing() or composing.missing()


def build(engine: Engine) -> None:
    """Put every image that the compose file needs into an engine, but Grafana's."""
    imaging.build_exporter(engine)
    imaging.import_program(engine, imaging.PROMETHEUS)
    imaging.import_program(engine, imaging.ALERTMANAGER)


@contextmanager
def shipped(engine: Engine) -> Iterator[None]:
    """Bring deploy/compose.yaml up as it is, but for the images; they are built."""
    with TemporaryDirectory() as folder:
        stand_in = Path(folder, "stand-in.yaml")
        composing.write_stand_in(stand_in)
        variables = {
            **composing.engine_paths(engine),
            "PROMETHEUS_IMAGE": imaging.PROMETHEUS,
            "ALERTMANAGER_IMAGE": imaging.ALERTMANAGER,
        }
        files = (DEPLOY / "compose.yaml", stand_in)
        with composed(engine, "watch", *files, services=SERVICES, **variables):
            yield


@contextmanager
def alerting(engine: Engine) -> Iterator[Watch]:
    """Bring it all up; Prometheus has scraped a cycle, and knows its Alertmanager."""
    watch = Watch(engine)
    with _paged(engine, watch.take), shipped(engine):
        watch.until(lambda: watch.query("dockernet_last_cycle_timestamp_seconds"))
        watch.until(lambda: "OK" in watch.ask(f"{ALERTMANAGER}/-/ready"))
        yield watch


@contextmanager
def _paged(engine: Engine, take: Callable[[Mapping[str, Any]], None]) -> Iterator[None]:
    """Run the pager in the host's namespace."""
    process = engine.host.start(
        [sys.executable, "-I", "-c", _PAGER], stdout=subprocess.PIPE
    )
    messages = process.stdout
    assert messages is not None

    def read() -> None:
        for line in messages:
            take(json.loads(line))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield
    finally:
        process.kill()
        process.wait()
        reader.join()
        messages.close()
