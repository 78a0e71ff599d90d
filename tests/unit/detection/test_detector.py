"""The detector on a kernel that tells what a test says: what is swept, and when."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from exporter.clock import SystemClock
from exporter.detection.detector import Detector
from exporter.detection.host import Look
from exporter.model.detection import DetectionSource
from exporter.model.outcome import Scope
from exporter.model.plan import plan
from tests.fakes.detection import FORWARDING, FakeKernel, Sweeps, host_found
from tests.fakes.notifications import of_address, of_link, of_table

pytestmark = pytest.mark.anyio
LEGACY = Look(sysctls=FORWARDING, legacy=("iptables-legacy filter",))
RULE = of_table(6, "filter", family=2)


@pytest.fixture
def anyio_backend() -> str:
    """Run on the loop that the service runs on."""
    return "asyncio"


class Scene:
    """A detector that runs, and everything around it."""

    def __init__(self, watch_s: float) -> None:
        """Put it together; nothing runs."""
        self.kernel, self.service = FakeKernel(), Sweeps()
        clock = SystemClock()
        service = self.service.service()
        self.detector = Detector(self.kernel, service, clock, watch_s=watch_s)

    async def until(self, true: Callable[[], bool]) -> None:
        """Let everything run until something holds, in a bounded time."""
        async with asyncio.timeout(5):
            while not true():  # noqa: ASYNC110 - the state of many threads
                await asyncio.sleep(0.001)

    @property
    def active(self) -> set[DetectionSource]:
        """The sources in use."""
        sources = self.detector.detection.sources
        return {state.source for state in sources if state.active}

    @property
    def notices(self) -> str:
        """What is said of the sources."""
        return "\n".join(self.detector.detection.notices)


@asynccontextmanager
async def running(
    *,
    watch_s: float = 60.0,
    prepare: Callable[[Scene], None] = lambda _: None,
    opened: bool = True,
) -> AsyncIterator[Scene]:
    """Run a detector, once it has looked for the first time."""
    scene = Scene(watch_s)
    prepare(scene)
    task = asyncio.create_task(scene.detector.run(scene.service))
    try:
        if opened:
            await scene.until(lambda: scene.kernel.looks > 0)
        yield scene
    finally:
        scene.detector.stop()
        await task
        leaked = [one for one in scene.kernel.opened if not closed(one.nftables)]
        scene.kernel.close()
    assert leaked == []


def closed(source: object) -> bool:
    """Return whether notifications are not open any more."""
    return source is None or bool(getattr(source, "closed", False))


async def test_a_told_change_of_rules_is_swept_at_once() -> None:
    """Pairs across bridges, with the host's; the log has table and trigger."""
    with capture_logs() as lines:
        async with running() as scene:
            scene.kernel.nftables.tell(RULE)
            await scene.until(lambda: scene.service.triggers == ["firewall"])

    assert len(scene.service.ran[0][1]) == 16
    assert scene.service.tally.changes == {"nftables": 1}
    assert [line for line in lines if line["event"] == "change.noticed"] == [
        {
            "event": "change.noticed",
            "log_level": "info",
            "trigger": "firewall",
            "tables": "ip filter",
        }
    ]


async def test_a_burst_is_one_sweep() -> None:
    """As of a `docker run`."""
    async with running() as scene:
        for _ in range(50):
            scene.kernel.nftables.tell(RULE)
            await asyncio.sleep(0)
        await scene.until(lambda: bool(scene.service.ran))
        await asyncio.sleep(0.1)

        assert scene.service.triggers == ["firewall"]


async def test_a_storm_does_not_sweep_for_ever() -> None:
    """A few at once; the next has to wait, which counts."""
    async with running() as scene:
        for _ in range(6):
            scene.kernel.nftables.tell(RULE)
            await asyncio.sleep(0.06)
        await scene.until(lambda: scene.service.tally.sweeps_put_off == 1)

        assert len(scene.service.ran) == 4
        state = next(s for s in scene.detector.detection.sources)
        assert state.lag_s > 1


