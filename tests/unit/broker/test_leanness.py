"""The engine is spoken to without what requests has for others."""

import re
from pathlib import Path

import pytest

from exporter.errors import EngineError, EngineUnavailable
from exporter.powers import Terms
from tests.fakes.engine_socket import EngineSocket
from tests.lab.broker import lent


@pytest.mark.parametrize("text", ["zu groß".encode(), b"\xff\xfe zu gro\xdf"], ids=str)
def test_what_a_proxy_says_is_told(tmp_path: Path, text: bytes) -> None:
    """Whatever its encoding: a socket proxy refuses in plain text."""
    with EngineSocket(tmp_path) as engine:
        engine.script[f"{engine.prefix}/info"] = lambda to: to.body(text, status=403)
        with (
            lent(Terms(environment=engine.environment)) as (powers, _),
            pytest.raises(EngineError, match="zu gro"),
        ):
            powers.engine.info()


@pytest.mark.parametrize(
    ("address", "expected"),
    [("unix:///no/engine.sock", set()), ("tcp://127.0.0.1:1", {"_ssl"})],
)
def test_what_is_mapped(address: str, expected: set[str]) -> None:
    """What guesses encodings never is, TLS where there may be any."""
    with lent(Terms(environment={"DOCKER_HOST": address})) as (powers, process):
        with pytest.raises(EngineUnavailable):
            powers.engine.info()
        mapped = Path(f"/proc/{process.pid}/maps").read_text()

    found = set(re.findall(r"/(\w+)[\w.-]*\.so", mapped))
    assert "_socket" in found
    assert expected == found & {"_ssl", "md", "cd", "_codecs_jp"}
