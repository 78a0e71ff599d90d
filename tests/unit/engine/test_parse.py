"""What three recorded engines say of their containers, in the model's words."""

from ipaddress import ip_address

import pytest

from exporter.engine.parse import parse_container, parse_entries
from exporter.engine.records import ContainerRecord
from exporter.model.topology import EndpointAddress
from tests.fakes.engine import VERSIONS, Raw, recording

OLD = "20.10.24"
each_version = pytest.mark.parametrize("version", VERSIONS)


def inspect(version: str, name: str) -> dict[str, Raw]:
    """Return a container's recorded answer, for a test to alter."""
    answers: Raw = recording(version)["inspect"]
    found: dict[str, Raw] = next(a for a in answers.values() if a["Name"] == f"/{name}")
    return found


def record(answer: dict[str, Raw]) -> ContainerRecord:
    """Return what an answer tells."""
    found = parse_container(answer)
    assert found is not None
    return found


def container(version: str, name: str) -> ContainerRecord:
    """Return a recorded container."""
    return record(inspect(version, name))


@each_version
def test_multi_homed_container(version: str) -> None:
    """Both endpoints; from 26.1 an internal network gives no default route."""
    ends = {a.network_name: a.endpoint for a in container(version, "multi").attachments}
    back4, back6 = ends["back"].addresses

    assert {"front", "back"} == set(ends)
    assert ip_address("172.30.1.2") == back4.address
    assert 24 == back4.prefix_length
    if version == OLD:
        assert ip_address("172.30.1.1") == back4.gateway
        assert ip_address("fd00:30:1::1") == back6.gateway
    else:
        assert (None, None) == (back4.gateway, back6.gateway)
    assert ends["front"].addresses[0].gateway is not None
    assert ends["back"].mac is not None


@each_version
def test_dual_stack_endpoint(version: str) -> None:
    """IPv4 first, each address with its prefix and gateway."""
    (attachment,) = container(version, "dual").attachments
    ipv4, ipv6 = attachment.endpoint.addresses

    assert (4, 6) == (ipv4.ip_version, ipv6.ip_version)
    assert (
        EndpointAddress(
            address=ip_address("fd00:30:9::2"),
            prefix_length=64,
            gateway=ip_address("fd00:30:9::1"),
        )
        == ipv6
    )


@each_version
def test_names_on_a_network(version: str) -> None:
    """Name, short id, hostname, and the aliases of that network only."""
    web = container(version, "web")
    multi = container(version, "multi")
    short = multi.id[:12]

    assert (tuple(sorted({"web", "webhost", web.id[:12]})),) == tuple(
        a.endpoint.dns_names for a in web.attachments
    )
    assert {
        "front": tuple(sorted({"multi", short})),
        "back": tuple(sorted({"mm", "multi", short})),
    } == {a.network_name: a.endpoint.dns_names for a in multi.attachments}


@each_version
def test_no_names_on_the_default_bridge(version: str) -> None:
    """The embedded DNS does not serve it."""
    (attachment,) = container(version, "dflt").attachments

    assert () == attachment.endpoint.dns_names


@each_version
@pytest.mark.parametrize("name", ["hostly", "nonet", "joiner", "second"])
def test_containers_without_endpoints(version: str, name: str) -> None:
    """The host's network, none, and somebody else's namespace have no address."""
    found = container(version, name)

    assert found.container.running
    assert () == found.attachments


@each_version
def test_a_running_container(version: str) -> None:
    """State, sandbox, sysctls and labels as given."""
    found = container(version, "api.2.q8ffaqvv4ipzrfyhk6vwudrv1").container

    assert ("running", True, False) == (found.status, found.running, found.paused)
    assert found.pid > 0
    assert found.sandbox_key is not None
    assert "/netns/" in found.sandbox_key
    assert {"net.ipv4.icmp_echo_ignore_all": "1"} == found.sysctls
    assert ("api.2", "store", "api") == (found.name, found.project, found.service)
    assert "bb:latest" == found.image
    assert found.started is not None


@each_version
def test_a_paused_container_runs(version: str) -> None:
    """Its kernel side answers; it is not stopped."""
    found = container(version, "paused")

    assert ("paused", True, True) == (
        found.container.status,
        found.container.running,
        found.container.paused,
    )
    assert 1 == len(found.attachments)


@each_version
@pytest.mark.parametrize(
    ("name", "status"),
    [("ended", "exited"), ("fresh", "created"), ("again", "restarting")],
)
def test_what_does_not_run_has_no_sandbox(version: str, name: str, status: str) -> None:
    """Also not the stale one that 20.10 and 26.1 still name, nor in a crash loop."""
    found = container(version, name)

    assert status == found.container.status
    assert not found.container.running
    assert (None, 0, ()) == (
        found.container.sandbox_key,
        found.container.pid,
        found.attachments,
    )


