"""What this process lacks is told from /proc alone, with what still works."""

from pathlib import Path

import pytest

from exporter.capabilities import (
    NEEDS,
    Ability,
    Assessment,
    Need,
    Privileges,
    assess,
    read_privileges,
)

ALL = frozenset(
    {
        Need.DAC_READ_SEARCH,
        Need.NET_ADMIN,
        Need.NET_RAW,
        Need.SYS_PTRACE,
        Need.SYS_ADMIN,
    }
)
FULL_MASK = "000001ffffffffff"
INITIAL = "pid:[4026531836]"


def proc_with(
    folder: Path,
    *,
    uid: int = 0,
    mask: str = FULL_MASK,
    pids: str = "77",
    pid_namespace: str = INITIAL,
) -> str:
    """Return a /proc in which this process has the given status."""
    own = folder / "self"
    (own / "ns").mkdir(parents=True)
    (own / "ns" / "pid").symlink_to(pid_namespace)
    (own / "status").write_text(
        f"Name:\tx\nUid:\t1000\t{uid}\t0\t0\nNSpid:\t{pids}\n"
        f"CapPrm:\t{FULL_MASK}\nCapEff:\t{mask}\nCapBnd:\t{FULL_MASK}\n"
    )
    return str(folder)


def root(
    *, without: frozenset[Need] = frozenset(), pids: bool | None = True
) -> Privileges:
    """Return root's privileges on Linux without some."""
    return Privileges(linux=True, root=True, capabilities=ALL - without, host_pids=pids)


class TestReading:
    """read_privileges over a recorded /proc."""

    def test_everything_of_root(self, tmp_path: Path) -> None:
        """Root of the host holds every capability and sees the host's pids."""
        expected = Privileges(linux=True, root=True, capabilities=ALL, host_pids=True)

        assert expected == read_privileges(proc_with(tmp_path))

    @pytest.mark.parametrize(
        ("mask", "expected"),
        [
            pytest.param("0000000000000000", frozenset(), id="nothing"),
            pytest.param("0000000000002000", {Need.NET_RAW}, id="net raw"),
            pytest.param("0000000000200000", {Need.SYS_ADMIN}, id="sys admin"),
            pytest.param("0000000000080000", {Need.SYS_PTRACE}, id="sys ptrace"),
            pytest.param("0000000000001000", {Need.NET_ADMIN}, id="net admin"),
            pytest.param("0000000000000004", {Need.DAC_READ_SEARCH}, id="read search"),
            pytest.param(
                "00000000a80425fb", {Need.NET_RAW}, id="an ordinary container"
            ),
            pytest.param("no number", frozenset(), id="unreadable"),
        ],
    )
    def test_each_capability_has_its_bit(
        self, tmp_path: Path, mask: str, expected: set[Need]
    ) -> None:
        """Only the effective set counts, by the numbers of capability.h."""
        found = read_privileges(proc_with(tmp_path, mask=mask))

        assert expected == found.capabilities

    def test_a_user_is_told_by_the_effective_id(self, tmp_path: Path) -> None:
        """A process is root's if its effective user is 0."""
        assert not read_privileges(proc_with(tmp_path, uid=1000)).root

    @pytest.mark.parametrize(
        ("pids", "pid_namespace", "expected"),
        [
            pytest.param("77", INITIAL, True, id="on the host"),
            pytest.param("7", "pid:[4026532999]", None, id="in a namespace of its own"),
            pytest.param("77 7", "pid:[4026532999]", True, id="with the host's proc"),
        ],
    )
    def test_what_is_known_of_the_hosts_pids(
        self, tmp_path: Path, pids: str, pid_namespace: str, expected: bool | None
    ) -> None:
        """In a pid namespace of our own nobody can say whose pids these are."""
        proc = proc_with(tmp_path, pids=pids, pid_namespace=pid_namespace)

        assert read_privileges(proc).host_pids is expected

    def test_without_proc_nothing_is_held(self, tmp_path: Path) -> None:
        """What cannot be read is not held, and nothing is raised."""
        assert Privileges(linux=True) == read_privileges(str(tmp_path / "none"))

    def test_not_linux(self) -> None:
        """Elsewhere than on Linux there is nothing to read."""
        assert Privileges(linux=False) == read_privileges(platform="darwin")

    def test_this_process(self) -> None:
        """The real /proc parses too."""
        assert read_privileges().linux


