"""The engine's namespace is found among others that look like it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from exporter.errors import NetnsGone
from exporter.hostns import (
    BridgeMark,
    HostCandidates,
    HostFound,
    HostNotFound,
    find_host_namespace,
    open_host,
    read_host_network,
)
from exporter.model.topology import HostRoute
from exporter.netns import NamespaceRef, NetnsId, open_namespace
from tests.lab.fixtures import require
from tests.lab.namespaces import namespaces_missing
from tests.netns.hosts import Host, make_host
from tests.netns.outside import say

pytestmark = pytest.mark.netns

DOCKER0 = BridgeMark(name="docker0", gateways=(IPv4Address("172.17.0.1"),))
NAMED = BridgeMark(name="br-0123456789ab", gateways=(IPv4Address("172.18.0.1"),))
BRIDGES = (DOCKER0, NAMED)

SEARCH = """
from ipaddress import IPv4Address
from exporter.hostns import *
bridges = [BridgeMark(name=name, gateways=(IPv4Address(address),))
           for name, _, address in (entry.partition("=") for entry in sys.argv[2:])]
found = find_host_namespace(HostCandidates(engine_socket=sys.argv[1] or None), bridges)
print(f"{found.source} {found.identity}" if isinstance(found, HostFound)
      else found.reason)
"""

NO_PTRACE = ("setpriv", "--bounding-set", "-sys_ptrace,-net_raw")
"""Without CAP_NET_RAW too, so that a process that holds it is not open to a look."""


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[ExitStack]:
    """What ends the hosts of a test."""
    require(namespaces_missing())
    with ExitStack() as ends:
        yield ends


@pytest.fixture
def host(hosts: ExitStack, tmp_path: Path) -> Host:
    """An engine with docker0 and a user's bridge."""
    made = make_host(hosts, tmp_path / "one")
    made.add_named_bridge()
    return made


def found_by(candidates: HostCandidates, *bridges: BridgeMark) -> tuple[str, NetnsId]:
    """Return the source and the identity of what was found."""
    found = find_host_namespace(candidates, bridges)
    assert isinstance(found, HostFound), found
    return found.source, found.identity


class TestOrder:
    """Each candidate, and which one comes first."""

    def test_the_engines_process(self, host: Host) -> None:
        """The listener of the socket leads to its namespace, whatever ours is."""
        candidates = HostCandidates(engine_socket=host.program.socket)

        assert ("engine process", host.identity) == found_by(candidates, *BRIDGES)

    def test_default_beside_the_sandboxes(self, host: Host) -> None:
        """It comes before the process."""
        candidates = HostCandidates(
            sandbox_keys=(host.add_sandbox_folder(),),
            engine_socket=host.program.socket,
        )

        assert ("netns/default", host.identity) == found_by(candidates, *BRIDGES)

    def test_a_configured_path_comes_first(self, host: Host) -> None:
        """A user who names the namespace is taken at their word."""
        candidates = HostCandidates(
            configured=host.namespace.path,
            sandbox_keys=(host.add_sandbox_folder(),),
            engine_socket=host.program.socket,
        )

        assert ("configured", host.identity) == found_by(candidates, *BRIDGES)

    def test_a_wrong_configured_path_is_passed_over_and_said(self, host: Host) -> None:
        """It holds none of the bridges, so the next candidate is asked."""
        candidates = HostCandidates(
            configured="/proc/self/ns/net", engine_socket=host.program.socket
        )

        found = find_host_namespace(candidates, [NAMED])

        assert isinstance(found, HostFound)
        assert "engine process" == found.source
        assert ("configured: holds none of the engine's bridges",) == found.passed_over

    def test_the_folder_is_mapped(self, host: Host) -> None:
        """The engine's path may stand for another one here."""
        netns = Path(host.add_sandbox_folder()).parent
        candidates = HostCandidates(
            sandbox_keys=("/run/docker/netns/0a1b2c3d4e5f",),
            path_map=(("/run/docker/netns", str(netns)),),
        )

        assert ("netns/default", host.identity) == found_by(candidates, DOCKER0)

    def test_our_own(self, host: Host) -> None:
        """Seen from inside, the bridge named after its id suffices."""
        said = say(
            SEARCH,
            "",
            "docker0=172.17.0.1",
            "br-0123456789ab=172.18.0.1",
            under=["nsenter", f"--net={host.namespace.path}"],
        )

        assert f"own {host.identity}" == said

    def test_our_own_without_ptrace(self, host: Host) -> None:
        """That the engine's process is in our namespace shows without a look into it.

        Its docker0 suffices then.
        """
        said = say(
            SEARCH,
            host.program.socket,
            "docker0=172.17.0.1",
            under=[*("nsenter", f"--net={host.namespace.path}"), *NO_PTRACE],
        )

        assert f"own {host.identity}" == said


