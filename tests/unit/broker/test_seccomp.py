"""The filter: its numbers are the kernel's, and it is one that the kernel takes."""

import platform
import re
import struct
from pathlib import Path

import pytest

from exporter.broker import seccomp

_HEADERS = {
    0: (
        "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
        "/usr/include/asm/unistd_64.h",
    ),
    1: ("/usr/include/asm-generic/unistd.h",),
}
_LINE = re.compile(r"#define __NR(?:3264)?_(\w+)\s+(\d+)")
_WITH_ARGUMENTS = {
    "clone": "clone",
    "clone3": "clone3",
    "setsockopt": "setsockopt",
    "ioctl": "ioctl",
    "prlimit64": "prlimit64",
    "seccomp": "seccomp",
}


def numbers(which: int) -> dict[str, int]:
    """Return the numbers of a machine's header."""
    for path in map(Path, _HEADERS[which]):
        if path.exists():
            found = _LINE.findall(path.read_text())
            return {name: int(number) for name, number in found}
    pytest.skip(f"none of {_HEADERS[which]} is here")


@pytest.mark.parametrize(
    ("which", "machine"), [(0, "x86_64"), (1, "aarch64")], ids=["x86_64", "aarch64"]
)
def test_numbers_are_those_of_the_kernel(which: int, machine: str) -> None:
    """Of every call that the header of this system knows."""
    known = numbers(which)
    wrong = {
        name: (both[which], known[name])
        for name, both in seccomp._REFUSED.items()  # noqa: SLF001
        if name in known and both[which] != known[name]
    }
    made = seccomp.MACHINES[machine]
    wrong |= {
        name: (getattr(made, field), known[name])
        for name, field in _WITH_ARGUMENTS.items()
        if name in known and getattr(made, field) != known[name]
    }
    send = [number for number, _ in made.send]
    opens = [number for number, _ in made.open]

    assert wrong == {}
    assert send == [known[name] for name in ("sendto", "sendmsg", "sendmmsg")]
    assert opens == [known[name] for name in ("open", "openat") if name in known]


@pytest.mark.parametrize("machine", [*seccomp.MACHINES])
def test_every_jump_lands_within(machine: str) -> None:
    """And every way ends in an answer."""
    code = [*struct.iter_unpack("=HBBI", seccomp.program(seccomp.MACHINES[machine]))]

    assert len(code) < 4096
    assert code[-1][0] == 0x06
    for at, (kind, yes, no, _) in enumerate(code):
        if kind & 7 == 5:  # BPF_JMP
            assert at + 1 + max(yes, no) < len(code)


def test_a_processor_without_numbers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than given the filter of another."""
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(OSError, match="riscv64"):
        seccomp.confine()