def test_missing_keeps_the_order_of_needs() -> None:
    """What is missing is listed once, in a fixed order."""
    held = root(without=frozenset({Need.SYS_ADMIN, Need.NET_RAW}), pids=None)

    assert (Need.NET_RAW, Need.SYS_ADMIN, Need.HOST_PIDS) == held.missing(
        [Need.HOST_PIDS, Need.SYS_ADMIN, Need.NET_RAW, Need.LINUX, Need.SYS_ADMIN]
    )


class TestAssessment:
    """What works and what is lost."""

    def test_every_ability_names_its_needs(self) -> None:
        """No part of the program is left out."""
        assert set(Ability) == set(NEEDS)

    def test_nothing_missing_says_nothing(self) -> None:
        """With everything granted, the line for the user is empty."""
        found = assess(root())

        assert Assessment(missing=(), works=tuple(Ability), lost=()) == found
        assert "" == str(found)

    @pytest.mark.parametrize(
        ("without", "pids", "missing", "lost"),
        [
            pytest.param(
                {Need.SYS_PTRACE},
                True,
                (Need.SYS_PTRACE,),
                {Ability.BY_PROCESS},
                id="no ptrace: the SandboxKeys do",
            ),
            pytest.param(
                {Need.NET_RAW},
                True,
                (Need.NET_RAW,),
                {Ability.PROBES},
                id="no raw sockets: names still resolve",
            ),
            pytest.param(
                {Need.NET_ADMIN},
                True,
                (Need.NET_ADMIN,),
                {Ability.BUFFERS},
                id="no net admin: only comfort is lost",
            ),
            pytest.param(
                {Need.SYS_ADMIN},
                True,
                (Need.SYS_ADMIN,),
                {
                    Ability.NAMES,
                    Ability.PROBES,
                    Ability.BY_SANDBOX_KEY,
                    Ability.BY_PROCESS,
                },
                id="no sys admin: no namespace at all",
            ),
            pytest.param(
                set(),
                None,
                (Need.HOST_PIDS,),
                {Ability.BY_PROCESS, Ability.PROCESS_END},
                id="hidden pids: the SandboxKeys do",
            ),
        ],
    )
    def test_what_each_lack_costs(
        self,
        without: set[Need],
        pids: bool | None,
        missing: tuple[Need, ...],
        lost: set[Ability],
    ) -> None:
        """Each missing grant is named, with exactly what it costs."""
        found = assess(root(without=frozenset(without), pids=pids))

        assert missing == found.missing
        assert lost == set(found.lost)
        assert set(Ability) - lost == set(found.works)

    def test_a_user_needs_to_reach_the_sandbox_keys(self) -> None:
        """Without CAP_DAC_READ_SEARCH a user enters by process only."""
        user = Privileges(
            linux=True, capabilities=ALL - {Need.DAC_READ_SEARCH}, host_pids=True
        )

        found = assess(user)

        assert (Need.DAC_READ_SEARCH,) == found.missing
        assert (Ability.BY_SANDBOX_KEY,) == found.lost

    def test_a_user_with_neither_way_in_probes_nothing(self) -> None:
        """Where no namespace can be reached, probes and names are lost too."""
        user = Privileges(linux=True, capabilities=frozenset({Need.SYS_ADMIN}))

        assert Ability.NAMES in assess(user).lost

    def test_a_container_that_was_seen_overrules(self) -> None:
        """Whether the engine's pids are seen is settled by looking for one."""
        nested = root(pids=None)

        assert (Need.HOST_PIDS,) == assess(nested).missing
        assert () == assess(nested, sees_containers_pids=True).missing
        assert (Need.HOST_PIDS,) == assess(root(), sees_containers_pids=False).missing

    def test_not_linux_leaves_the_topology(self) -> None:
        """Elsewhere only Linux itself is asked for, and the topology still works."""
        found = assess(Privileges(linux=False))

        assert (Need.LINUX,) == found.missing
        assert (Ability.TOPOLOGY,) == found.works

    def test_the_line_that_a_user_reads(self) -> None:
        """One line: what is missing, what still works, what does not."""
        line = str(assess(root(without=frozenset({Need.SYS_PTRACE}), pids=None)))

        assert (
            "missing CAP_SYS_PTRACE, host pid namespace; "
            "still works: topology and subnets, name lookups, probes, "
            "entering namespaces by SandboxKey, "
            "receive buffers beyond the system's limit; "
            "does not: entering namespaces by /proc/PID/ns/net, "
            "closing sockets the moment a container's process ends"
        ) == line
