"""A pid is believed only where something else confirms it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.process import (
    command_of,
    has_ended,
    is_hidden,
    is_process_of,
    open_pidfd,
    shares_our_network,
)

ID = "4f" * 32


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is told to end."""
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("cgroup", "expected"),
    [
        pytest.param(f"0::/system.slice/docker-{ID}.scope\n", True, id="v2, systemd"),
        pytest.param(f"0::/../docker-{ID}.scope\n", True, id="own cgroup namespace"),
        pytest.param(f"9:pids:/docker/{ID}\n0::/\n", True, id="v1, cgroupfs"),
        pytest.param(f"0::/mine/{ID}/init.scope\n", True, id="parent, systemd within"),
        pytest.param("0::/system.slice/docker.service\n", False, id="the engine"),
        pytest.param(f"0::/docker/{'5e' * 32}\n", False, id="another container"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_the_cgroup_names_the_container(
    tmp_path: Path, cgroup: str, expected: bool
) -> None:
    """Whoever took the pid over is in another cgroup."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cgroup").write_text(cgroup)

    assert expected == is_process_of(7, ID, str(tmp_path))


def test_no_such_process(tmp_path: Path) -> None:
    """A pid that is not there is nobody's, whatever is asked."""
    assert not is_process_of(7, "", str(tmp_path))
    assert open_pidfd(0, "") is None
    assert "" == command_of(7, str(tmp_path))
    assert shares_our_network(7, str(tmp_path)) is None


def test_a_pidfd_tells_the_end(child: subprocess.Popen[bytes]) -> None:
    """It is of the process that was asked for, and readable once that has ended."""
    pidfd = open_pidfd(child.pid, "")
    assert pidfd is not None
    try:
        assert not has_ended(pidfd)
        child.communicate(b"\n", timeout=10)

        assert has_ended(pidfd)
    finally:
        os.close(pidfd)


def test_no_pidfd_of_a_pid_that_the_cgroup_does_not_confirm(
    child: subprocess.Popen[bytes],
) -> None:
    """A process of somebody else gives no pidfd, and leaves no descriptor."""
    before = len(list(Path("/proc/self/fd").iterdir()))

    assert open_pidfd(child.pid, ID) is None
    assert before == len(list(Path("/proc/self/fd").iterdir()))


def test_no_pidfd_where_proc_is_of_another_pid_namespace(
    tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    """The same number in a foreign /proc is another process."""
    (tmp_path / str(child.pid)).mkdir()
    (tmp_path / str(child.pid) / "cgroup").write_text(f"0::/docker/{ID}\n")

    assert open_pidfd(child.pid, ID, str(tmp_path)) is None


def test_a_visible_process_is_not_hidden(child: subprocess.Popen[bytes]) -> None:
    """Neither what is there nor what does not exist is hidden."""
    assert not is_hidden(child.pid)
    child.communicate(b"\n", timeout=10)
    assert not is_hidden(child.pid)
    assert not is_hidden(0)


def test_the_name_of_a_program() -> None:
    """It is the kernel's short name."""
    assert "" != command_of(os.getpid())


def test_our_own_network(child: subprocess.Popen[bytes]) -> None:
    """A child that did not move shares our network namespace."""
    assert shares_our_network(child.pid) is True
