"""docs/web.md names every key of the format, and its examples can be used."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from exporter.config.tls import CLIENT_AUTH, CURVES, UNVERIFIED_AUTH, VERSIONS
from exporter.config.webchecks import HEADERS, KEYS, SECTIONS
from exporter.config.webfile import read_access
from exporter.web.protocol import Limits
from tests.fakes.certificates import authority, signed

PAGE = (Path(__file__).parents[2] / "docs" / "web.md").read_text()
EXAMPLES = re.findall(r"(?ms)^```yml\n(.*?)^```$", PAGE)
KNOWN = {*SECTIONS, *(key for keys in KEYS.values() for key in keys), *HEADERS}
CLIENT_AUTHS = {*CLIENT_AUTH, *UNVERIFIED_AUTH} - {"RequireClientCert"}


@pytest.mark.parametrize("key", sorted({*KNOWN, *CLIENT_AUTHS, *CURVES, *VERSIONS}))
def test_every_key_is_named(key: str) -> None:
    """Kept or refused, it stands there."""
    assert f"`{key}" in PAGE


def test_the_example_can_be_used(tmp_path: Path) -> None:
    """With files of its names."""
    ours = authority(tmp_path, "prometheus-ca")
    signed(tmp_path, ours, "server")
    path = tmp_path / "web.yml"
    path.write_text(EXAMPLES[0])

    assert () == read_access(path).problems


@pytest.mark.parametrize("example", EXAMPLES[1:], ids=["password", "certificate"])
def test_jobs_are_jobs(example: str) -> None:
    """What Prometheus reads."""
    (job,) = YAML(typ="safe").load(example)["scrape_configs"]

    assert "https" == job["scheme"]


def test_bounds_are_those_of_the_code() -> None:
    """Each number of the table."""
    limits, table = Limits(), PAGE.split("## What a client can use up")[1]
    for text in (
        f"{limits.connections_max} in all, {limits.client_connections_max} of one",
        f"TLS handshake | {limits.greeting_s:.0f} s",
        f"body | {limits.request_s:.0f} s",
        f"answer | {limits.keep_alive_s} s",
        f"in {limits.stall_s:.0f} s",
        f"{limits.header_bytes_max >> 10} KiB, {limits.headers_max} headers",
        f"{limits.body_bytes_max >> 10} KiB declared",
    ):
        assert text in table
    assert {"grace_s"} == {one.name for one in fields(limits)} - {
        "connections_max",
        "client_connections_max",
        "greeting_s",
        "request_s",
        "keep_alive_s",
        "stall_s",
        "header_bytes_max",
        "headers_max",
        "body_bytes_max",
    }
