"""What a process may not do once it has given everything up, and what it may."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.netns.outside import say

pytestmark = pytest.mark.netns

_ATTEMPTS: Final = """
import ctypes, errno, fcntl, json, os, resource, signal, socket, struct, termios
import threading
from pathlib import Path
from exporter.broker import landlock, seccomp
from exporter.broker.confinement import confine

libc = ctypes.CDLL(None, use_errno=True)
folder = Path(sys.argv[1])
(folder / "there").write_text("x")
kept = os.open(folder / "there", os.O_RDWR)
raw4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
raw6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tcp = socket.socket()
one, other = socket.socketpair()
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
caller = socket.create_connection(listener.getsockname())
own = os.open("/proc/self/ns/net", os.O_RDONLY)
sleeper = os.fork()
if sleeper == 0:
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    signal.pause()
memory = os.memfd_create("of a thread")
there = os.open(folder, os.O_PATH)
_, tty = os.openpty()

parts = {"landlock": landlock.confine, "seccomp": seccomp.confine}
if sys.argv[2] in parts:
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    libc.capset(struct.pack("=Ii", 0x20080522, 0), bytes(24))
    parts[sys.argv[2]]()
    problems = []
else:
    problems = confine(str(os.geteuid()), ())


def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def number(x86, arm, *arguments):
    nr = x86 if os.uname().machine == "x86_64" else arm
    call("syscall", nr, *arguments)


def in_thread():
    done = []
    thread = threading.Thread(target=lambda: done.append(os.getpid()))
    thread.start()
    thread.join()
    assert done


def over():
    socket.send_fds(one, [b"+"], [raw4.fileno()])
    data, (got,), _, _ = socket.recv_fds(other, 1, 1)
    assert socket.socket(fileno=got).type == socket.SOCK_RAW


def heard():
    connection, _ = listener.accept()
    caller.send(b"?")
    assert connection.recv(1) == b"?"
    connection.send(b"!")
    assert caller.recv(1) == b"!"


def echo(sock, to, kind):
    message = struct.pack("!BBHHH", kind, 0, 0, 1, 1)
    total = (kind << 8) + 2
    sock.sendto(struct.pack("!BBHHH", kind, 0, ~total & 0xFFFF, 1, 1), (to, 0))
    sock.settimeout(5)
    assert sock.recv(100)


def written():
    os.pwrite(kept, b"{}", 0)
    os.ftruncate(kept, 2)
    fcntl.flock(kept, fcntl.LOCK_EX)
    made = os.memfd_create("pem")
    os.write(made, b"pem")
    assert Path(f"/proc/self/fd/{made}").read_bytes() == b"pem"


def more():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


