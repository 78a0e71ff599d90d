"""When a namespace counts as the engine's, and who listens on its socket."""

import os
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address
from pathlib import Path

import pytest

from exporter.hostns import (
    BridgeMark,
    Listener,
    ListenerKind,
    find_listener,
    refusal,
)
from exporter.model.topology import HostInterface
from tests.fakes.listener import Program, listening

GATEWAYS = {"docker0": "172.17.0.1", "br-0123456789ab": "172.18.0.1", "lan": "10.0.0.1"}


def marks(*names: str) -> list[BridgeMark]:
    """Return what the engine says of its bridges."""
    return [
        BridgeMark(name=name, gateways=(IPv4Address(GATEWAYS[name]),)) for name in names
    ]


def interfaces(**addresses: str) -> list[HostInterface]:
    """Return interfaces with their one address; "" for none."""
    return [
        HostInterface(
            name=name.replace("_", "-"),
            index=index,
            up=False,
            mtu=1500,
            mac=None,
            addresses=((ip_address(address), 16),) if address else (),
        )
        for index, (name, address) in enumerate(addresses.items(), start=2)
    ]


BY_ORIGIN, ELSEWHERE, WITH_LISTENER = "by origin", "elsewhere", "with its listener"


@pytest.mark.parametrize(
    ("bridges", "there", "way", "expected"),
    [
        pytest.param(
            marks("docker0"),
            interfaces(docker0="172.17.0.1"),
            WITH_LISTENER,
            None,
            id="docker0 with its address beside the listener",
        ),
        pytest.param(
            marks("docker0"),
            interfaces(docker0="172.17.0.1"),
            ELSEWHERE,
            "holds only docker0, which another engine may have made",
            id="docker0 alone: every engine has it",
        ),
        pytest.param(
            [BridgeMark(name="docker0")],
            interfaces(docker0="172.17.0.1"),
            WITH_LISTENER,
            None,
            id="docker0 of which the engine tells no gateway, beside the listener",
        ),
        pytest.param(
            [BridgeMark(name="docker0")],
            interfaces(docker0="172.17.0.1"),
            ELSEWHERE,
            "holds only docker0, which another engine may have made",
            id="docker0 of which the engine tells no gateway, alone",
        ),
        pytest.param(
            marks("docker0"),
            interfaces(docker0="172.19.0.1"),
            WITH_LISTENER,
            "holds docker0 without a gateway address of the engine's",
            id="another engine's docker0",
        ),
        pytest.param(
            marks("docker0", "br-0123456789ab"),
            interfaces(docker0="172.17.0.1", br_0123456789ab=""),
            ELSEWHERE,
            None,
            id="a bridge named after its network's id, its address deleted",
        ),
        pytest.param(
            marks("docker0", "br-0123456789ab"),
            interfaces(br_0123456789ab="172.18.0.1"),
            ELSEWHERE,
            None,
            id="half of the bridges",
        ),
        pytest.param(
            marks("docker0", "br-0123456789ab", "lan"),
            interfaces(br_0123456789ab="172.18.0.1"),
            ELSEWHERE,
            "holds 1 of the engine's 3 bridges",
            id="less than half of the bridges",
        ),
        pytest.param(
            marks("docker0", "lan"),
            interfaces(docker0="172.17.0.1", lan="10.0.0.1"),
            ELSEWHERE,
            "holds only docker0, lan, which another engine may have made",
            id="names that anybody may choose",
        ),
        pytest.param(
            marks("docker0"),
            interfaces(eth0="172.17.0.1"),
            WITH_LISTENER,
            "holds 0 of the engine's 1 bridges",
            id="the address on another interface",
        ),
        pytest.param(
            marks(), interfaces(eth0="10.0.0.2"), BY_ORIGIN, None, id="no bridge, sure"
        ),
        pytest.param(
            marks(),
            interfaces(eth0="10.0.0.2"),
            WITH_LISTENER,
            "the engine has no bridge to know it by",
            id="no bridge, unsure",
        ),
        pytest.param(
            marks("docker0", "br-0123456789ab", "lan"),
            interfaces(docker0=""),
            BY_ORIGIN,
            None,
            id="the engine's own process, all but one bridge broken",
        ),
        pytest.param(
            marks("docker0"),
            interfaces(eth0="10.0.0.2"),
            BY_ORIGIN,
            "holds none of the engine's bridges",
            id="the engine's own process, no bridge",
        ),
    ],
)
def test_what_counts_as_the_host(
    bridges: list[BridgeMark],
    there: list[HostInterface],
    way: str,
    expected: str | None,
) -> None:
    """Never guessed, and no fault of one bridge switches the host off."""
    assert expected == refusal(
        bridges,
        there,
        by_origin=way == BY_ORIGIN,
        listener_is_there=way == WITH_LISTENER,
    )


def test_a_bridge_without_a_gateway_counts_by_its_name() -> None:
    """Isolated networks and inhibited addresses leave no address to look for."""
    isolated = [BridgeMark(name="br-0123456789ab")]

    assert None is refusal(
        isolated,
        interfaces(br_0123456789ab=""),
        by_origin=False,
        listener_is_there=False,
    )


class TestListener:
    """Who listens on a socket."""

    @pytest.fixture(params=["dockerd", "podman"])
    def engine(
        self, request: pytest.FixtureRequest, tmp_path: Path
    ) -> Iterator[Program]:
        """A program that is called like an engine."""
        with listening(tmp_path, request.param) as program:
            yield program

    def test_an_engine(self, engine: Program) -> None:
        """It is known by its name, and whether it shares our network is told."""
        expected = Listener(
            kind=ListenerKind.ENGINE, pid=engine.pid, shares_our_network=True
        )

        assert expected == find_listener(engine.socket)

    def test_a_proxy(self, tmp_path: Path) -> None:
        """Any other program says nothing of the engine."""
        path = str(tmp_path / "proxy.sock")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()
            found = find_listener(path)

        assert (ListenerKind.PROXY, os.getpid()) == (found.kind, found.pid)

    def test_nobody(self, tmp_path: Path) -> None:
        """No socket, no path, or one that nobody serves any more."""
        stale = str(tmp_path / "stale.sock")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(stale)

        for path in (None, stale, str(tmp_path / "none.sock"), str(tmp_path)):
            assert Listener(kind=ListenerKind.UNSEEN) == find_listener(path)
