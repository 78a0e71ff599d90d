"""What is said when a namespace cannot be entered: the one thing to grant, named."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.capabilities import Need
from exporter.netns import OWNING_USER_NAMESPACE
from tests.lab.fixtures import require
from tests.lab.namespaces import Namespace, namespaces_missing
from tests.netns.outside import say

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("lab")]

ENTER = """
from exporter.netns import NamespaceRef, open_namespace
from exporter.errors import NetnsError
ref = NamespaceRef(path=sys.argv[1] or None, pid=int(sys.argv[2]))
try:
    with open_namespace(ref) as namespace:
        namespace.run(int)
        print("entered by", namespace.path, namespace.pidfd is not None)
except NetnsError as error:
    print(type(error).__name__, getattr(error, "capability", error.path))
"""


@pytest.fixture
def lab() -> Iterator[Namespace]:
    """An empty namespace."""
    require(namespaces_missing())
    with Namespace() as namespace:
        yield namespace


@pytest.fixture
def member(lab: Namespace) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the namespace."""
    with lab.start(["sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE) as it:
        assert it.stdout is not None
        it.stdout.read(1)  # it is in
        yield it
        it.kill()


class TestWhatIsMissing:
    """The one thing that a user has to grant, named."""

    @pytest.mark.parametrize(
        ("dropped", "expected"),
        [
            pytest.param("-net_raw", "entered by", id="nothing that entering needs"),
            pytest.param(
                "-sys_admin", f"NetnsPermissionDenied {Need.SYS_ADMIN}", id="sys admin"
            ),
        ],
    )
    def test_by_path(self, lab: Namespace, dropped: str, expected: str) -> None:
        """A SandboxKey needs CAP_SYS_ADMIN and nothing else."""
        said = say(ENTER, lab.path, "0", under=["setpriv", "--bounding-set", dropped])

        assert said.startswith(expected)

    def test_by_process(self, member: subprocess.Popen[bytes]) -> None:
        """/proc/PID/ns/net of a process that may more needs CAP_SYS_PTRACE."""
        said = say(
            ENTER,
            "",
            str(member.pid),
            under=["setpriv", "--bounding-set", "-sys_ptrace,-net_raw"],
        )

        assert f"NetnsPermissionDenied {Need.SYS_PTRACE}" == said

    def test_without_ptrace_the_key_and_the_pidfd_do(
        self, lab: Namespace, member: subprocess.Popen[bytes], tmp_path: Path
    ) -> None:
        """Where the SandboxKey is there, nothing is lost, the pidfd neither."""
        key = tmp_path / "key"
        key.touch()
        mounted = f'mount --bind {lab.path} {key} && exec "$@"'
        said = say(
            ENTER,
            str(key),
            str(member.pid),
            under=[
                *("unshare", "--mount", "--propagation", "private"),
                *("sh", "-c", mounted, "sh"),
                *("setpriv", "--bounding-set", "-sys_ptrace"),
            ],
        )

        assert f"entered by {key} True" == said

    def test_a_process_that_proc_hides(self, member: subprocess.Popen[bytes]) -> None:
        """With hidepid (systemd's ProtectProc=) CAP_SYS_PTRACE shows it again.

        It hides from whoever is not of the group 0.
        """
        hidden = 'mount -t proc -o hidepid=invisible proc /proc && exec "$@"'
        said = say(
            ENTER,
            "",
            str(member.pid),
            under=[
                *("unshare", "--mount", "--propagation", "private"),
                *("sh", "-c", hidden, "sh"),
                *("setpriv", "--bounding-set", "-sys_ptrace,-net_raw"),
                *("--regid", "65534", "--clear-groups"),
            ],
        )

        assert f"NetnsPermissionDenied {Need.SYS_PTRACE}" == said

    def test_in_a_pid_namespace_of_our_own(
        self, member: subprocess.Popen[bytes], tmp_path: Path
    ) -> None:
        """The engine's pids mean nothing there, and a key without mount no more."""
        key = tmp_path / "key"
        key.touch()
        under = ["unshare", "--pid", "--fork", "--mount-proc"]
        expected = f"NetnsPermissionDenied {Need.HOST_PIDS}"

        assert expected == say(ENTER, "", str(member.pid), under=under)
        assert expected == say(ENTER, str(key), str(member.pid), under=under)
        assert expected == say(ENTER, "/no/such/folder/key", "0", under=under)

    def test_a_removed_sandbox_is_gone_there_too(self, tmp_path: Path) -> None:
        """The engine's folder is there, so the container has ended."""
        path = str(tmp_path / "key")
        under = ["unshare", "--pid", "--fork", "--mount-proc"]

        assert f"NetnsGone {path}" == say(ENTER, path, "77", under=under)

    def test_a_key_without_its_mount_among_others_is_gone(self, tmp_path: Path) -> None:
        """20.10 leaves the empty file for a while; the mounts beside it are seen."""
        key = tmp_path / "key"
        key.touch()
        under = ["unshare", "--pid", "--fork", "--mount-proc"]

        assert "Denied" in say(ENTER, str(key), "77", under=under)
        (tmp_path / "other").symlink_to("/proc/self/ns/net")
        assert f"NetnsGone {key}" == say(ENTER, str(key), "77", under=under)

    def test_as_a_user(self, lab: Namespace, tmp_path: Path) -> None:
        """The engine's folder is root's."""
        folder = tmp_path / "netns"
        folder.mkdir(mode=0o700)
        key = folder / "key"
        key.symlink_to(lab.path)
        said = say(
            # Used once before: the interpreter's modules may be root's alone too.
            f"import os, exporter.netns; exporter.netns.read_privileges()\n"
            f"os.setresuid(65534, 65534, 65534)\n{ENTER}",
            str(key),
            "0",
        )

        assert f"NetnsPermissionDenied {Need.DAC_READ_SEARCH}" == said

    def test_in_a_user_namespace(self, lab: Namespace) -> None:
        """Its root holds CAP_SYS_ADMIN, but not where the container's is owned."""
        said = say(
            f"import os, ctypes\n"
            f"fd = os.open(sys.argv[1], os.O_RDONLY)\n"
            f"assert ctypes.CDLL(None).unshare(0x10000000) == 0\n"
            f"sys.argv[1] = f'/proc/self/fd/{{fd}}'\n{ENTER}",
            lab.path,
            "0",
        )

        assert f"NetnsPermissionDenied {OWNING_USER_NAMESPACE}" == said

    @pytest.mark.parametrize(
        ("limit", "expected"),
        [
            pytest.param("RLIMIT_NPROC", "RLIMIT_NPROC", id="no thread"),
            pytest.param("RLIMIT_NOFILE", "RLIMIT_NOFILE", id="no descriptor"),
        ],
    )
    def test_exhausted_limits(self, lab: Namespace, limit: str, expected: str) -> None:
        """A limit that was reached is named too."""
        said = say(
            """
import os, resource
from exporter.errors import NetnsError
from exporter.netns import NamespaceRef, open_namespace
namespace = open_namespace(NamespaceRef(path=sys.argv[1]))
os.setresuid(65534, 65534, 65534)
resource.setrlimit(getattr(resource, sys.argv[2]), (0, 0))
try:
    namespace.run(int) if "NPROC" in sys.argv[2] else open_namespace(
        NamespaceRef(path="/proc/self/ns/net"))
except NetnsError as error:
    print(error)
""",
            lab.path,
            limit,
        )

        assert expected in said
