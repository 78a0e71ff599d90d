"""The schema as a flat list: what `load` and the documentation walk over."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from exporter.config.schema import Config
from exporter.config.section import About
from exporter.config.units import duration_text

ENVIRONMENT_PREFIX = "DOCKERNET_"
POLICY = "policy"
"""The key of the file that is a list, not a section of settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting, as people meet it."""

    section: str
    key: str
    kind: type
    """float (a duration), int, bool, tuple, or str for everything else."""
    about: About
    default: object
    description: str
    least: float | None
    most: float | None

    @property
    def path(self) -> str:
        """Return the dotted name."""
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        """Return the environment variable."""
        return f"{ENVIRONMENT_PREFIX}{self.section}_{self.key}".upper()

    def number_text(self, number: float) -> str:
        """Return a bound or a default as it would be written."""
        return duration_text(number) if self.kind is float else f"{number:.0f}"


def settings() -> Iterator[Setting]:
    """Yield every setting in the order of the schema."""
    for section, model in sections():
        for key, field in model.model_fields.items():
            yield _setting(section, key, field)


def sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield every section's name and model."""
    for section, field in Config.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield section, model


def _setting(section: str, key: str, field: FieldInfo) -> Setting:
    about = next(item for item in field.metadata if isinstance(item, About))
    least = next((item.ge for item in field.metadata if isinstance(item, Ge)), None)
    most = next((item.le for item in field.metadata if isinstance(item, Le)), None)
    return Setting(
        section=section,
        key=key,
        kind=_kind(field.annotation),
        about=about,
        default=field.default,
        description=field.description or "",
        least=_number(least),
        most=_number(most),
    )


def _kind(annotation: object) -> type:
    if get_origin(annotation) is tuple:
        return tuple
    return next((kind for kind in (float, int, bool) if annotation is kind), str)


def _number(bound: object) -> float | None:
    return float(bound) if isinstance(bound, (int, float)) else None