async def test_a_link_is_swept_for_its_network() -> None:
    """And one of nobody's network is not."""
    async with running() as scene:
        scene.kernel.links.tell(of_link(3, name="br-mybridge"))
        scene.kernel.links.tell(of_link(5, master=3))
        await scene.until(lambda: bool(scene.service.ran))

        assert scene.service.triggers == ["link"]
        assert scene.service.tally.changes == {"links": 1}


async def test_a_change_of_no_container_is_noticed_and_no_more() -> None:
    """Such as of another program's bridge."""
    async with running() as scene:
        scene.kernel.links.tell(of_link(3, name="virbr0"))
        scene.kernel.links.tell(of_link(5, master=3))
        await scene.until(lambda: scene.service.tally.changes == {"links": 1})

        assert scene.service.ran == []


async def test_a_changed_sysctl_is_seen_at_the_next_look() -> None:
    """Nobody tells of it."""
    async with running(watch_s=0.02) as scene:
        scene.kernel.answer = Look(sysctls={"net.ipv4.ip_forward": "0"})
        await scene.until(lambda: scene.service.triggers == ["sysctl"])

        assert scene.service.tally.changes == {"sysctls": 1}


async def test_what_came_to_be_there_is_a_change() -> None:
    """br_netfilter brings its sysctls with it, and tables of the older iptables."""
    async with running(watch_s=0.02) as scene:
        more = {**FORWARDING, "net.bridge.bridge-nf-call-iptables": "1"}
        scene.kernel.answer = Look(sysctls=more)
        await scene.until(lambda: scene.service.triggers == ["sysctl"])
        scene.kernel.answer = replace(LEGACY, sysctls=more)
        await scene.until(lambda: scene.service.triggers.count("sysctl") == 2)


async def test_lost_notifications_count_as_a_change_of_everything() -> None:
    """The sources are opened anew, as what is known of links may be wrong."""
    async with running() as scene:
        first = scene.kernel.links
        first.tell(None)
        await scene.until(lambda: len(scene.kernel.opened) == 2)
        await scene.until(lambda: "firewall" in scene.service.triggers)

        assert first.closed
        assert not scene.kernel.links.closed


async def test_what_does_not_parse_counts_as_lost() -> None:
    """A kernel may write what we do not know."""
    async with running() as scene:
        scene.kernel.nftables.tell(b"\0\1")
        await scene.until(lambda: scene.service.triggers == ["firewall"])


async def test_another_namespace_is_listened_to_anew() -> None:
    """An engine that was started again may have a new one; the old is let go."""
    async with running(watch_s=0.02) as scene:
        first = scene.kernel.nftables
        scene.service.host = host_found(2)
        await scene.until(lambda: len(scene.kernel.opened) == 2)
        await scene.until(lambda: scene.service.triggers == ["firewall"])
        scene.kernel.nftables.tell(RULE)
        await scene.until(lambda: len(scene.service.ran) == 2)

        assert first.closed


async def test_a_namespace_that_is_gone_is_let_go() -> None:
    """Our sockets must not keep it alive."""
    async with running(watch_s=0.02) as scene:
        scene.service.host = None
        await scene.until(lambda: scene.kernel.nftables.closed)

        assert scene.kernel.links.closed
        assert DetectionSource.NFTABLES not in scene.active


async def test_nothing_is_missing_where_everything_is_told() -> None:
    """No representatives are probed."""
    async with running(watch_s=0.02) as scene:
        await scene.until(lambda: scene.kernel.looks > 5)

        assert scene.service.ran == []
        assert scene.notices == ""
        assert scene.active == {
            DetectionSource.NFTABLES,
            DetectionSource.LINKS,
            DetectionSource.SYSCTLS,
        }


async def test_another_state_is_told_once() -> None:
    """What serves it must not wait for the next cycle."""
    async with running(watch_s=0.01) as scene:
        await scene.until(lambda: scene.kernel.looks > 5)
        assert scene.service.changes == 1
        scene.kernel.answer = LEGACY
        await scene.until(lambda: scene.service.changes == 2)


