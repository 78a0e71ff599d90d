"""Who shares whose network namespace."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from exporter.engine.sandboxes import gather, place
from exporter.model.topology import HOST, Container, ContainerId, Endpoint, NetworkId

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def container(
    name: str, mode: str = "front", *, running: bool = True, age_s: int = 0
) -> Container:
    """Return a container that started some seconds after the others."""
    identity = ContainerId(name.encode().hex().ljust(64, "0"))
    end = Endpoint(id="e", network_id=NetworkId("n"), container_id=identity)
    joined = mode.startswith("container:")
    return Container(
        id=identity,
        name=name,
        raw_name=name,
        status="running" if running else "exited",
        running=running,
        pid=7 if running else 0,
        started=BEGIN + timedelta(seconds=age_s),
        labels={},
        network_mode=mode,
        sandbox_key=None if joined else f"/netns/{name}",
        sysctls={},
        endpoints=() if joined or not running else (end,),
    )


def shared(*containers: Container) -> dict[str, list[str]]:
    """Return the names of the members by sandbox name; the host's as `host`."""
    placed = place(containers)
    names = {c.id: c.name for c in placed}
    found = {s.name: [names[m] for m in s.members] for s in gather(placed)}
    on_host = [c.name for c in placed if c.sandbox == HOST]
    return found | ({"host": on_host} if on_host else {})


def test_a_container_of_its_own() -> None:
    """Its sandbox has its id, name, path, pid and endpoints."""
    (placed,) = place([container("web")])
    (sandbox,) = gather([placed])

    assert placed.sandbox == sandbox.id
    assert (placed.id,) == sandbox.members
    assert ("web", "/netns/web", 7, placed.started) == (
        sandbox.name,
        sandbox.path,
        sandbox.pid,
        sandbox.started,
    )
    assert placed.endpoints == sandbox.endpoints


@pytest.mark.parametrize(
    "written",
    [
        container("web").id,
        container("web").id[:12],
        "web",
        "/web",
    ],
    ids=["id", "short id", "name", "name with a slash"],
)
def test_joined_by_id_or_name(written: str) -> None:
    """The engine writes ids; a container that was never started keeps what was said."""
    assert {"web": ["web", "side"]} == shared(
        container("web"), container("side", f"container:{written}")
    )


def test_chains_end_at_their_root() -> None:
    """The owner first, then by name, whatever the order of joining."""
    assert {"web": ["web", "aa", "zz"]} == shared(
        container("aa", "container:zz"),
        container("zz", "container:web"),
        container("web"),
    )


def test_a_stopped_link_of_a_chain_does_not_break_it() -> None:
    """Those behind it entered the root's namespace, not a copy of the link's."""
    assert {"web": ["web", "zz"]} == shared(
        container("web"),
        container("mid", "container:web", running=False),
        container("zz", "container:mid"),
    )


def test_the_hosts_containers_are_the_host() -> None:
    """They and those that joined one of them; their stop does not end the namespace."""
    assert {"host": ["hh", "side", "late"]} == shared(
        container("hh", "host"),
        container("side", "container:hh"),
        container("gone", "host", running=False),
        container("late", "container:gone"),
    )


def test_none_is_a_sandbox_without_endpoints() -> None:
    """It has a namespace, and nothing to probe in it."""
    alone = dataclasses.replace(container("alone", "none"), endpoints=())

    (sandbox,) = gather(place([alone]))

    assert ("/netns/alone", ()) == (sandbox.path, sandbox.endpoints)


def test_a_stopped_container_has_no_sandbox() -> None:
    """Whatever namespace path the engine still names."""
    (placed,) = place([container("web", running=False)])

    assert placed.sandbox is None
    assert () == gather([placed])


@pytest.mark.parametrize(
    "owner",
    [
        pytest.param([container("web", running=False)], id="stopped"),
        pytest.param([container("web", age_s=9)], id="started again since"),
        pytest.param([], id="removed"),
    ],
)
def test_left_behind_by_the_owner(owner: list[Container]) -> None:
    """The joiner sits in a namespace whose links are gone; nothing else is known."""
    side = container("side", "container:web", age_s=5)

    placed = place([*owner, side])
    found = {s.name: s for s in gather(placed)}

    assert ["side"] == [c.name for c in placed if c.id in found["side"].members]
    assert (None, 7, ()) == (
        found["side"].path,
        found["side"].pid,
        found["side"].endpoints,
    )


def test_start_times_that_are_not_told_leave_them_together() -> None:
    """Without a reason to doubt it, joined is joined."""
    side = dataclasses.replace(container("side", "container:web"), started=None)

    assert {"web": ["web", "side"]} == shared(container("web"), side)


def test_a_loop_is_nobodys_namespace() -> None:
    """No engine allows it, no answer may hang us."""
    found = shared(container("aa", "container:bb"), container("bb", "container:aa"))

    assert {"aa": ["aa"], "bb": ["bb"]} == found
