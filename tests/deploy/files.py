"""The files of deploy/ as tests read them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"


def loaded(file: Path) -> Mapping[str, Any]:
    """Return what a YAML file says, a mapping at its top."""
    found: Mapping[str, Any] = YAML(typ="safe").load(file)
    return found
