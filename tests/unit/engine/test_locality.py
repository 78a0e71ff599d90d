"""Which engine, and whether its namespaces can be entered."""

import pytest

from exporter.engine.locality import parse_engine
from exporter.errors import EngineProtocolError
from tests.fakes.engine import VERSIONS, FakeEngine, recording

VERSION = {"Version": "28.5.2", "ApiVersion": "1.51"}
UNIX = "unix:///var/run/docker.sock"


def local_reason(
    info: dict[str, object], address: str = UNIX, *, tls: bool = False
) -> str:
    """Return why the engine is not local."""
    engine = parse_engine(
        VERSION, info, address=address, kernel_release="6.18.1", tls=tls
    )
    assert engine.local is not bool(engine.local_reason)
    return engine.local_reason


@pytest.mark.parametrize("version", VERSIONS)
def test_recorded_engines_are_local(version: str) -> None:
    """On its own kernel behind its own socket, a plain engine is local."""
    fake = FakeEngine.of(version)
    kernel = recording(version)["info"]["KernelVersion"]

    engine = parse_engine(
        fake.version(), fake.info(), address=UNIX, kernel_release=kernel
    )

    assert ("docker", True, "") == (engine.product, engine.local, engine.local_reason)
    assert version == engine.version.partition("+")[0]
    assert int(version.partition(".")[0]) == engine.major
    assert 7 == len(engine.default_pools)


@pytest.mark.parametrize(
    ("address", "tls", "reason"),
    [
        pytest.param("tcp://10.0.0.1:2375", False, "reached over TCP", id="tcp"),
        pytest.param("10.0.0.1:2375", False, "reached over TCP", id="no scheme"),
        pytest.param("tcp://10.0.0.1:2376", True, "reached over TLS", id="tls"),
        pytest.param("https://10.0.0.1", False, "reached over TLS", id="https"),
        pytest.param("ssh://root@a", False, "reached over SSH", id="ssh"),
        pytest.param("ssh://root@a", True, "reached over SSH", id="ssh and tls"),
        pytest.param(
            "npipe:////./pipe/x", False, "reached through a named pipe", id="npipe"
        ),
    ],
)
def test_whatever_is_no_unix_socket_is_remote(
    address: str, tls: bool, reason: str
) -> None:
    """Its namespaces are on another machine, as far as one can know."""
    assert reason == local_reason({}, address, tls=tls)


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        pytest.param({"SecurityOptions": ["name=userns"]}, "", id="userns-remap"),
        pytest.param(
            {"SecurityOptions": [None, "name=seccomp,profile=x", "name=rootless"]},
            "rootless, its networks live in a namespace of their own",
            id="rootless",
        ),
        pytest.param(
            {"Rootless": True},
            "rootless, its networks live in a namespace of their own",
            id="rootless podman",
        ),
        pytest.param(
            {"OperatingSystem": "Docker Desktop", "KernelVersion": "6.18.1"},
            "Docker Desktop, its containers run in a virtual machine",
            id="desktop",
        ),
        pytest.param(
            {"KernelVersion": "6.6.1-linuxkit"},
            "runs on another kernel (6.6.1-linuxkit), in a virtual machine",
            id="another kernel",
        ),
        pytest.param({"KernelVersion": "6.18.1"}, "", id="the same kernel"),
    ],
)
def test_engines_behind_a_local_socket(info: dict[str, object], reason: str) -> None:
    """A local socket may lead into a virtual machine or a rootless engine."""
    assert reason == local_reason(info)


def test_podman_by_its_first_component() -> None:
    """It calls itself so; moby's default pools are not its own."""
    version = VERSION | {"Components": [{"Name": "Podman Engine"}]}

    engine = parse_engine(version, {}, address=UNIX, kernel_release="6")

    assert ("podman", ()) == (engine.product, engine.default_pools)


def test_firewall_backend() -> None:
    """Engines from 28 on name theirs."""
    info = {"FirewallBackend": {"Driver": "nftables"}}

    engine = parse_engine(VERSION, info, address=UNIX, kernel_release="6")

    assert "nftables" == engine.firewall_backend


def test_no_api_version_is_no_engine() -> None:
    """Whatever answers there, it is none of ours."""
    with pytest.raises(EngineProtocolError) as caught:
        parse_engine({}, {}, address=UNIX, kernel_release="6")

    assert "/version" == caught.value.path