class TestNeverGuessed:
    """Namespaces that look right and are not."""

    def test_two_engines_alike(self, hosts: ExitStack, tmp_path: Path) -> None:
        """Both have docker0 with 172.17.0.1: each socket leads to its own."""
        one = make_host(hosts, tmp_path / "one")
        two = make_host(hosts, tmp_path / "two")

        for engine in (one, two):
            candidates = HostCandidates(engine_socket=engine.program.socket)
            assert engine.identity == found_by(candidates, DOCKER0)[1]

    def test_another_engines_host_is_ours(
        self, hosts: ExitStack, tmp_path: Path
    ) -> None:
        """In the host of one engine we are not in that of another, alike or not."""
        one = make_host(hosts, tmp_path / "one")
        two = make_host(hosts, tmp_path / "two")
        inside_one = ["nsenter", f"--net={one.namespace.path}"]
        asked = (SEARCH, two.program.socket, "docker0=172.17.0.1")

        assert f"engine process {two.identity}" == say(*asked, under=inside_one)
        said = say(*asked, under=[*inside_one, *NO_PTRACE])
        assert "grant CAP_SYS_PTRACE" in said
        assert said.endswith("own: the engine runs in another one")

    def test_a_proxy_on_another_engines_host(
        self, hosts: ExitStack, tmp_path: Path
    ) -> None:
        """With `ssh -L` the engine is far away, and the docker0 here is another's."""
        here = make_host(hosts, tmp_path / "one", program="ssh")
        said = say(
            SEARCH,
            here.program.socket,
            "docker0=172.17.0.1",
            under=["nsenter", f"--net={here.namespace.path}"],
        )

        assert "own: holds only docker0, which another engine may have made" == said

    def test_an_engine_that_we_do_not_see(
        self, hosts: ExitStack, tmp_path: Path
    ) -> None:
        """From a pid namespace of our own the listener has no pid."""
        host = make_host(hosts, tmp_path / "one")
        under = [
            *("nsenter", f"--net={host.namespace.path}"),
            *("unshare", "--pid", "--fork", "--mount-proc"),
        ]
        asked = (SEARCH, host.program.socket, "docker0=172.17.0.1")

        assert "own: holds only docker0, which another engine may have made" == say(
            *asked, under=under
        )
        host.add_named_bridge()
        assert f"own {host.identity}" == say(
            *asked, "br-0123456789ab=172.18.0.1", under=under
        )

    def test_the_default_of_another_engine(
        self, hosts: ExitStack, tmp_path: Path
    ) -> None:
        """An engine in a container says paths that are another engine's out here.

        None of its sandboxes is in that folder.
        """
        outer = make_host(hosts, tmp_path / "one")
        outer.add_sandbox_folder()
        for name in ("ffffffffffff", "default"):
            keys = (str(outer.folder / "netns" / name),)

            found = find_host_namespace(HostCandidates(sandbox_keys=keys), [DOCKER0])

            assert isinstance(found, HostNotFound)
            assert (
                "netns/default: holds only docker0, which another engine may have made"
            ) in found.reason

    def test_nothing_holds_the_bridges(self, host: Host) -> None:
        """Every candidate is named, with its reason, in one line."""
        strange = BridgeMark(name="br-ffffffffffff")
        candidates = HostCandidates(
            configured="/no/such/path",
            sandbox_keys=(host.add_sandbox_folder(),),
            engine_socket=host.program.socket,
        )

        found = find_host_namespace(candidates, [strange])

        assert isinstance(found, HostNotFound)
        assert "\n" not in found.reason
        assert found.reason.startswith("configured: nothing at /no/such/path; ")
        assert found.reason.endswith(
            "netns/default: holds none of the engine's bridges; "
            "engine process: holds none of the engine's bridges; "
            "own: the engine runs in another one"
        )


