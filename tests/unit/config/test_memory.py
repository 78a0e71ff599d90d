"""What the settings cost a service that needs no file."""

from tests.fakes.program import said_by

PROGRAM = """
import sys
from exporter.config import load
load(None, {}, {})
print(any(name.startswith("ruamel") for name in sys.modules))
"""


def test_the_parser_is_loaded_with_the_first_file() -> None:
    """It takes 2 MB of a service that is to take little."""
    assert "False\n" == said_by(PROGRAM)
