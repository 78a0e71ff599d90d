"""What this process may do, what it lacks, and what still works without it.

Reads `/proc/self/status` (proc_pid_status(5), capabilities(7)); changes nothing. The
answer is data: the caller turns it into one line that a user reads.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_INITIAL_PID_NAMESPACE = "pid:[4026531836]"
"""The inode that the kernel gives to it at boot (include/linux/proc_ns.h)."""


class Need(StrEnum):
    """What a user can grant; each value is the word that the user reads."""

    LINUX = "Linux"
    DAC_READ_SEARCH = "CAP_DAC_READ_SEARCH"
    NET_ADMIN = "CAP_NET_ADMIN"
    NET_RAW = "CAP_NET_RAW"
    SYS_PTRACE = "CAP_SYS_PTRACE"
    SYS_ADMIN = "CAP_SYS_ADMIN"
    HOST_PIDS = "host pid namespace"


class Ability(StrEnum):
    """A part of the program, as a user would call it."""

    TOPOLOGY = "topology and subnets"
    NAMES = "name lookups"
    PROBES = "probes"
    BY_SANDBOX_KEY = "entering namespaces by SandboxKey"
    BY_PROCESS = "entering namespaces by /proc/PID/ns/net"
    PROCESS_END = "closing sockets the moment a container's process ends"
    BUFFERS = "receive buffers beyond the system's limit"


NEEDS: dict[Ability, frozenset[Need]] = {
    Ability.TOPOLOGY: frozenset(),
    Ability.NAMES: frozenset({Need.LINUX, Need.SYS_ADMIN}),
    Ability.PROBES: frozenset({Need.LINUX, Need.SYS_ADMIN, Need.NET_RAW}),
    Ability.BY_SANDBOX_KEY: frozenset({Need.LINUX, Need.SYS_ADMIN}),
    Ability.BY_PROCESS: frozenset(
        {Need.LINUX, Need.SYS_ADMIN, Need.SYS_PTRACE, Need.HOST_PIDS}
    ),
    Ability.PROCESS_END: frozenset({Need.LINUX, Need.HOST_PIDS}),
    Ability.BUFFERS: frozenset({Need.LINUX, Need.NET_ADMIN}),
}
"""What each part needs as root; constant. A user other than root also needs
CAP_DAC_READ_SEARCH to reach the SandboxKeys, which `assess` adds."""

_BITS = {
    2: Need.DAC_READ_SEARCH,
    12: Need.NET_ADMIN,
    13: Need.NET_RAW,
    19: Need.SYS_PTRACE,
    21: Need.SYS_ADMIN,
}
"""Bit numbers of include/uapi/linux/capability.h; constant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Privileges:
    """What this process holds."""

    linux: bool
    root: bool = False
    """Whether the effective user is 0 (in its user namespace)."""
    capabilities: frozenset[Need] = frozenset()
    """The effective ones, of those that this program can use."""
    host_pids: bool | None = None
    """Whether the host's processes are visible: True in the initial pid namespace, or
    where the proc file system is an ancestor's. None: in a pid namespace of its own,
    where only looking for a container's process tells."""

    def missing(self, needed: Iterable[Need]) -> tuple[Need, ...]:
        """Return which of `needed` this process lacks, in the order of `Need`."""
        wanted = set(needed)
        return tuple(need for need in Need if need in wanted and not self.has(need))

    def has(self, need: Need) -> bool:
        """Return whether a need is met; pids that may be visible count as hidden."""
        if need is Need.LINUX:
            return self.linux
        if need is Need.HOST_PIDS:
            return self.host_pids is True
        return need in self.capabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What is missing, and what that costs."""

    missing: tuple[Need, ...]
    works: tuple[Ability, ...]
    lost: tuple[Ability, ...]

    def __str__(self) -> str:
        """Return one line for a user; empty if nothing is missing."""
        if not self.missing:
            return ""
        line = (
            f"missing {', '.join(self.missing)}; still works: {', '.join(self.works)}"
        )
        return f"{line}; does not: {', '.join(self.lost)}" if self.lost else line


def read_privileges(proc: str = "/proc", platform: str = sys.platform) -> Privileges:
    """Return what this process holds.

    Args:
        proc: where the proc file system is mounted.
        platform: as `sys.platform`.

    Nothing is raised: what cannot be read is not held.
    """
    if platform != "linux":
        return Privileges(linux=False)
    try:
        status = Path(proc, "self", "status").read_text(
            encoding="ascii", errors="replace"
        )
    except OSError:
        return Privileges(linux=True)
    fields = dict(line.partition(":")[::2] for line in status.splitlines())
    return Privileges(
        linux=True,
        root=fields.get("Uid", "").split()[1:2] == ["0"],
        capabilities=_capabilities(fields.get("CapEff", "")),
        host_pids=_host_pids(proc, fields.get("NSpid", "")),
    )


def holds_any(proc: str = "/proc") -> bool:
    """Return whether this thread holds or may take any capability."""
    try:
        status = Path(proc, "thread-self", "status").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return True
    fields = dict(line.partition(":")[::2] for line in status.splitlines())
    return any(int(fields.get(name, "1"), 16) for name in ("CapEff", "CapPrm"))


def assess(
    privileges: Privileges, *, sees_containers_pids: bool | None = None
) -> Assessment:
    """Return what is missing and what still works.

    Args:
        sees_containers_pids: what looking for a running container's process showed;
            it overrides what can be known from this process alone.
    """
    held = set(privileges.capabilities)
    if privileges.linux:
        held.add(Need.LINUX)
    if privileges.host_pids if sees_containers_pids is None else sees_containers_pids:
        held.add(Need.HOST_PIDS)
    needs = dict(NEEDS)
    if not privileges.root:
        needs[Ability.BY_SANDBOX_KEY] |= {Need.DAC_READ_SEARCH}
    if not _can_enter(needs, held):
        for ability in (Ability.NAMES, Ability.PROBES):
            needs[ability] |= needs[Ability.BY_SANDBOX_KEY]
    works = tuple(ability for ability in Ability if needs[ability] <= held)
    wanted = frozenset[Need]().union(*needs.values())
    if not privileges.linux:
        wanted = frozenset({Need.LINUX})  # nothing else would help
    return Assessment(
        missing=tuple(need for need in Need if need in wanted - held),
        works=works,
        lost=tuple(ability for ability in Ability if ability not in works),
    )


def _can_enter(needs: dict[Ability, frozenset[Need]], held: set[Need]) -> bool:
    return needs[Ability.BY_SANDBOX_KEY] <= held or needs[Ability.BY_PROCESS] <= held


def _capabilities(mask: str) -> frozenset[Need]:
    try:
        bits = int(mask, 16)
    except ValueError:
        return frozenset()
    return frozenset(need for bit, need in _BITS.items() if bits >> bit & 1)


def _host_pids(proc: str, namespaced_pids: str) -> bool | None:
    """Return whether the host's pids can be seen; None where that is not known.

    NSpid lists this process's pid in the proc mount's pid namespace and in each one
    nested in it: more than one number means that the mount is an ancestor's.
    """
    if len(namespaced_pids.split()) > 1:
        return True
    try:
        here = str(Path(proc, "self", "ns", "pid").readlink())
    except OSError:
        return None
    return True if here == _INITIAL_PID_NAMESPACE else None
