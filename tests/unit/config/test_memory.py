"""What the settings cost a service that needs no file."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from exporter.config import load
load(None, {}, {})
print(any(name.startswith("ruamel") for name in sys.modules))
"""


def test_the_parser_is_loaded_with_the_first_file() -> None:
    """It takes 2 MB of a service that is to take little."""
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )

    assert "False\n" == said.stdout
