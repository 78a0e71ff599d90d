"""What goes wrong in either process is told, and leaves nothing behind."""

import errno
import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.broker import wire
from exporter.broker.process import CHANNELS
from exporter.errors import BrokerGone, NetnsGone
from exporter.netns import NamespaceRef
from tests.lab.broker import lent
from tests.lab.fixtures import MakePlainLab
from tests.netns.lending import IDENTITY, Stand, descriptors, standing
from tests.netns.outside import say

pytestmark = pytest.mark.netns


@pytest.fixture
def stand(netns_lab: MakePlainLab, tmp_path: Path) -> Iterator[Stand]:
    """Two bridges with two containers each."""
    with standing(netns_lab(containers=2, bridges=2), tmp_path) as made:
        yield made


def test_nothing_stays_open_in_either_process(stand: Stand) -> None:
    """Whether it worked or was refused."""
    source, found = stand.source(stand.lab.containers[0]), stand.host()
    bad = replace(source, namespace=NamespaceRef(pid=1))

    def everything() -> None:
        stand.lent.open_source(source, IDENTITY).close()
        stand.lent.subscribe(found).close()
        stand.lent.look(found)
        os.close(stand.lent.lock_file())
        with pytest.raises(NetnsGone):
            stand.lent.open_source(bad, IDENTITY)
        with pytest.raises(OSError, match=r".*"):
            stand.lent.ask("bind", {"device": "br0"}, [0])
        # Over there a descriptor is closed after the reply: who answers once more on
        # each channel has done that.
        for _ in range(CHANNELS):
            stand.lent.privileges()

    everything()
    before = descriptors(os.getpid()), descriptors(stand.process.pid)
    for _ in range(3):
        everything()

    assert (descriptors(os.getpid()), descriptors(stand.process.pid)) == before


def test_a_thousand_bridges_are_lent() -> None:
    """The process takes the hard limit of descriptors: each needs some for a moment."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, soft), hard))
    try:
        with lent() as (powers, process):
            powers.privileges()
            limits = Path(f"/proc/{process.pid}/limits").read_text()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    (line,) = [line for line in limits.splitlines() if "open files" in line]

    assert line.split()[3:5] == [str(hard)] * 2


def test_its_memory_is_closed_to_its_own_user() -> None:
    """Where neither has a capability, who started it could else write its code."""
    said = say(
        """
from exporter.broker.process import start
from exporter.broker.remote import RemotePowers
from exporter.powers import Terms
process = start(Terms())
RemotePowers(process, None).privileges()
try:
    open(f"/proc/{process.pid}/mem", "rb+").close()
    print("open")
except PermissionError:
    print("refused")
process.stop()
""",
        under=("setpriv", "--bounding-set=-all", "--inh-caps=-all"),
    )

    assert said == "refused"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_its_end_in_the_middle_is_told_to_everybody(
    stand: Stand, number: signal.Signals
) -> None:
    """Who waits, who asks next, and the event loop."""
    asked = threading.Semaphore(0)
    never = threading.Event()
    identity = "f" * 64

    def stall(_: object) -> None:
        asked.release()
        never.wait(20)

    stand.engine.script[f"{stand.engine.prefix}/containers/{identity}/json"] = stall
    with ThreadPoolExecutor(8) as pool:
        waiting = []
        for _ in range(8):  # one by one: few may wait in line at the engine's socket
            waiting.append(pool.submit(stand.lent.engine.container, identity))
            assert asked.acquire(timeout=10)
        os.kill(stand.process.pid, number)
        errors = [one.exception(timeout=10) for one in waiting]
        never.set()

    assert {type(error) for error in errors} == {BrokerGone}
    assert wire.is_readable(stand.process.life.fileno(), 5)
    with pytest.raises(BrokerGone):
        stand.lent.privileges()


def test_a_slow_engine_leaves_the_kernel_to_the_others(stand: Stand) -> None:
    """As many may wait for the engine as ever do, and probing goes on."""
    source = stand.source(stand.lab.containers[0])
    asked, never = threading.Semaphore(0), threading.Event()

    def stall(_: object) -> None:
        asked.release()
        never.wait(20)

    identity = "e" * 64
    stand.engine.script[f"{stand.engine.prefix}/containers/{identity}/json"] = stall
    with ThreadPoolExecutor(7) as pool:
        waiting = []
        for _ in range(7):  # one by one: few may wait in line at the engine's socket
            waiting.append(pool.submit(stand.lent.engine.container, identity))
            assert asked.acquire(timeout=10)
        began_s = time.monotonic()
        stand.lent.open_source(source, IDENTITY).close()
        took_s = time.monotonic() - began_s
        never.set()
        for one in waiting:
            one.exception(timeout=10)

    assert took_s < 1


def test_what_nobody_of_ours_would_send_ends_both(stand: Stand) -> None:
    """Whoever sends it is not ours any more."""
    ended = os.pidfd_open(stand.process.pid)
    with pytest.raises(BrokerGone):
        stand.lent.ask("sell")
    assert wire.is_readable(ended, 5)
    os.close(ended)

    assert wire.is_readable(stand.process.life.fileno(), 5)
    with pytest.raises(BrokerGone):
        stand.lent.privileges()


def test_streams_of_events_are_few(stand: Stand) -> None:
    """Each takes threads and a connection over there; one that is closed makes room."""
    opened = threading.Semaphore(0)

    def flow(to: object) -> None:
        to.begin_chunks()  # type: ignore[attr-defined]
        to.chunk(b'{"Type": "container", "Action": "exec_start: secret"}\n')  # type: ignore[attr-defined]
        opened.release()
        threading.Event().wait(20)

    stand.engine.script[f"{stand.engine.prefix}/events"] = flow
    streams = [stand.lent.engine.events(0) for _ in range(4)]
    with pytest.raises(OSError, match=r".*") as refused:
        stand.lent.engine.events(0)
    first = next(iter(streams[0]))
    streams[0].close()
    assert refused.value.errno == errno.EAGAIN
    assert first == {"Type": "container", "Action": "exec_start"}
    limit_s = time.monotonic() + 5
    while True:
        try:
            streams.append(stand.lent.engine.events(0))
            break
        except OSError:
            assert time.monotonic() < limit_s
            time.sleep(0.02)
    for stream in streams:
        stream.close()
