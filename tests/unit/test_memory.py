"""What keeps the memory small does not stand in the way of anything else."""

import importlib
import sys
import warnings

import pytest

from exporter.memory import without
from tests.fakes.program import said_by

_HEAPS = """
import threading
from exporter.memory import share_heap

def heaps():
    # Each but the first begins where 64 MiB do, on every kernel (malloc/arena.c).
    starts = [int(line.split("-")[0], 16) for line in open("/proc/self/maps")]
    return sum(start % (1 << 26) == 0 for start in starts)

def work():
    kept.append([bytes(4000) for _ in range(9)])
    here.wait()

before, kept, here = heaps(), [], threading.Barrier(5)
{}
threads = [threading.Thread(target=work) for _ in range(4)]
for one in threads:
    one.start()
here.wait()
print(heaps() - before)
"""


@pytest.mark.parametrize(("setting", "expected"), [("share_heap()", 0), ("pass", 4)])
def test_threads_share_a_heap(setting: str, expected: int) -> None:
    """Without being told so, each has one of its own."""
    assert expected == int(said_by(_HEAPS.format(setting)))


def test_what_shall_be_missing_is_missing_meanwhile() -> None:
    """And is there again afterwards, even if an import fails."""
    name = "this"  # it prints, so nobody has imported it
    assert name not in sys.modules

    with pytest.raises(ModuleNotFoundError), without(name):
        importlib.import_module(name)

    assert name not in sys.modules
    assert importlib.import_module(name).__name__ == name


def test_what_is_there_already_stays() -> None:
    """Nobody loses a module that is in use."""
    with without("json"):
        assert importlib.import_module("json") is sys.modules["json"]

    assert "json" in sys.modules


def test_nothing_is_warned_of_meanwhile() -> None:
    """That something is missing is meant so."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with without("this"):
            warnings.warn("it is missing", stacklevel=1)
        warnings.warn("something else", stacklevel=1)

    assert ["something else"] == [str(one.message) for one in told]
