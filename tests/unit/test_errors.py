"""Every error of ours crosses to another process as it is."""

import inspect
import pickle
from collections.abc import Iterator

import pytest

from exporter import errors
from exporter.errors import ExporterError

_VALUES = {"int": 13, "str": "word", "tuple[str, ...]": ("one", "two")}


def kinds() -> Iterator[type[ExporterError]]:
    """Yield every class of error."""
    for _, found in inspect.getmembers(errors, inspect.isclass):
        if issubclass(found, ExporterError):
            yield found


def made(kind: type[ExporterError]) -> ExporterError:
    """Return an error of a kind, with something in each field."""
    if kind.__init__ is Exception.__init__:
        return kind("text")
    parameters = [*inspect.signature(kind).parameters.values()]
    if [one.kind for one in parameters] == [one.VAR_POSITIONAL for one in parameters]:
        return kind(*(["text"] if parameters else []))
    values = []
    for one in parameters:
        name = one.annotation
        name = name if isinstance(name, str) else getattr(name, "__name__", str(name))
        values.append(_VALUES.get(str(one.annotation), _VALUES.get(name)))
    return kind(*values)


@pytest.mark.parametrize("kind", [*kinds()], ids=lambda kind: kind.__name__)
def test_errors_cross_as_they_are(kind: type[ExporterError]) -> None:
    """Class, text and fields."""
    error = made(kind)
    error.__cause__ = OSError(1, "because")
    found = pickle.loads(pickle.dumps(error))  # noqa: S301 - ours

    assert type(found) is kind
    assert str(found) == str(error)
    assert vars(found) == vars(error)
    assert found.args == error.args


def test_there_are_some() -> None:
    """So that the test above means something."""
    assert len(set(kinds())) > 15