FAST = 0x20000000
REFUSED = {
    "socket": lambda: socket.socket(),
    "socketpair": lambda: socket.socketpair(),
    "connect": lambda: tcp.connect(listener.getsockname()),
    "connect anew": lambda: call("connect", udp.fileno(), bytes(16), 16),
    "bind": lambda: udp.bind(("127.0.0.1", 0)),
    "listen": lambda: tcp.listen(),
    "sendto that connects": lambda: tcp.sendto(b"x", FAST, listener.getsockname()),
    "sendmsg that connects": lambda: tcp.sendmsg(
        [b"x"], [], FAST, listener.getsockname()),
    "an IPv4 header": lambda: raw4.setsockopt(0, 3, 1),
    "an IPv6 header": lambda: raw6.setsockopt(41, 36, 1),
    "an IPv6 header by SOL_RAW": lambda: raw6.setsockopt(255, 36, 1),
    "execve": lambda: os.execv("/bin/true", ["true"]),
    "execveat": lambda: number(322, 281, -100, b"/bin/true", None, None, 0),
    "fork": lambda: os.fork(),
    "clone": lambda: number(56, 220, signal.SIGCHLD, 0, 0, 0, 0),
    "vfork": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "setns": lambda: call("setns", own, 0),
    "unshare": lambda: call("unshare", 0x10000000),
    "a namespace of the user": lambda: number(56, 220, 0x10010000, 0, 0, 0, 0),
    "ptrace": lambda: call("ptrace", 16, sleeper, 0, 0),
    "memory read": lambda: number(310, 270, sleeper, 0, 0, 0, 0, 0),
    "kill": lambda: os.kill(sleeper, 0),
    "kill oneself": lambda: os.kill(os.getpid(), 0),
    "tgkill": lambda: number(234, 131, sleeper, sleeper, 0),
    "pidfd_send_signal": lambda: signal.pidfd_send_signal(os.pidfd_open(sleeper), 0),
    "limits of another": lambda: resource.prlimit(
        sleeper, resource.RLIMIT_CORE, (0, 0)),
    "mount": lambda: call("mount", b"none", b"/mnt", b"tmpfs", 0, None),
    "chroot": lambda: os.chroot("/"),
    "io_uring": lambda: number(425, 425, 8, 0),
    "bpf": lambda: number(321, 280, 0, 0, 0),
    "write": lambda: open(folder / "there", "r+"),
    "append": lambda: open(folder / "there", "a"),
    "create": lambda: open(folder / "new", "x"),
    "truncate": lambda: os.truncate(folder / "there", 0),
    "open to truncate": lambda: os.open(folder / "there", os.O_RDONLY | os.O_TRUNC),
    "write by descriptor": lambda: os.open(f"/proc/self/fd/{kept}", os.O_RDWR),
    "openat2": lambda: number(437, 437, -100, b"/", bytes(24), 24),
    "chmod": lambda: os.chmod(folder / "there", 0o4777),
    "fchmod": lambda: os.fchmod(kept, 0o4777),
    "chown": lambda: os.chown(folder / "there", 1, 1),
    "xattr": lambda: os.setxattr(folder / "there", "user.x", b""),
    "utime": lambda: os.utime(folder / "there"),
    "unlink": lambda: os.unlink(folder / "there"),
    "rename": lambda: os.rename(folder / "there", folder / "elsewhere"),
    "link": lambda: os.link(folder / "there", folder / "elsewhere"),
    "symlink": lambda: os.symlink("there", folder / "elsewhere"),
    "mkdir": lambda: os.mkdir(folder / "elsewhere"),
    "mkfifo": lambda: os.mkfifo(folder / "elsewhere"),
    "open_by_handle_at": lambda: number(304, 265, there, bytes(128), 0),
    "keystrokes": lambda: fcntl.ioctl(tty, termios.TIOCSTI, b"x"),
    "memory of another": lambda: os.open(f"/proc/{sleeper}/mem", os.O_RDONLY),
    "capset": lambda: os.setuid(os.geteuid() + 1),
}
ABSENT = {
    "clone3": lambda: number(435, 435, 0, 0),
    "what is new": lambda: number(469, 469, 0, 0),
    "what is to come": lambda: number(600, 600, 0, 0),
}
WORKS = {
    "threads": in_thread,
    "descriptors": over,
    "connections": heard,
    "echo": lambda: echo(raw4, "127.0.0.1", 8),
    "echo in IPv6": lambda: raw6.sendto(bytes([128]) + bytes(7), ("::1", 0)),
    "hops": lambda: raw4.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 3),
    "datagrams": lambda: udp.sendto(b"x", ("127.0.0.1", 9)),
    "reading": lambda: Path("/proc/self/status").read_text(),
    "listing": lambda: list(Path("/proc/self/fd").iterdir()),
    "files": written,
    "limits": more,
    "ioctl": lambda: fcntl.ioctl(tty, termios.TIOCGWINSZ, bytes(8)),
    "random": lambda: os.urandom(8),
}


if sys.argv[3:]:  # without seccomp, the others would really be done
    REFUSED = {name: REFUSED[name] for name in sys.argv[3:]}
    ABSENT = {}


def outcome(attempt):
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno, "?")
    return "ok"


print(json.dumps([
    list(problems),
    *({name: outcome(one) for name, one in some.items()}
      for some in (REFUSED, ABSENT, WORKS)),
]))
"""
_UNDER: Final = ("unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "-")

Outcomes = tuple[list[str], dict[str, str], dict[str, str], dict[str, str]]


_FILES: Final = frozenset(
    {
        *("write", "append", "create", "truncate", "open to truncate", "unlink"),
        *("rename", "link", "symlink", "mkdir", "mkfifo"),
    }
)


def attempted(folder: Path, part: str, *names: str) -> Outcomes:
    """Return what becomes of each attempt, or of some, of root who stays so."""
    folder.mkdir()
    said = say(_ATTEMPTS, str(folder), part, *names, under=_UNDER)
    problems, *rest = json.loads(said)
    return (problems, *rest)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What became of each attempt after all was given up."""
    return attempted(tmp_path_factory.mktemp("confined") / "all", "all")


def test_everything_could_be_taken_away(outcomes: Outcomes) -> None:
    """On this kernel."""
    assert outcomes[0] == []


def test_what_is_refused(outcomes: Outcomes) -> None:
    """Each call really made, by root without a capability."""
    allowed = {n: w for n, w in outcomes[1].items() if w not in ("EPERM", "EACCES")}
    assert allowed == {}


def test_what_is_not_there(outcomes: Outcomes) -> None:
    """As on an older kernel: whoever calls knows what to do without."""
    assert set(outcomes[2].values()) == {"ENOSYS"}


def test_what_goes_on_working(outcomes: Outcomes) -> None:
    """Everything that serving and probing need."""
    assert {name: what for name, what in outcomes[3].items() if what != "ok"} == {}


@pytest.mark.parametrize("part", ["landlock", "seccomp"])
def test_each_part_alone_keeps_files_from_change(part: str, tmp_path: Path) -> None:
    """Where the kernel has not the other one."""
    _, refused, _, _ = attempted(tmp_path / part, part, *_FILES)

    found = {refused[name] for name in _FILES}
    assert found <= ({"EPERM"} if part == "seccomp" else {"EACCES", "EXDEV"})
