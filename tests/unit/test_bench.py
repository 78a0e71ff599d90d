"""The parts of the benchmark that need no lab."""

from ipaddress import IPv4Address

from tests.bench.contenders import Cost, compete
from tests.bench.mesh import MeshContainer, Pairs, host_rules
from tests.lab.namespaces import Namespace


def container(index: int, bridge: int) -> MeshContainer:
    """Return a container whose namespace is not looked at."""
    return MeshContainer(
        index=index,
        name=f"c{index}",
        bridge=bridge,
        address=IPv4Address(index),
        mac="",
        namespace=Namespace.__new__(Namespace),
    )


ALL = [container(index, index // 3) for index in range(6)]


def test_pairs_of_all() -> None:
    """Everybody with everybody else, by index as in a row; true on one bridge."""
    pairs = Pairs([(one, ALL) for one in ALL])
    expected = [(one, other) for one in ALL for other in ALL if one is not other]

    assert expected == list(pairs) == [pairs[place] for place in range(len(pairs))]
    assert expected[3:7] == pairs[3:7]
    assert bytes(a.bridge == b.bridge for a, b in expected) == pairs.promised()


def test_pairs_on_each_bridge() -> None:
    """The row of a source need not begin with the first container."""
    pairs = Pairs([(one, ALL[3 * one.bridge :][:3]) for one in ALL])

    assert 12 == len(pairs)
    assert list(pairs) == [pairs[place] for place in range(12)]
    assert bytes([1] * 12) == pairs.promised()


def test_a_forward_leaves_every_bridge_by_drop() -> None:
    """Each bridge enters the first stage and is dropped in the second."""
    rules = host_rules(2)

    for bridge in ("br0", "br1"):
        first = f"-A DOCKER-ISOLATION-STAGE-1 -i {bridge} ! -o {bridge}"
        assert f"{first} -j DOCKER-ISOLATION-STAGE-2\n" in rules
        assert f"-A DOCKER-ISOLATION-STAGE-2 -o {bridge} -j DROP\n" in rules


class Paid:
    """Costs what it is told to, and notes when it has its turn."""

    def __init__(self, name: str, costs_us: list[int], turns: list[str]) -> None:
        """Take the costs of its turns."""
        self.name = name
        self._costs_us = costs_us
        self._turns = turns

    def turn(self) -> Cost:
        """Note the turn."""
        self._turns.append(self.name)
        return Cost(probes=10, cpu_s=self._costs_us.pop(0) / 1e5, false=1)


def test_turns_alternate_and_ratios_are_of_one_round() -> None:
    """The median of the ratios, not the ratio of the medians."""
    turns: list[str] = []
    limit = Paid("limit", [10, 20, 40], turns)
    other = Paid("other", [20, 80, 40], turns)
    _, found = compete([limit, other], 3, say=lambda _: None)

    assert ["other", "limit", "limit", "other", "other", "limit"] == turns
    assert (2.0, 40.0, 3, 30) == (
        found.times_limit,
        round(found.us, 6),
        found.false,
        found.probes,
    )
