"""Keeps the memory of what runs for long small."""

import ctypes
import gc
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_ARENA_MAX: Final = -8  # M_ARENA_MAX, malloc.h


def share_heap() -> None:
    """Let threads that are yet to come share one heap: they wait for each other anyway.

    glibc would give each a heap of its own, most of it free most of the time
    (mallopt(3)); other C libraries have no such setting.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_ARENA_MAX, 1)


def settle() -> None:
    """Take what stands now for lasting: no collection need go through it again."""
    gc.collect()
    gc.freeze()


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Let imports of modules fail meanwhile, unless they were imported before.

    For what others import only if it is there; a warning that it is not is not shown.
    """
    modules: dict[str, Any] = sys.modules
    absent = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(absent))  # None: not to be found (`sys.modules`)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name in absent:
            del modules[name]
