"""What is said of a value that does not fit: our words, not pydantic's.

The texts are part of what operators see in their pipelines, and pydantic's change
with its version.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from pydantic_core import ErrorDetails

from exporter.config.policy import PolicyEntryConfig, SelectorConfig
from exporter.config.settings import POLICY, Setting, sections, settings
from exporter.printable import printable

_SHOWN_LENGTH = 60
_ENTRY_DEPTH = 3
"""Parts of the path of a key of an entry: policy, its index, the key."""
_KINDS = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "mapping_type": "must be a mapping",
}
_PLAIN = {"missing": "is missing", "too_short": "must not be empty"}


def text_of(error: ErrorDetails) -> str:
    """Return what is wrong, as the end of a sentence that begins with the setting."""
    kind = error["type"]
    if kind == "extra_forbidden":
        if error["loc"][0] == POLICY and len(error["loc"]) > 1:
            return _unknown_policy_key(error["loc"])
        return unknown_key([str(part) for part in error["loc"]])
    if kind in _PLAIN:
        return _PLAIN[kind]
    demand = _demand(error)
    if demand.startswith("must not"):
        return demand
    return f"{demand}, not {shown(error['input'])}"


def _demand(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"must be {_bound(error)}"
    if kind in ("enum", "literal_error"):
        return f"must be {context['expected'].replace(chr(39), '')}"
    if kind == "value_error":
        return str(context["error"])
    return _KINDS.get(kind, error["msg"])


def shown(value: object) -> str:
    """Return a value of a file or variable, short and printable."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, int) and value.bit_length() > _SHOWN_LENGTH:
        return "a huge number"
    text = repr(value) if isinstance(value, str) else str(value)
    text = printable(text)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}..."


def unknown_key(path: list[str]) -> str:
    """Return what to say of a key that nothing reads."""
    *parents, key = path
    names = {name for name, _ in sections()} | {POLICY}
    if len(parents) > 1:
        return _unknown([])
    if not parents:
        if any(setting.path == key for setting in settings()):
            section, _, inner = key.partition(".")
            return f"no such setting; write {inner}: under {section}:"
        moved = [setting.path for setting in settings() if setting.key == key]
        return _unknown(moved or get_close_matches(key, names, n=1))
    here = [s for s in settings() if s.section == parents[0]]
    near = get_close_matches(key, [setting.key for setting in here], n=1)
    elsewhere = [s.path for s in settings() if s.key == key]
    return _unknown([f"{parents[0]}.{near[0]}"] if near else elsewhere)


def _unknown_policy_key(location: tuple[int | str, ...]) -> str:
    """Return what to say of a key that no entry, or no end of one, has."""
    known = (PolicyEntryConfig, SelectorConfig)[len(location) > _ENTRY_DEPTH]
    keys = [field.alias or name for name, field in known.model_fields.items()]
    near = get_close_matches(str(location[-1]), keys, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(keys)}"
    return f"no such key; {hint}"


def unknown_variable(name: str, known: Iterable[str], prefix: str) -> str | None:
    """Return what to say of a variable, None if it is probably not meant for us.

    Docker's links and Kubernetes' services put variables of their own into a
    container, such as DOCKERNET_PORT.
    """
    if name == f"{prefix}{POLICY.upper()}":
        return "no such setting; the policy stands in the file only"
    bare = {variable.removeprefix(prefix): variable for variable in known}
    key = name.removeprefix(prefix)
    near = get_close_matches(key, bare, n=1, cutoff=0.8)
    if near:
        return _unknown([bare[near[0]]])
    ours = tuple(f"{section.upper()}_" for section, _ in sections())
    return _unknown([]) if key.startswith(ours) else None


def _unknown(suggestions: list[str]) -> str:
    hint = f"; did you mean {' or '.join(suggestions)}?" if suggestions else ""
    return f"no such setting{hint}"


def _bound(error: ErrorDetails) -> str:
    setting = _setting_at(error["loc"])
    bound = error["ctx"]["ge" if error["type"] == "greater_than_equal" else "le"]
    words = "at least" if error["type"] == "greater_than_equal" else "at most"
    return f"{words} {setting.number_text(bound) if setting else bound}"


def _setting_at(location: tuple[int | str, ...]) -> Setting | None:
    path = ".".join(str(part) for part in location[:2])
    return next((setting for setting in settings() if setting.path == path), None)
