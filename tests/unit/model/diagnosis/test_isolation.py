"""Docker's own rules that are gone, and engines that keep none."""

from dataclasses import replace

import pytest

from exporter.model.cause import CauseId
from tests.fakes.filters import Chains, FakeFilter, docker_rules
from tests.fakes.inspections import (
    HOST_NAME,
    healthy,
    with_filter,
    with_macs,
)
from tests.fakes.leaking import (
    ACCEPT_BY_DOCKER,
    ACCEPT_FIRST,
    DEMO,
    ENTRY,
    FINE,
    FORWARD,
    RAW,
    STAGE_1,
    STAGE_2,
    causes,
    engine,
    filtered,
    ids,
)
from tests.fakes.topologies import container, endpoint, network, topology

NO_CHAINS: Chains = {FORWARD: (), ("filter", "DOCKER-USER"): ("-j RETURN",)}


class TestGone:
    """Docker's own rules are gone."""

    @pytest.mark.parametrize(
        ("gone", "line"),
        [
            pytest.param((STAGE_1,), "chain DOCKER-ISOLATION-STAGE-1: empty", id="1"),
            pytest.param((STAGE_2,), "chain DOCKER-ISOLATION-STAGE-2: empty", id="2"),
            pytest.param((ENTRY,), "chain DOCKER: empty", id="entry"),
        ],
    )
    def test_a_chain_was_flushed(
        self, gone: tuple[tuple[str, str], ...], line: str
    ) -> None:
        """Each layer that is missing is told, with what accepted instead."""
        (found,) = causes(filtered(ACCEPT_BY_DOCKER, empty=gone))

        assert (CauseId.ISOLATION_MISSING, True) == (found.id, found.certain)
        assert (
            f"host, table filter, {line}",
            (
                "host, table filter, chain DOCKER-FORWARD: -A DOCKER-FORWARD "
                "-i br-bridge -j ACCEPT"
            ),
        ) == found.evidence

    def test_all_layers(self) -> None:
        """All of them are evidence; the raw drop is a cause of its own."""
        found = causes(filtered(ACCEPT_BY_DOCKER, RAW, empty=(STAGE_1, ENTRY)))

        assert [CauseId.ISOLATION_MISSING, CauseId.RAW_DROP_MISSING] == [
            one.id for one in found
        ]
        assert 3 == len(found[0].evidence)

    @pytest.mark.parametrize(
        ("gone", "line"),
        [
            ("-j DOCKER-FORWARD", "chain FORWARD: no jump to DOCKER-FORWARD"),
            (
                "-j DOCKER-ISOLATION-STAGE-1",
                "chain DOCKER-FORWARD: no jump to DOCKER-ISOLATION-STAGE-1",
            ),
            ("-j DOCKER-BRIDGE", "chain DOCKER-FORWARD: no jump to DOCKER-BRIDGE"),
        ],
    )
    def test_a_jump(self, gone: str, line: str) -> None:
        """A chain that nothing leads to is as good as none."""
        rules = {
            key: tuple(one for one in lines if not one.endswith(gone))
            for key, lines in docker_rules(DEMO).items()
        }

        found = causes(filtered(ACCEPT_BY_DOCKER, chains=rules))

        assert CauseId.ISOLATION_MISSING == found[0].id
        assert f"host, table filter, {line}" in found[0].evidence

    @pytest.mark.parametrize("bridge", ["br-bridge", "br-mybridge"])
    def test_the_rules_of_one_network(self, bridge: str) -> None:
        """The chain is there, but has no rule for a bridge of the pair's."""
        rules = {
            key: tuple(one for one in lines if bridge not in one.split())
            for key, lines in docker_rules(DEMO).items()
            if key != RAW
        }

        found = causes(filtered(ACCEPT_BY_DOCKER, chains=rules))

        assert CauseId.ISOLATION_MISSING == found[0].id
        assert any(f"no rule for {bridge}" in line for line in found[0].evidence)

    def test_of_an_internal_network(self) -> None:
        """Its drop stands in the first stage, by its subnet."""
        inner = network("inner", "172.26.0.0/24", internal=True)
        outer = network("outer", "172.27.0.0/24")
        both = with_macs(
            topology(
                (inner, outer),
                (
                    container("out", endpoint("out", outer, "172.27.0.2")),
                    container("in", endpoint("in", inner, "172.26.0.2")),
                ),
            )
        )
        what = "container out in"

        intact = filtered(ACCEPT_FIRST, found=both)
        gone = filtered(ACCEPT_FIRST, found=both, empty=(STAGE_1,))

        assert [("accepted-by-rule", True)] == ids(intact, both, what)
        assert [("isolation-missing", True)] == ids(gone, both, what)

    @pytest.mark.parametrize(
        ("version", "expected"),
        [
            ("20.10.24", ["isolation-missing"]),
            ("26.1.5", ["isolation-missing"]),
            ("28.5.2", ["isolation-missing", "raw-drop-missing"]),
        ],
    )
    def test_by_engine(self, version: str, expected: list[str]) -> None:
        """What an engine never had is not missing."""
        old = engine(DEMO, version)
        flushed = filtered(ACCEPT_BY_DOCKER, RAW, empty=(STAGE_1,))

        assert expected == [name for name, _ in ids(flushed, old)]

    def test_29_has_no_stages(self) -> None:
        """The drop at the entry of a bridge is what is left of them."""
        new = engine(DEMO, "29.0.0")
        fine = filtered(ACCEPT_FIRST, STAGE_1, STAGE_2)
        gone = filtered(ACCEPT_FIRST, STAGE_1, STAGE_2, empty=(ENTRY,))

        assert [("accepted-by-rule", True)] == ids(fine, new)
        assert [("isolation-missing", True)] == ids(gone, new)


