"""Text of the engine's that is no JSON, read without what would guess its encoding."""

from pathlib import Path

import pytest

from exporter.errors import EngineError
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
