"""The journal of a machine's service, whose entries can be waited for.

    journal.wait_for("cycle.finished", start=service.start)

Each start of a service has an id, which every line of it carries: a line of the start
before, written late, is never taken for one of this start.
"""

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.lab.machine import Machine

_LIMIT_S = 45.0
_FIELDS = "MESSAGE,_SYSTEMD_INVOCATION_ID,_COMM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the journal."""

    at_s: float
    """When it arrived, by the clock of `time.monotonic`."""
    start: str
    """Of which start of the service; empty for what systemd says of it."""
    message: str


class Journal:
    """Every entry of a service since the machine was booted, as they come."""

    def __init__(self, following: subprocess.Popen[str]) -> None:
        self._following = following
        self._entries: list[Entry] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def of_start(self, start: str) -> tuple[Entry, ...]:
        """Return the entries of one start so far, the service's own."""
        with self._news:
            return tuple(one for one in self._entries if one.start == start)

    def wait_for(
        self,
        pattern: str,
        *,
        start: str | None = None,
        not_start: str | None = None,
        since_s: float = 0.0,
        within_s: float = _LIMIT_S,
    ) -> Entry:
        """Return the first entry that a pattern is found in, now or once it is there.

        Args:
            pattern: a regular expression.
            start: only of this start of the service.
            not_start: only of other starts than this one.
            since_s: only what arrived after this, by the clock of `time.monotonic`.
            within_s: how long it is waited for, seconds.

        Raises:
            AssertionError: it did not come; with what did.
        """
        deadline = time.monotonic() + within_s

        def fits(one: Entry) -> bool:
            return (
                one.at_s >= since_s
                and start in (None, one.start)
                and (not_start is None or one.start not in ("", not_start))
                and re.search(pattern, one.message) is not None
            )

        seen = 0
        with self._news:
            while True:
                for one in self._entries[seen:]:
                    if fits(one):
                        return one
                seen = len(self._entries)
                left_s = deadline - time.monotonic()
                if left_s <= 0 or not self._news.wait(left_s):
                    break
            tail = "\n".join(one.message for one in self._entries[-25:])
        raise AssertionError(f"no {pattern!r} within {within_s} s:\n{tail}")

    def close(self) -> None:
        """Stop following."""
        self._following.kill()
        self._following.wait()
        self._reader.join()
        if self._following.stdout is not None:
            self._following.stdout.close()

    def _read(self) -> None:
        assert self._following.stdout is not None
        for line in self._following.stdout:
            entry = _entry(json.loads(line))
            with self._news:
                self._entries.append(entry)
                self._news.notify_all()


@contextmanager
def following(machine: Machine, unit: str) -> Iterator[Journal]:
    """Follow the journal of a unit from the boot on."""
    journal = Journal(
        machine.follow(
            [
                *("journalctl", f"--unit={unit}", "--follow", "--no-tail", "--boot"),
                *("--output=json", f"--output-fields={_FIELDS}"),
            ]
        )
    )
    try:
        yield journal
    finally:
        journal.close()


def _entry(fields: dict[str, str]) -> Entry:
    by_systemd = fields.get("_COMM") == "systemd"
    return Entry(
        at_s=int(fields["__MONOTONIC_TIMESTAMP"]) / 1e6,
        start="" if by_systemd else fields.get("_SYSTEMD_INVOCATION_ID", ""),
        message=str(fields.get("MESSAGE")),
    )