async def test_without_the_capability_representatives_stand_in() -> None:
    """The notice says what is missing; the link's sources still tell."""

    def refuse(scene: Scene) -> None:
        scene.kernel.refusals = {"nftables": "CAP_NET_ADMIN is missing"}

    async with running(watch_s=0.02, prepare=refuse) as scene:
        await scene.until(lambda: len(scene.service.ran) >= 2)

        assert set(scene.service.triggers) == {"watch"}
        assert DetectionSource.REPRESENTATIVES in scene.active
        assert "CAP_NET_ADMIN" in scene.notices
        first, second = (found for _, found in scene.service.ran[:2])
        assert 0 < len(first) < 16
        assert {item.pair for item in first} != {item.pair for item in second}


async def test_what_is_broken_is_looked_at_with_every_sweep() -> None:
    """Its end is to be seen as soon as its begin was."""

    def refuse(scene: Scene) -> None:
        scene.kernel.refusals = {"nftables": "CAP_NET_ADMIN is missing"}

    async with running(watch_s=0.02, prepare=refuse) as scene:
        scopes = {Scope.CONTAINER}
        planned = plan(scene.service.topology, scopes, lambda _: True)
        scene.service.broken = [item.pair for item in planned]
        before = len(scene.service.ran)
        await scene.until(lambda: len(scene.service.ran) > before + 1)

        found = {item.pair for item in scene.service.ran[-1][1]}
        assert set(scene.service.broken) <= found


async def test_beside_older_tables_representatives_stand_in() -> None:
    """Nobody tells of their changes."""

    def use_legacy(scene: Scene) -> None:
        scene.kernel.answer = LEGACY

    async with running(watch_s=0.02, prepare=use_legacy) as scene:
        await scene.until(lambda: "watch" in scene.service.triggers)

        assert "iptables-legacy filter" in scene.notices
        assert DetectionSource.REPRESENTATIVES in scene.active


async def test_an_engine_elsewhere_is_not_watched() -> None:
    """There is nothing to probe, and no line for it."""

    def move_away(scene: Scene) -> None:
        found = scene.service.topology
        elsewhere = replace(found.engine, local=False, local_reason="by TCP")
        scene.service.topology = replace(found, engine=elsewhere)
        scene.service.host = None

    async with running(watch_s=0.01, prepare=move_away, opened=False) as scene:
        await asyncio.sleep(0.1)

        assert (scene.active, scene.notices, scene.service.ran) == (set(), "", [])


async def test_a_namespace_that_cannot_be_entered_is_said_and_tried_again() -> None:
    """It may have ended a moment ago."""

    def end(scene: Scene) -> None:
        scene.kernel.gone = True

    async with running(prepare=end, opened=False) as scene:
        await scene.until(lambda: "/ns/1" in scene.notices)
        scene.kernel.gone = False
        await scene.until(lambda: scene.kernel.looks > 0)
        await scene.until(lambda: scene.notices == "")


async def test_what_happened_while_nobody_listened_is_looked_at() -> None:
    """A namespace that could not be entered for a second may have other rules since."""
    async with running(watch_s=0.02) as scene:
        scene.kernel.gone = True
        await scene.until(lambda: scene.kernel.nftables.closed)
        scene.kernel.gone = False
        await scene.until(lambda: len(scene.kernel.opened) == 2)

        await scene.until(lambda: "firewall" in scene.service.triggers)


async def test_changes_before_anything_is_known_ask_for_nothing() -> None:
    """The first cycle looks at everything."""
    async with running() as scene:
        scene.service.known = False
        scene.kernel.nftables.tell(RULE)
        await scene.until(lambda: scene.service.tally.changes == {"nftables": 1})

        assert scene.service.ran == []


async def test_a_step_that_fails_does_not_end_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It goes on a little later."""
    monkeypatch.setattr("exporter.detection.detector.SEARCH_S", 0.01)
    async with running() as scene:
        scene.service.error = ZeroDivisionError()
        scene.kernel.nftables.tell(RULE)
        await scene.until(lambda: scene.service.tally.errors == {"detection": 1})
        scene.service.error = None
        scene.kernel.links.tell(of_address(2, "10.0.0.9"))
        scene.kernel.nftables.tell(RULE)
        await scene.until(lambda: len(scene.service.ran) == 2)