class TestOff:
    """The engine keeps no filter."""

    def test_of_ipv4(self) -> None:
        """No chain of Docker's own: DOCKER-USER may be anybody's."""
        (found,) = causes(filtered(ACCEPT_FIRST, chains=NO_CHAINS))

        assert (CauseId.IPTABLES_OFF, True) == (found.id, found.certain)
        assert 1 == len(found.evidence)

    def test_shows_in_the_default_bridge(self) -> None:
        """`--iptables=false` shows in an option of it."""
        default, mine = DEMO.networks
        plain = replace(
            default,
            options={
                **default.options,
                "com.docker.network.bridge.enable_ip_masquerade": "false",
            },
        )
        told = replace(DEMO, networks=(plain, mine))

        (found,) = causes(filtered(ACCEPT_FIRST, chains=NO_CHAINS), told)

        assert "network bridge: enable_ip_masquerade=false" == found.evidence[1]

    @pytest.mark.parametrize(("version", "lines"), [("26.1.5", 2), ("28.5.2", 1)])
    def test_of_ipv6(self, version: str, lines: int) -> None:
        """Before 27 it is off unless asked for."""
        first, second = (network(f"six{n}", f"fd00:{n}::/64") for n in (1, 2))
        six = with_macs(
            topology(
                (first, second),
                (
                    container("aa", endpoint("aa", first, "fd00:1::2")),
                    container("bb", endpoint("bb", second, "fd00:2::2")),
                ),
                version=version,
            )
        )
        bare = with_filter(healthy(six), HOST_NAME, FakeFilter(NO_CHAINS), 6)

        (found,) = causes(bare, six, "container aa bb IPv6")

        assert (CauseId.IP6TABLES_OFF, True) == (found.id, found.certain)
        assert lines == len(found.evidence)

    def test_not_where_chains_have_other_names(self) -> None:
        """An engine with nftables of its own has none of iptables' chains."""
        other = engine(DEMO, "29.0.0", "nftables")

        assert [] == ids(filtered(ACCEPT_FIRST, chains=NO_CHAINS), other)

    def test_not_where_the_rules_are_not_known(self) -> None:
        """What could not be read is not missing."""
        partly = FakeFilter({}, unread=("legacy tables: not permitted",))

        assert [] == ids(with_filter(FINE, HOST_NAME, None))
        assert [] == ids(with_filter(FINE, HOST_NAME, partly))
