"""DOCKERNET_SECTION_KEY: the settings of the environment."""

import re
from collections.abc import Iterator, Mapping

from exporter.config.settings import ENVIRONMENT_PREFIX, Setting, settings
from exporter.config.wording import unknown_variable

_WHOLE_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
_FLAGS = {"true": True, "false": False}


def environment_values(environment: Mapping[str, str]) -> dict[str, object]:
    """Return the values that are set, by dotted path; empty ones are not set."""
    return {
        setting.path: _value(setting, text)
        for setting in settings()
        if (text := environment.get(setting.variable, "").strip())
    }


def unknown_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield name and text of each variable that looks like a setting and is none."""
    known = {setting.variable for setting in settings()}
    for name in sorted(environment):
        if name.startswith(ENVIRONMENT_PREFIX) and name not in known:
            text = unknown_variable(name, known, ENVIRONMENT_PREFIX)
            if text is not None:
                yield name, text


def _value(setting: Setting, text: str) -> object:
    """Return what the text means; what it cannot mean stays text, and is refused."""
    if setting.kind is int:
        return int(text) if _WHOLE_NUMBER.fullmatch(text) else text
    if setting.kind is bool:
        return _FLAGS.get(text.lower(), text)
    if setting.kind is not tuple:
        return text
    items = [item.strip() for item in text.split(",") if item.strip()]
    if setting.path != "engine.path_map":
        return items
    pairs = [item.partition("=") for item in items]
    return [{"from": source, "to": target} for source, _, target in pairs]
