"""Entering namespaces of the real kernel, and what is said when that fails."""

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.errors import NetnsError, NetnsGone, NetnsPermissionDenied
from exporter.netns import (
    NamespaceRef,
    NetnsId,
    cookie_of,
    identity_is_weak,
    open_namespace,
)
from exporter.process import has_ended
from tests.lab.fixtures import require
from tests.lab.namespaces import Namespace, namespaces_missing
from tests.netns.outside import say

pytestmark = pytest.mark.netns

NOBODYS = "4f" * 32
"""A container's id that no cgroup names."""


@pytest.fixture
def lab() -> Iterator[Namespace]:
    """A namespace with a link `inside` and nothing else."""
    require(namespaces_missing())
    with Namespace() as namespace:
        namespace.ip("link add inside type veth peer name other")
        yield namespace


@pytest.fixture
def member(lab: Namespace) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the namespace."""
    with lab.start(["sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE) as it:
        assert it.stdout is not None
        it.stdout.read(1)  # it is in
        yield it
        it.kill()


def names_inside() -> set[str]:
    """Return the interfaces that the calling thread sees."""
    return {name for _index, name in socket.if_nameindex()}


def without_cookies(_sock: socket.socket) -> int:
    """Answer as a kernel before 5.14 does."""
    raise OSError(92, "Protocol not available")


class TestRun:
    """What happens inside a namespace."""

    def test_only_the_visit_is_inside(self, lab: Namespace) -> None:
        """What is made is made inside; the caller never moved, the thread is gone."""
        before = threading.active_count()
        with open_namespace(NamespaceRef(path=lab.path)) as namespace:
            seen = namespace.run(names_inside)

        assert {"lo", "inside", "other"} == seen
        assert "inside" not in names_inside()
        assert before == threading.active_count()

    def test_a_socket_stays_inside(self, lab: Namespace) -> None:
        """A socket belongs to the namespace that it was made in, for good."""
        with open_namespace(NamespaceRef(path=lab.path)) as namespace:
            identity = namespace.identity()
            sock = namespace.run(socket.socket)
        with sock:
            assert identity == cookie_of(sock)

    def test_what_is_raised_inside_is_raised_here(self, lab: Namespace) -> None:
        """The caller gets the exception itself."""

        class OddError(BaseException):
            pass

        def fail() -> None:
            raise OddError

        with open_namespace(NamespaceRef(path=lab.path)) as namespace:
            with pytest.raises(OddError):
                namespace.run(fail)
            assert namespace.run(names_inside)

    def test_a_closed_namespace_is_not_entered(self, lab: Namespace) -> None:
        """Closing twice is fine, entering afterwards is an error."""
        namespace = open_namespace(NamespaceRef(path=lab.path))
        namespace.close()
        namespace.close()

        with pytest.raises(NetnsError):
            namespace.run(names_inside)

    @pytest.mark.timeout(60)
    def test_nothing_is_left_of_a_thousand_visits(
        self, lab: Namespace, member: subprocess.Popen[bytes], tmp_path: Path
    ) -> None:
        """Descriptors and threads are as many as before, failures included."""

        def visit() -> None:
            ref = NamespaceRef(path=lab.path, pid=member.pid)
            with open_namespace(ref) as namespace, namespace.run(socket.socket):
                pass

        def fail() -> None:
            with pytest.raises(NetnsError):
                open_namespace(NamespaceRef(path=str(empty), pid=0))
            ref = NamespaceRef(path=str(empty), pid=member.pid)
            with pytest.raises(ZeroDivisionError), open_namespace(ref) as namespace:
                namespace.run(lambda: 1 // 0)

        empty = tmp_path / "key"
        empty.touch()
        visit()
        before = counts()
        for _ in range(1000):
            visit()
        for _ in range(50):
            fail()

        assert before == counts()


def counts() -> tuple[int, int]:
    """Return how many descriptors and threads this process has."""
    files = len(list(Path("/proc/self/fd").iterdir()))
    return files, threading.active_count()


class TestIdentity:
    """Which namespace it is."""

    def test_one_namespace_has_one_identity(
        self, lab: Namespace, member: subprocess.Popen[bytes]
    ) -> None:
        """However it is opened; another one has another."""
        with (
            open_namespace(NamespaceRef(path=lab.path)) as by_path,
            open_namespace(NamespaceRef(pid=member.pid)) as by_pid,
            open_namespace(NamespaceRef(path="/proc/self/ns/net")) as own,
        ):
            assert by_path.identity() == by_pid.identity()
            assert own.identity() != by_path.identity()
            assert not identity_is_weak(own.identity())

    def test_a_recycled_inode_is_another_namespace(self) -> None:
        """The kernel gives inodes again; neither a cookie nor a mistake."""
        require(namespaces_missing())
        seen: dict[int, NetnsId] = {}
        for _ in range(50):
            with Namespace() as made:
                inode = made.inode
                with open_namespace(NamespaceRef(path=made.path)) as namespace:
                    identity = namespace.identity()
            if inode in seen:
                assert seen[inode] != identity
                return
            seen[inode] = identity
        pytest.skip("this kernel gave no inode again in 50 namespaces")

    def test_without_cookies_the_inode_serves(self, lab: Namespace) -> None:
        """It is told apart from a cookie, and says that it is weak."""
        with (
            open_namespace(NamespaceRef(path=lab.path)) as namespace,
            namespace.run(socket.socket) as one,
            namespace.run(socket.socket) as two,
            socket.socket() as own,
        ):
            weak = cookie_of(one, read_cookie=without_cookies)
            before = counts()

            assert identity_is_weak(weak)
            assert weak == cookie_of(two, read_cookie=without_cookies)
            assert weak != cookie_of(own, read_cookie=without_cookies)
            assert before == counts()

    def test_without_cookies_and_net_admin_it_is_asked_inside(
        self, lab: Namespace
    ) -> None:
        """Inside, the thread itself tells; outside, the lack is named."""
        said = say(
            """
