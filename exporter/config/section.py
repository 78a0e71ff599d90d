"""What every section of the schema is made of."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the documentation says of a setting beside its description."""

    form: str
    """How it is written."""
    unit: str = ""
    option: str | None = None
    """The command-line option that sets it too."""
    default: str | None = None
    """The default in words, where it depends on the surroundings."""
    example: str | None = None
    """YAML, for settings without a default worth showing."""


class Section(BaseModel):
    """A mapping of the file: nothing unknown in it, and nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
