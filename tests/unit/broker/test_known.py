"""Only what the engine has told of, or was found here, may be entered."""

import pytest

from exporter.broker.known import Known
from exporter.errors import NetnsGone
from exporter.hostns import HostFound
from exporter.netns import NamespaceRef, NetnsId

ID = "a" * 64
KEY = "/run/docker/netns/aaaa"
REF = NamespaceRef(path=KEY, pid=42, container_id=ID)


def answer(identity: str = ID, key: str = KEY, pid: int = 42) -> dict[str, object]:
    """Return what an engine tells of a container."""
    return {
        "Id": identity,
        "State": {"Pid": pid},
        "NetworkSettings": {"SandboxKey": key},
    }


def knowing() -> Known:
    """Return what knows one container."""
    known = Known()
    known.told(ID, answer())
    return known


@pytest.mark.parametrize(
    "ref",
    [
        REF,
        NamespaceRef(path=KEY, container_id=ID),
        NamespaceRef(pid=42, container_id=ID),
    ],
    ids=["both", "path", "process"],
)
def test_a_container_is_entered_by_what_was_told(ref: NamespaceRef) -> None:
    """By its path, its process, or either."""
    assert knowing().namespace(ref) is ref


@pytest.mark.parametrize(
    "ref",
    [
        NamespaceRef(path=KEY, pid=42),
        NamespaceRef(path=KEY + "/..", pid=42, container_id=ID),
        NamespaceRef(path=KEY, pid=1, container_id=ID),
        NamespaceRef(path=KEY, pid=42, container_id="b" * 64),
        NamespaceRef(path="", pid=0, container_id=""),
        NamespaceRef(),
    ],
    ids=["nobody's", "beside", "another process", "another", "empty", "nothing"],
)
def test_nothing_else_is(ref: NamespaceRef) -> None:
    """Neither a container that was not told of, nor parts of two."""
    known = knowing()
    known.told("", {})
    with pytest.raises(NetnsGone):
        known.namespace(ref)


def test_what_was_told_last_counts() -> None:
    """A container that has started again has another namespace."""
    known = knowing()
    known.told(ID, answer(key="/other", pid=43))

    with pytest.raises(NetnsGone):
        known.namespace(REF)
    other = NamespaceRef(path="/other", pid=43, container_id=ID)
    assert known.namespace(other) == other


def test_who_is_gone_is_forgotten() -> None:
    """Who was never there, too."""
    known = knowing()
    known.told(ID, None)
    known.told("b", None)

    with pytest.raises(NetnsGone):
        known.namespace(REF)
    assert known.keys([KEY]) == ()


def test_many_who_are_in_no_list_are_forgotten() -> None:
    """And few are not: they may have started since it was made."""
    known = knowing()
    known.listed([])
    assert known.namespace(REF) == REF
    for number in range(1010):
        known.told(f"{number}", answer(f"{number}"))
    known.listed([{"Id": "7"}, None, "x"])

    with pytest.raises(NetnsGone):
        known.namespace(REF)
    kept = NamespaceRef(path=KEY, container_id="7")
    assert known.namespace(kept) == kept
    known.listed("no list")
    known.listed(None)


def test_paths_and_processes_are_the_engines() -> None:
    """Others are not looked at."""
    known = knowing()
    known.told("b", answer("b", key="", pid=0))

    assert known.keys([KEY, "/dev/watchdog", ""]) == (KEY,)
    assert known.is_process(42, ID)
    assert not known.is_process(42, "b")
    assert not known.is_process(0, "b")
    assert not known.is_process(1, "")


def test_names_are_those_that_were_told_last() -> None:
    """Of a container without one, its short id, as everywhere else."""
    known = knowing()
    assert known.names() == {"a" * 12}
    known.told(ID, {**answer(), "Name": "/web"})
    known.told("b", {**answer("b"), "Name": "/db"})
    assert known.names() == {"web", "db"}
    known.told(ID, {**answer(), "Name": "/other"})
    known.told("b", None)

    assert known.names() == {"other"}


def test_the_host_is_what_was_found() -> None:
    """The same namespace, by the same way; some are remembered."""
    known = Known()
    found = [
        HostFound(
            ref=NamespaceRef(pid=number),
            source="own",
            identity=NetnsId(number),
            passed_over=("x",),
        )
        for number in range(100)
    ]
    for one in found:
        known.found(one)
    last = found[-1]

    again = HostFound(ref=last.ref, source="own", identity=last.identity)
    assert known.host(again) == again
    assert known.namespace(last.ref) == last.ref
    with pytest.raises(NetnsGone):
        known.host(HostFound(ref=last.ref, source="own", identity=NetnsId(7)))
    with pytest.raises(NetnsGone):
        known.host(found[0])