def test_stale_addresses_of_a_stopped_container_are_dropped() -> None:
    """Whatever an engine leaves in the answer."""
    answer = inspect("28.5.2", "web")
    answer["State"] |= {"Running": False, "Pid": 0, "Status": "exited"}

    assert () == record(answer).attachments
    assert record(answer).container.sandbox_key is None


def test_running_without_a_pid() -> None:
    """A runtime that tells none still has a namespace, unless it is restarting."""
    answer = inspect("28.5.2", "web")
    answer["State"]["Pid"] = 0
    assert record(answer).container.running
    assert 0 == record(answer).container.pid

    answer["State"]["Restarting"] = True
    assert not record(answer).container.running

    answer["State"]["Restarting"] = False
    answer["NetworkSettings"]["SandboxKey"] = ""
    assert not record(answer).container.running


def test_a_stopping_container_may_have_lost_its_endpoints_already() -> None:
    """From 26.1 the network goes before the process is known to be dead."""
    answer = inspect("28.5.2", "web")
    answer["NetworkSettings"]["Networks"]["front"] |= {
        "EndpointID": "",
        "IPAddress": "",
        "Gateway": "",
    }

    assert record(answer).container.running
    assert () == record(answer).attachments


def test_gateway_priority() -> None:
    """API 1.48 and later; absent is 0."""
    answer = inspect("28.5.2", "web")
    answer["NetworkSettings"]["Networks"]["front"]["GwPriority"] = 7

    (attachment,) = record(answer).attachments

    assert 7 == attachment.endpoint.gateway_priority
    (before,) = container(OLD, "web").attachments
    assert 0 == before.endpoint.gateway_priority


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({"IPAddress": "10.0.0.2"}, ("10.0.0.2", 32, None), id="no length"),
        pytest.param(
            {"IPAddress": "10.0.0.2", "IPPrefixLen": 64},
            ("10.0.0.2", 32, None),
            id="an impossible length",
        ),
        pytest.param(
            {"IPAddress": "10.0.0.2", "IPPrefixLen": 24, "Gateway": "fd00::1"},
            ("10.0.0.2", 24, None),
            id="a gateway of the other family",
        ),
        pytest.param(
            {"IPAddress": "fd00::2"}, None, id="an address in the wrong field"
        ),
    ],
)
def test_odd_endpoints(
    settings: dict[str, object], expected: tuple[str, int, None] | None
) -> None:
    """What can be used is used."""
    answer = inspect("28.5.2", "web")
    answer["NetworkSettings"]["Networks"] = {"front": settings}

    found = [
        (str(a.address), a.prefix_length, a.gateway)
        for attachment in record(answer).attachments
        for a in attachment.endpoint.addresses
    ]

    assert ([] if expected is None else [expected]) == found


@each_version
def test_the_list_tells_whether_a_container_is_the_same_run(version: str) -> None:
    """List and inspect answers agree while nothing happens to a container.

    Not so for a crash loop, and for a joined namespace nothing would show a restart.
    """
    answers: Raw = recording(version)
    listed = parse_entries(answers["containers"])
    told = {
        identity: record(answer).witness
        for identity, answer in answers["inspect"].items()
    }
    agreeing = {
        answers["inspect"][identity]["Name"].removeprefix("/")
        for identity, witness in listed.items()
        if witness is not None and witness == told[identity]
    }

    everybody = {a["Name"].removeprefix("/") for a in answers["inspect"].values()}
    assert everybody - {"again", "joiner", "second"} == agreeing


def test_a_restart_shows_in_the_witness() -> None:
    """Every start makes an endpoint with a new id, though all else be the same."""
    before = record(inspect("28.5.2", "web"))
    answer = inspect("28.5.2", "web")
    answer["NetworkSettings"]["Networks"]["front"]["EndpointID"] = "f" * 64

    assert before.witness is not None
    assert before.witness != record(answer).witness


def test_links_do_not_hide_the_name() -> None:
    """A container linked to bears a second name for each link."""
    entry = {"Id": "a", "State": "exited", "Names": ["/x/alias", "/web"]}

    found = parse_entries([entry])

    assert [("exited", "web", frozenset())] == list(found.values())


def test_nothing_but_an_id() -> None:
    """The least that is a container."""
    found = record({"Id": "a" * 64})

    assert ("a" * 12, "a" * 12) == (found.container.name, found.container.raw_name)
    assert not found.container.running
    assert "default" == found.container.network_mode