class TestFaults:
    """A broken bridge is a fault to report: the host stays the host."""

    @pytest.mark.parametrize(
        "command",
        [
            pytest.param("link set docker0 down", id="down"),
            pytest.param("address flush dev docker0", id="address deleted"),
            pytest.param("link delete docker0", id="removed"),
        ],
    )
    @pytest.mark.parametrize("way", ["engine process", "netns/default", "own"])
    def test_one_of_two_bridges(self, host: Host, command: str, way: str) -> None:
        """One whole bridge is enough for every candidate."""
        key = host.add_sandbox_folder()
        host.namespace.ip(command)
        if way == "own":
            under = ["nsenter", f"--net={host.namespace.path}"]
            marks = ("docker0=172.17.0.1", "br-0123456789ab=172.18.0.1")
            source, identity = say(SEARCH, "", *marks, under=under).split()
            assert (way, host.identity) == (source, int(identity))
            return
        by_process = HostCandidates(engine_socket=host.program.socket)
        by_default = HostCandidates(sandbox_keys=(key,))
        candidates = by_process if way == "engine process" else by_default

        assert (way, host.identity) == found_by(candidates, *BRIDGES)

    def test_the_only_bridge_without_its_address(
        self, hosts: ExitStack, tmp_path: Path
    ) -> None:
        """By origin the name is enough."""
        host = make_host(hosts, tmp_path / "one")
        host.namespace.ip("address flush dev docker0")
        candidates = HostCandidates(engine_socket=host.program.socket)

        assert host.identity == found_by(candidates, DOCKER0)[1]

    def test_our_own_with_the_engines_process_in_it(
        self, hosts: ExitStack, tmp_path: Path
    ) -> None:
        """The name is enough too where that is seen, though not looked into."""
        host = make_host(hosts, tmp_path / "one")
        host.namespace.ip("address flush dev docker0")
        said = say(
            SEARCH,
            host.program.socket,
            "docker0=172.17.0.1",
            under=[*("nsenter", f"--net={host.namespace.path}"), *NO_PTRACE],
        )

        assert f"own {host.identity}" == said

    def test_an_engine_without_bridges(self, hosts: ExitStack, tmp_path: Path) -> None:
        """Its own process is enough; our own namespace never is."""
        host = make_host(hosts, tmp_path / "one")
        candidates = HostCandidates(engine_socket=host.program.socket)

        assert host.identity == found_by(candidates)[1]
        assert HostNotFound(
            reason="own: the engine has no bridge to know it by"
        ) == find_host_namespace(HostCandidates(), [])


class TestAfterwards:
    """What was found is opened again, and read."""

    def test_it_opens_again(self, host: Host) -> None:
        """The same namespace, by the same way."""
        found = find_host_namespace(
            HostCandidates(engine_socket=host.program.socket), BRIDGES
        )
        assert isinstance(found, HostFound)
        with open_host(found) as namespace:
            assert found.identity == namespace.identity()

    def test_another_namespace_in_its_place_is_refused(self, host: Host) -> None:
        """The pid was given again, or the path mounted anew: search again."""
        found = find_host_namespace(
            HostCandidates(configured=host.namespace.path), BRIDGES
        )
        assert isinstance(found, HostFound)
        moved = replace(found, ref=NamespaceRef(path="/proc/self/ns/net"))

        with pytest.raises(NetnsGone):
            open_host(moved)

    def test_an_engine_that_ended(self, host: Host) -> None:
        """Its process is no way in any more."""
        found = find_host_namespace(
            HostCandidates(engine_socket=host.program.socket), BRIDGES
        )
        assert isinstance(found, HostFound)
        host.close()

        with pytest.raises(NetnsGone):
            open_host(found)

    def test_what_containers_on_the_hosts_network_see(self, host: Host) -> None:
        """Interfaces, addresses and routes are read inside."""
        with open_namespace(NamespaceRef(path=host.namespace.path)) as namespace:
            network = read_host_network(namespace, source="configured")

        addresses = {i.name: i.addresses for i in network.interfaces}
        assert (True, "configured") == (network.available, network.source)
        assert ["br-0123456789ab", "docker0", "lo"] == sorted(addresses)
        assert (IPv4Address("172.17.0.1"), 16) in addresses["docker0"]
        assert (
            HostRoute(prefix=IPv4Network("172.17.0.0/16"), interface="docker0")
            in network.routes
        )
