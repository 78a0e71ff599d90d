"""A real Prometheus that scrapes one exporter every second, with our rules.

    with scraping(service.url) as prometheus:
        prometheus.until("dockernet_docker_up == 1")

For expressions; how soon alerts reach a pager with the shipped configuration is another
question (`alerting`). It listens on loopback and probes nothing.
"""

import json
import math
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import SplitResult, urlencode, urlsplit
from urllib.request import urlopen

from ruamel.yaml import YAML

_RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules" / "*.yml"
_LIMIT_S = 30.0
_LOOK_S = 0.1


@dataclass(frozen=True)
class Sample:
    """One series of an answer, and its value now."""

    labels: Mapping[str, str]
    value: float


class Prometheus:
    """What a running one knows."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str) -> Sequence[Sample]:
        """Return what an expression is now, without what is not a number.

        Raises:
            AssertionError: Prometheus does not understand it.
        """
        asked = f"{self.url}/api/v1/query?{urlencode({'query': expression})}"
        try:
            with urlopen(asked, timeout=5) as answer:  # noqa: S310 - loopback
                found = json.load(answer)["data"]["result"]
        except OSError as error:
            raise AssertionError(f"{error}: {expression}") from error
        samples = [Sample(one["metric"], float(one["value"][1])) for one in found]
        return [one for one in samples if not math.isnan(one.value)]

    def until(self, expression: str, within_s: float = _LIMIT_S) -> Sequence[Sample]:
        """Return what an expression is, as soon as it is anything.

        Raises:
            AssertionError: it is nothing, in that time.
        """
        deadline_s = time.monotonic() + within_s
        while not (found := self.query(expression)):
            assert time.monotonic() < deadline_s, f"nothing, of {expression}"
            time.sleep(_LOOK_S)
        return found

    def is_ready(self) -> bool:
        """Return whether it answers."""
        try:
            with urlopen(f"{self.url}/-/ready", timeout=1) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:
            return False


def missing() -> str | None:
    """Return why there is none here, None if there is."""
    there = shutil.which("prometheus")
    return None if there else "no prometheus on this machine: install prometheus"


@contextmanager
def scraping(
    exporter: str,
    job: Mapping[str, object] | None = None,
    expected: str = "up == 1",
) -> Iterator[Prometheus]:
    """Run one until the end; yields once it has scraped the exporter.

    Args:
        exporter: URL of what is scraped.
        job: more of the job's configuration, such as `tls_config`.
        expected: what is waited for.
    """
    with TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as held:
        prometheus = Prometheus(f"http://127.0.0.1:{held.getsockname()[1]}")
        file = _configured(Path(folder), urlsplit(exporter), job or {})
        held.close()
        process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "prometheus"),
                f"--config.file={file}",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={urlsplit(prometheus.url).netloc}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline_s = time.monotonic() + _LIMIT_S
            while not prometheus.is_ready():
                assert process.poll() is None, "Prometheus ended"
                assert time.monotonic() < deadline_s, "Prometheus does not start"
                time.sleep(_LOOK_S)
            prometheus.until(expected)
            yield prometheus
        finally:
            process.kill()
            process.wait()


def _configured(folder: Path, target: SplitResult, job: Mapping[str, object]) -> Path:
    """Write a configuration; return its file."""
    file = folder / "prometheus.yml"
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    whole = {
        "job_name": "dockernet",
        "scheme": target.scheme,
        "static_configs": [{"targets": [target.netloc]}],
        **job,
    }
    content = {"global": every, "rule_files": [str(_RULES)], "scrape_configs": [whole]}
    YAML(typ="safe").dump(content, file)
    return file
