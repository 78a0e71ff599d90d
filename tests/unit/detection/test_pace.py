"""When what was touched is looked at, and how often at most."""

import pytest

from exporter.detection.pace import (
    FILTER_WINDOW,
    LINK_WINDOW,
    Allowance,
    Settling,
    Window,
)
from exporter.detection.touched import NAMED, NOTHING, Touched

RULES = Touched(tables=frozenset({"ip filter"}))
PORTS = Touched(bridges=frozenset({"br0"}))
SYSCTL = Touched(sysctls=frozenset({"net.ipv4.ip_forward"}))
LOST = Touched(lost=frozenset({"links"}))
NOW_S = 100.0


class TestSettling:
    """Bursts."""

    def test_nothing_is_never_due(self) -> None:
        """Nor does what touched nothing make it so."""
        settling = Settling()
        settling.add(NOTHING, NOW_S)

        assert settling.due_s() is None

    @pytest.mark.parametrize(
        ("touched", "window"),
        [
            (RULES, FILTER_WINDOW),
            (SYSCTL, FILTER_WINDOW),
            (LOST, FILTER_WINDOW),
            (PORTS, LINK_WINDOW),
        ],
    )
    def test_one_change_is_due_once_it_is_quiet(
        self, touched: Touched, window: Window
    ) -> None:
        """Links are waited for a little longer."""
        settling = Settling()
        settling.add(touched, NOW_S)

        assert NOW_S + window.quiet_s == settling.due_s()

    @pytest.mark.parametrize(
        ("touched", "window"), [(RULES, FILTER_WINDOW), (PORTS, LINK_WINDOW)]
    )
    def test_a_burst_without_end_is_due_all_the_same(
        self, touched: Touched, window: Window
    ) -> None:
        """A storm never puts off the first look."""
        settling = Settling()
        for step in range(1000):
            settling.add(touched, NOW_S + step * window.quiet_s / 2)

        assert NOW_S + window.most_s == settling.due_s()

    def test_rules_do_not_wait_for_links(self) -> None:
        """Whatever is due first takes all."""
        settling = Settling()
        settling.add(PORTS, NOW_S)
        settling.add(RULES, NOW_S)

        assert NOW_S + FILTER_WINDOW.quiet_s == settling.due_s()
        assert RULES | PORTS == settling.take()
        assert settling.due_s() is None

    def test_what_was_taken_is_gone(self) -> None:
        """The next burst starts anew."""
        settling = Settling()
        settling.add(RULES, NOW_S)
        settling.take()
        settling.add(PORTS, NOW_S + 9)

        assert NOW_S + 9 + LINK_WINDOW.quiet_s == settling.due_s()
        assert PORTS == settling.take()

    def test_who_did_it_may_be_told_afterwards(self) -> None:
        """But is not held for the next change of somebody else."""
        process = Touched(processes=frozenset({"nft"}))
        settling = Settling()
        settling.add(process, NOW_S)
        settling.add(RULES, NOW_S)
        assert RULES == settling.take()

        settling.add(RULES, NOW_S)
        settling.add(process, NOW_S)
        assert RULES | process == settling.take()


class TestAllowance:
    """Storms."""

    def test_a_few_follow_one_another_at_once(self) -> None:
        """Then one each refill."""
        allowance = Allowance(burst=3, refill_s=5.0)
        waits = []
        for _ in range(5):
            waits.append(allowance.wait_s(NOW_S))
            allowance.spend(NOW_S, 0.1)

        assert [0, 0, 0, 5.0, 10.0] == pytest.approx(waits)

    def test_it_fills_with_time_and_not_beyond(self) -> None:
        """An hour of quiet allows no longer burst."""
        allowance = Allowance(burst=2, refill_s=5.0)
        for _ in range(2):
            allowance.spend(NOW_S, 0.1)
        assert 5.0 == pytest.approx(allowance.wait_s(NOW_S))
        assert 2.0 == pytest.approx(allowance.wait_s(NOW_S + 3))
        for _ in range(2):
            allowance.spend(NOW_S + 3600, 0.1)

        assert 5.0 == pytest.approx(allowance.wait_s(NOW_S + 3600))

    def test_sweeps_take_a_share_of_the_time_at_most(self) -> None:
        """What takes ten seconds may be done every fifty."""
        allowance = Allowance(burst=1, refill_s=5.0, share=0.2)
        allowance.spend(NOW_S, 10.0)

        assert 50.0 == pytest.approx(allowance.wait_s(NOW_S))

    def test_a_storm_makes_few_sweeps(self) -> None:
        """Of a minute with a change every 10 ms."""
        allowance, now_s, sweeps = Allowance(burst=4, refill_s=5.0), NOW_S, 0
        while now_s < NOW_S + 60:
            if allowance.wait_s(now_s) == 0:
                allowance.spend(now_s, 0.3)
                sweeps += 1
            now_s += 0.01

        assert 15 <= sweeps <= 16


@pytest.mark.parametrize(
    ("touched", "trigger", "sources"),
    [
        (RULES, "firewall", ("nftables",)),
        (RULES | PORTS | SYSCTL, "firewall", ("links", "nftables", "sysctls")),
        (LOST, "firewall", ("links",)),
        (SYSCTL | PORTS, "sysctl", ("links", "sysctls")),
        (PORTS, "link", ("links",)),
        (Touched(hosts=frozenset({"eth0"})), "link", ("links",)),
    ],
)
def test_words(touched: Touched, trigger: str, sources: tuple[str, ...]) -> None:
    """The strongest trigger names the cycle; every source is counted."""
    assert (trigger, sources) == (touched.trigger, touched.sources)


def test_names_are_kept_up_to_a_bound() -> None:
    """Of tables and processes; bridges decide what is probed, so they all count."""
    many = NOTHING
    for number in range(3 * NAMED):
        name = frozenset({str(number)})
        many |= Touched(tables=name, processes=name, bridges=name)

    assert (NAMED, NAMED, 3 * NAMED) == (
        len(many.tables),
        len(many.processes),
        len(many.bridges),
    )


def test_the_log_gets_what_is_known() -> None:
    """And no empty words."""
    assert {"tables": frozenset({"ip filter"}), "links": frozenset({"br0"})} == (
        (RULES | PORTS).words
    )
