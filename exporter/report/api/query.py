"""What may be asked: parameters, their bounds, and pages of a list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from exporter.errors import QueryError
from exporter.model.snapshot import Snapshot
from exporter.report.document import SCHEMA, timestamp
from exporter.report.pairs import Json

T = TypeVar("T")
MOST: Final = 1000
"""Items in one answer, at most."""
PAGE: Final = 100
"""Items in one answer, unless asked for otherwise."""
TEXT_MOST: Final = 256
"""Characters in a value, at most."""
_DIGITS_MOST: Final = 9
Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One that a path knows."""

    name: str
    text: str
    """What it does, for the documentation."""
    values: tuple[str, ...] = ()
    """What each of its values, set apart by commas, may be; empty: any text."""
    most: int | None = None
    """It is a whole number, from 0 to this."""
    default: int = 0
    """What a number is if it is not given."""
    required: bool = False


def number(
    name: str, text: str, most: int, default: int, *, required: bool = False
) -> Parameter:
    """Return a parameter that is a whole number."""
    return Parameter(
        name=name, text=text, most=most, default=default, required=required
    )


LIMIT: Final = number("limit", "Items in the answer, at most.", MOST, PAGE)
OFFSET: Final = number("offset", "Items left out before them.", 10**9 - 1, 0)
PAGED: Final = (LIMIT, OFFSET)


def check(parameters: Parameters, known: Sequence[Parameter]) -> None:
    """Say what is wrong with a query.

    Raises:
        QueryError: a parameter is not known, missing, or its value is not allowed.
    """
    by_name = {one.name: one for one in known}
    for name, value in parameters.items():
        if name not in by_name:
            names = ", ".join(sorted(by_name)) or "none"
            raise QueryError(f"no parameter {name[:64]!r} here; there are: {names}")
        _check_value(by_name[name], value)
    for one in known:
        if one.required and one.name not in parameters:
            raise QueryError(f"parameter {one.name} is missing")


def _check_value(parameter: Parameter, value: str) -> None:
    if len(value) > TEXT_MOST:
        raise QueryError(f"{parameter.name} has more than {TEXT_MOST} characters")
    if parameter.most is not None:
        value_of(parameter, {parameter.name: value})
    elif parameter.values:
        given = value.split(",")
        wrong = [one for one in given if one not in parameter.values]
        if wrong:
            known = ", ".join(sorted(parameter.values))
            raise QueryError(f"{parameter.name} is one of {known}, not {wrong[0]!r}")
        if len(set(given)) < len(given):
            raise QueryError(f"{parameter.name} has a value more than once")


def value_of(parameter: Parameter, parameters: Parameters) -> int:
    """Return a whole number, its default where it is not given.

    Raises:
        QueryError: it is none, or too large.
    """
    name, most = parameter.name, parameter.most or 0
    text = parameters.get(name)
    if text is None:
        return parameter.default
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MOST):
        raise QueryError(f"{name} is a whole number from 0 to {most}, not {text!r}")
    if int(text) > most:
        raise QueryError(f"{name} is at most {most}")
    return int(text)


def page(
    snapshot: Snapshot,
    parameters: Parameters,
    items: Sequence[T],
    key: str,
    show: Callable[[T], Json],
) -> Json:
    """Return the items asked for, and how many there are."""
    offset, limit = value_of(OFFSET, parameters), value_of(LIMIT, parameters)
    found = items[offset : offset + limit]
    return {
        **paged(snapshot, len(items), offset=offset, limit=limit),
        key: [show(item) for item in found],
    }


def paged(snapshot: Snapshot, total: int, *, offset: int, limit: int) -> Json:
    """Return what stands before the items of a list."""
    return {
        "schema": SCHEMA,
        "taken": timestamp(snapshot.taken),
        "total": total,
        "offset": offset,
        "limit": limit,
    }
