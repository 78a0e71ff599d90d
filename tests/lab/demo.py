"""The demo on a private engine: `python -m tests.lab.demo`.

What `make run` shows on a machine without an engine: it starts one in namespaces of its
own, makes the demo's containers, prints the exporter's matrix and serves its metrics
until Ctrl-C; then it removes everything and makes sure that nothing is left.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

from tests.lab.engine import Engine
from tests.lab.errors import LabError, LabUnavailable
from tests.lab.processes import all_pids
from tests.lab.suites import HOST, SUITES, Suite, missing_for
from tests.lab.topology import DEMO, Running
from tests.lab.workspace import Workspace

_REPOSITORY = Path(__file__).parents[2]
_EXPORTER = (sys.executable, "-m", "exporter")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 15.0
_POLL_S = 0.05
_CANNOT = 3
"""Exit status: it could not be measured (as the exporter's own)."""


class _AskedToEndError(BaseException):
    """Ctrl-C or SIGTERM; not an Exception, so that nothing on the way catches it."""


def main(arguments: list[str] | None = None) -> int:
    """Show the demo until a signal ends it; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.demo")
    names = [suite.name for suite in SUITES]
    parser.add_argument("--suite", choices=names, help="which engine to start")
    parser.add_argument(
        "run",
        nargs="*",
        metavar="-- OPTION",
        help="options for the exporter, like -- --web.listen-address 127.0.0.1:10043",
    )
    wanted = parser.parse_args(arguments)
    _listen_to_signals()
    started: list[Workspace] = []
    status = 0
    try:
        status = _show(_suite(wanted.suite), wanted.run, started)
    except _AskedToEndError:
        pass
    except LabUnavailable as refusal:
        _say(f"cannot start an engine here: {refusal}")
        status = _CANNOT
    except LabError as error:
        _say(f"the engine failed: {error}")
        status = _CANNOT
    return _verified(started) or status


def _show(suite: Suite, options: list[str], started: list[Workspace]) -> int:
    _say(f"starting an engine of your own: {suite.name}, {suite.package}")
    with Engine.start(suite) as engine:
        started.append(engine.workspace)
        _say(f"Docker {engine.version} runs in network namespaces with no way out")
        _say(f"everything it makes is below {engine.workspace.path}")
        _say(
            "mybridge1, mybridge2 on mybridge; bridge1, bridge2 on the default bridge;"
        )
        _say("imhost on the host's network")
        Running(engine).start(DEMO)
        environment = {**os.environ, "DOCKER_HOST": engine.base_url}
        _say(f"$ DOCKER_HOST={engine.base_url} dockernet-exporter check")
        _check(environment)
        with _daemon(options, environment) as daemon:
            _announce(daemon)
            return daemon.wait()


def _check(environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [*_EXPORTER, "check"], cwd=_REPOSITORY, env=environment, check=False
    )
    if done.returncode:
        # News, not a reason to stop: 1 is a violation, 3 something not measured.
        _say(f"check ended with status {done.returncode}")


@contextlib.contextmanager
def _daemon(
    options: list[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the exporter; its end is asked for by us, not by the terminal's Ctrl-C."""
    daemon = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", *_EXPORTER, "run", *options],
        cwd=_REPOSITORY,
        env=environment,
        start_new_session=True,
    )
    try:
        yield daemon
    finally:
        daemon.terminate()
        try:
            daemon.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            _say("the exporter does not end; killing it")
            daemon.kill()
            daemon.wait()


def _announce(daemon: subprocess.Popen[bytes]) -> None:
    """Tell the address once the exporter listens; not if it ended."""
    for _ in range(int(_START_TIMEOUT_S / _POLL_S)):
        with contextlib.suppress(subprocess.TimeoutExpired):
            daemon.wait(_POLL_S)
            _say(f"the exporter ended with status {daemon.returncode}")
            return
        for address in _listening(daemon.pid):
            _say(f"metrics: http://{address}/metrics   (Ctrl-C ends the demo)")
            return
    _say("the exporter runs but does not listen yet; Ctrl-C ends the demo")


def _listening(session: int) -> tuple[str, ...]:
    """Return where the processes of a session listen, as ADDRESS:PORT of IPv4.

    Asked by its own sockets, as any other program may hold the port we expect.
    """
    members = [pid for pid in all_pids() if _session_of(pid) == session]
    held = {link for pid in members for link in _descriptors(pid)}
    found = []
    # Fields of proc_net_tcp: 1 local address, 3 state (0A is listening), 9 inode.
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in held:
            address, _, port = fields[1].partition(":")
            octets = reversed(bytes.fromhex(address))
            found.append(f"{'.'.join(map(str, octets))}:{int(port, 16)}")
    return tuple(found)


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _descriptors(pid: int) -> tuple[str, ...]:
    links = []
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            # A descriptor may be closed between the listing and the look.
            with contextlib.suppress(OSError):
                links.append(str(entry.readlink()))
    return tuple(links)


def _suite(chosen: str | None) -> Suite:
    """Return the suite asked for, else the newest that needs no long preparation."""
    if chosen is not None:
        return next(suite for suite in SUITES if suite.name == chosen)
    for suite in reversed(SUITES):
        if suite.is_ready and missing_for(suite) is None:
            return suite
    if sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get"):
        _say("no engine is installed: installing Debian's docker.io (not starting it)")
        subprocess.run(["tools/debian-packages", "demo"], cwd=_REPOSITORY, check=False)
    return HOST


def _verified(started: list[Workspace]) -> int:
    """Say whether anything of the demo is left; 1 if so."""
    left = [thing for workspace in started for thing in workspace.leftovers()]
    for thing in left:
        _say(f"left behind: {thing}")
    if started and not left:
        _say("nothing is left: no process, no namespace, no mount, no image store")
    return 1 if left else 0


def _listen_to_signals() -> None:
    def end(_number: int, _frame: FrameType | None) -> None:
        # The first is enough: a second one must not interrupt the cleaning up.
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        _say("ending: stopping the exporter and removing the engine")
        raise _AskedToEndError

    for number in _SIGNALS:
        signal.signal(number, end)


def _say(text: str) -> None:
    print(f"demo: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