import socket
from exporter.errors import NetnsPermissionDenied
from exporter.netns import NamespaceRef, cookie_of, open_namespace
def old(sock):
    raise OSError(92, "")
def ask():
    with socket.socket() as sock:
        return cookie_of(sock, read_cookie=old)
with open_namespace(NamespaceRef(path=sys.argv[1])) as namespace:
    print(namespace.run(ask) & 0xFFFFFFFF)
    print(-namespace.run(ask) - 1 & 0xFFFFFFFF)
    with namespace.run(socket.socket) as sock:
        try:
            cookie_of(sock, read_cookie=old)
        except NetnsPermissionDenied as error:
            print(error.capability)
""",
            lab.path,
            under=["setpriv", "--bounding-set", "-net_admin"],
        ).split()

        assert [str(lab.inode), "CAP_NET_ADMIN"] == said[1:]

    def test_another_failure_is_not_an_old_kernel(self) -> None:
        """Only the missing option leads to the fallback."""

        def broken(_sock: socket.socket) -> int:
            raise OSError(9, "Bad file descriptor")

        with socket.socket() as sock, pytest.raises(OSError, match="Bad file"):
            cookie_of(sock, read_cookie=broken)


class TestOpening:
    """By path, else by process."""

    def test_a_key_without_its_mount_is_no_namespace(
        self, lab: Namespace, member: subprocess.Popen[bytes], tmp_path: Path
    ) -> None:
        """Where the mount is missing the file is empty: the process serves."""
        key = tmp_path / "key"
        key.touch()
        ref = NamespaceRef(path=str(key), pid=member.pid)
        with open_namespace(ref) as namespace:
            assert f"/proc/{member.pid}/ns/net" == namespace.path
            assert "inside" in namespace.run(names_inside)

    def test_another_kind_of_namespace_is_none(self) -> None:
        """A file of nsfs is not enough: the kernel is asked for its type."""
        with pytest.raises(NetnsError):
            open_namespace(NamespaceRef(path="/proc/self/ns/uts"))

    def test_the_path_is_mapped(self, lab: Namespace) -> None:
        """The engine's path may stand for another one here."""
        folder, name = os.path.split(lab.path)
        ref = NamespaceRef(path=f"/engine/netns/{name}")
        path_map = (("/engine/netns", folder),)
        with open_namespace(ref, path_map=path_map) as namespace:
            assert lab.path == namespace.path

    def test_a_pid_of_another_container_is_not_believed(
        self, lab: Namespace, member: subprocess.Popen[bytes]
    ) -> None:
        """It was taken over, or is of another pid namespace: no pidfd, no entry."""
        by_path = NamespaceRef(path=lab.path, pid=member.pid, container_id=NOBODYS)
        with open_namespace(by_path) as namespace:
            assert namespace.pidfd is None
        with pytest.raises(NetnsError):
            open_namespace(NamespaceRef(pid=member.pid, container_id=NOBODYS))

    def test_the_pidfd_is_handed_over(
        self, lab: Namespace, member: subprocess.Popen[bytes]
    ) -> None:
        """Taken once, it outlives the namespace and tells the process's end."""
        with open_namespace(NamespaceRef(path=lab.path, pid=member.pid)) as namespace:
            pidfd = namespace.take_pidfd()
            assert namespace.take_pidfd() is None
        assert pidfd is not None
        try:
            assert not has_ended(pidfd)
            member.kill()
            member.wait(10)
            assert has_ended(pidfd)
        finally:
            os.close(pidfd)

    def test_a_process_that_dies_between(
        self, lab: Namespace, member: subprocess.Popen[bytes]
    ) -> None:
        """Its namespace is still there, but the container has ended."""
        member.kill()
        os.waitid(os.P_PID, member.pid, os.WEXITED | os.WNOWAIT)  # dead, not reaped
        before = counts()
        for ref in (
            NamespaceRef(path=lab.path, pid=member.pid),
            NamespaceRef(pid=member.pid),
        ):
            with pytest.raises(NetnsGone):
                open_namespace(ref)
        assert before == counts()

    def test_an_open_namespace_outlives_its_process(
        self, lab: Namespace, member: subprocess.Popen[bytes]
    ) -> None:
        """A container that dies before the visit does no harm to it."""
        with open_namespace(NamespaceRef(pid=member.pid)) as namespace:
            member.kill()
            member.wait(10)
            lab.close()

            assert "inside" in namespace.run(names_inside)

    def test_a_sandbox_that_the_engine_removed(self, tmp_path: Path) -> None:
        """A missing file in a folder that is there means an ended container."""
        with pytest.raises(NetnsGone):
            open_namespace(NamespaceRef(path=str(tmp_path / "key"), pid=2**22 + 1))


def test_errors_are_ours(lab: Namespace) -> None:
    """Whatever goes wrong on the way in is a NetnsError."""
    attempts: list[Callable[[], object]] = [
        lambda: open_namespace(NamespaceRef()),
        lambda: open_namespace(NamespaceRef(path="")),
        lambda: open_namespace(NamespaceRef(path="/", pid=-1)),
        lambda: open_namespace(NamespaceRef(path=f"{lab.path}/x")),
        lambda: open_namespace(NamespaceRef(pid=2**40)),
    ]
    for attempt in attempts:
        with pytest.raises(NetnsError):
            attempt()


def test_denials_are_told_apart_from_ends() -> None:
    """One is for a person to mend, the other is ordinary."""
    assert not issubclass(NetnsGone, NetnsPermissionDenied)
