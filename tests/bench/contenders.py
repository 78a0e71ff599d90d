"""What a benchmark sets side by side, and how costs are compared.

Costs are CPU time, user and system, of every process that works for a probe; the kernel
charges the softirq work of a packet to whoever sends it. On a shared machine only
ratios mean something, and only between runs of the same minute: contenders take turns.
"""

import os
import resource
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.lab.errors import LabError

_TICKS = os.sysconf("SC_CLK_TCK")
_UTIME, _CSTIME = 11, 14
"""Index of fields 14 to 17 of proc(5) stat, counted after the command's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one turn took."""

    probes: int
    cpu_s: float
    false: int
    """Pairs of which it said the wrong thing."""

    @property
    def us(self) -> float:
        """Microseconds of CPU a probe."""
        return self.cpu_s / self.probes * 1e6


class Contender(Protocol):
    """One way to probe."""

    @property
    def name(self) -> str:
        """What the table calls it."""
        ...

    def turn(self) -> Cost:
        """Probe once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All turns of one contender, and of the one it is compared with."""

    name: str
    turns: tuple[Cost, ...]
    limits: tuple[Cost, ...]

    @property
    def us(self) -> float:
        """Median cost of a probe, microseconds of CPU."""
        return statistics.median(cost.us for cost in self.turns)

    @property
    def cpu_s(self) -> float:
        """Median cost of a turn, seconds of CPU."""
        return statistics.median(cost.cpu_s for cost in self.turns)

    @property
    def times_limit(self) -> float:
        """Median of the cost, as a multiple of the limit's in the same round."""
        return statistics.median(
            cost.us / limit.us
            for cost, limit in zip(self.turns, self.limits, strict=True)
        )

    @property
    def per_cpu_s(self) -> float:
        """Probes a second of CPU."""
        return 1e6 / self.us

    @property
    def false(self) -> int:
        """Wrong results in all turns."""
        return sum(cost.false for cost in self.turns)

    @property
    def probes(self) -> int:
        """Probes in all turns."""
        return sum(cost.probes for cost in self.turns)


def compete(
    contenders: Sequence[Contender],
    repeat: int,
    say: Callable[[str], None] = print,
) -> list[Standing]:
    """Let each take a turn, again and again; the first one is the limit.

    Every other round goes backwards: what one leaves warm, or in conntrack, then helps
    and hinders all alike.

    Raises:
        LabError: one of them could not probe.
    """
    turns: dict[str, list[Cost]] = {one.name: [] for one in contenders}
    for number in range(repeat):
        for one in contenders if number % 2 else reversed(contenders):
            cost = one.turn()
            turns[one.name].append(cost)
            say(f"  {one.name}: {cost.us:.2f} us a probe, {cost.false} false")
    limits = tuple(turns[contenders[0].name])
    return [
        Standing(name=name, turns=tuple(costs), limits=limits)
        for name, costs in turns.items()
    ]


def own_cpu_s() -> float:
    """Return the CPU time of this process, all threads, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def children_cpu_s() -> float:
    """Return the CPU time of all children that were waited for, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_s_of(pid: int) -> float:
    """Return the CPU time of a process and of its dead children, in seconds.

    Raises:
        LabError: there is no such process.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError as error:
        raise LabError(f"process {pid} is gone") from error
    fields = stat.rpartition(")")[2].split()
    return sum(map(int, fields[_UTIME : _CSTIME + 1])) / _TICKS
