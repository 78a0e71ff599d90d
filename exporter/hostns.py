"""Finds the host: the network namespace in which the engine makes its bridges.

It is the engine's, not ours, and never guessed: a namespace is taken for the host only
if it shows the engine's bridges. What counts for how much:

- *Names.* The name that libnetwork makes of a network's id (`br-` and 12 hex digits)
  exists once. `docker0` with 172.17.0.1 stands beside every engine of a machine, and
  so may a name that a user chose.
- *Origin.* `netns/default` in the folder that really holds this engine's sandboxes,
  and the process that listens on its socket and is an engine, belong to it by
  construction; a configured path is vouched for. There one bridge by name is enough,
  so that no fault (a bridge down, an address deleted, a bridge removed) switches the
  host off; an engine without any bridge needs none.
- *Elsewhere* (our own namespace, that of init under socket activation, a `default`
  that none of the engine's sandboxes stands beside) at least half of the bridges must
  be there by name, and one of them either be named after its id, or carry its gateway
  address (if one is known: a fresh 20.10 tells none of docker0) where the listener of
  the engine's socket is seen in that namespace too.

A listener that is neither engine nor init is a proxy (or `ssh -L`) and says nothing.
An engine process seen elsewhere rules our own namespace out.

Search until found, then keep the answer while the engine runs: a bridge lost later is
a fault to report, not another host. Sources: unix(7) SO_PEERCRED, systemd.socket(5),
moby daemon/libnetwork/osl/namespace_linux.go.
"""

import re
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import PurePosixPath
from typing import Final

from exporter.errors import ExporterError, NetnsError, NetnsGone
from exporter.model.topology import HostInterface, HostNetwork, IPAddress
from exporter.netns import (
    Namespace,
    NamespaceRef,
    NetnsId,
    map_path,
    open_namespace,
)
from exporter.process import command_of, shares_our_network
from exporter.rtnetlink import RouteSocket

_CONNECT_TIMEOUT_S: Final = 2.0
_CREDENTIALS: Final = struct.Struct("=3i")  # ucred: pid, uid, gid
_NAMED_AFTER_ID: Final = re.compile(r"br-[0-9a-f]{12}")
_ENGINES: Final = frozenset({"dockerd", "podman"})
_KEYS_TRIED: Final = 8
_OWN: Final = "/proc/self/ns/net"


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeMark:
    """What a bridge network leaves in the namespace of its engine."""

    name: str
    """Of the interface."""
    gateways: tuple[IPAddress, ...] = ()
    """That the bridge carries; empty for isolated networks, inhibited addresses, and
    where the engine does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCandidates:
    """Where to look, in the order of the fields; our own namespace comes last."""

    configured: str | None = None
    """A path as seen here."""
    sandbox_keys: tuple[str, ...] = ()
    """SandboxKeys of running containers, as the engine says them."""
    engine_socket: str | None = None
    """Path of the engine's Unix socket; None if it is reached otherwise."""
    path_map: tuple[tuple[str, str], ...] = ()
    """As for `open_namespace`; for the sandbox keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFound:
    """The host's namespace."""

    ref: NamespaceRef
    """As seen here; open it with `open_host`."""
    source: str
    """configured, netns/default, engine process, socket activation or own."""
    identity: NetnsId
    passed_over: tuple[str, ...] = ()
    """Why each earlier candidate was not it, `SOURCE: reason`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNotFound:
    """No namespace shows the engine's bridges: scope `host` is off."""

    reason: str
    """For a user: every candidate and why it was not it, in one line."""


class ListenerKind(Enum):
    """What listens on the engine's socket."""

    ENGINE = auto()
    INIT = auto()
    """systemd, which passes the socket on."""
    PROXY = auto()
    UNSEEN = auto()
    """In a pid namespace that we do not see, or nothing answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """The process that called listen(2) on the engine's socket."""

    kind: ListenerKind
    pid: int = 0
    shares_our_network: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    source: str
    ref: NamespaceRef
    by_origin: bool
    listener_is_there: bool = False


def find_host_namespace(
    candidates: HostCandidates, bridges: Sequence[BridgeMark]
) -> HostFound | HostNotFound:
    """Return the engine's network namespace, or why none of the candidates is it.

    Nothing is raised: a candidate that cannot be entered is one that was passed over.
    """
    listener = find_listener(candidates.engine_socket)
    passed_over = []
    for candidate in _candidates(candidates, listener):
        try:
            with open_namespace(candidate.ref) as namespace:
                interfaces = namespace.run(_read_interfaces)
                identity = namespace.identity()
        except NetnsGone as error:
            passed_over.append(f"{candidate.source}: nothing at {error.path}")
            continue
        except ExporterError as error:
            passed_over.append(f"{candidate.source}: {error}")
            continue
        refused = refusal(
            bridges,
            interfaces,
            by_origin=candidate.by_origin,
            listener_is_there=candidate.listener_is_there,
        )
        if refused is None:
            return HostFound(
                ref=candidate.ref,
                source=candidate.source,
                identity=identity,
                passed_over=tuple(passed_over),
            )
        passed_over.append(f"{candidate.source}: {refused}")
    if listener.kind is ListenerKind.ENGINE and listener.shares_our_network is False:
        passed_over.append("own: the engine runs in another one")
    return HostNotFound(reason="; ".join(passed_over))


def open_host(found: HostFound) -> Namespace:
    """Open the namespace that was found.

    Raises:
        NetnsGone: it ended, or another one has taken its place: search again.
        NetnsError: as `open_namespace`.
    """
    namespace = open_namespace(found.ref)
    try:
        _verify_identity(namespace, found.identity)
    except BaseException:
        namespace.close()
        raise
    return namespace


def read_host_network(namespace: Namespace, *, source: str) -> HostNetwork:
    """Return the interfaces, addresses and routes of the host.

    Args:
        source: `HostFound.source`.

    Raises:
        NetnsError: it cannot be entered.
        NetlinkError: the kernel did not answer.
        PacketError: its answer does not parse.
    """

    def read() -> HostNetwork:
        with RouteSocket() as routes:
            return HostNetwork(
                available=True,
                source=source,
                interfaces=routes.interfaces(),
                routes=routes.routes(),
            )

    return namespace.run(read)


def find_listener(path: str | None) -> Listener:
    """Return who listens on a Unix socket; nothing is sent to it.

    The pid that the kernel tells is one of our own pid namespace, 0 if the process is
    in none of it, and of the time of listen(2): hence a look at what it is now.
    """
    if path is None:
        return Listener(kind=ListenerKind.UNSEEN)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(_CONNECT_TIMEOUT_S)
            client.connect(path)
            raw = client.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
            )
    except OSError:
        return Listener(kind=ListenerKind.UNSEEN)
    pid: int = _CREDENTIALS.unpack(raw)[0]
    command = command_of(pid) if pid > 0 else ""
    if not command:
        return Listener(kind=ListenerKind.UNSEEN)
    kind = ListenerKind.PROXY
    if command in _ENGINES:
        kind = ListenerKind.ENGINE
    elif pid == 1 and command == "systemd":
        kind = ListenerKind.INIT
    return Listener(kind=kind, pid=pid, shares_our_network=shares_our_network(pid))


def refusal(
    bridges: Sequence[BridgeMark],
    interfaces: Sequence[HostInterface],
    *,
    by_origin: bool,
    listener_is_there: bool,
) -> str | None:
    """Return why a namespace is not the engine's, None if it is.

    The rule is in the module's docstring.

    Args:
        bridges: of the engine's networks.
        interfaces: of the namespace.
        by_origin: whether the way there leads to this engine's namespace only.
        listener_is_there: whether the engine or init, listening on the engine's
            socket, is in that namespace.
    """
    addresses = {i.name: {a for a, _length in i.addresses} for i in interfaces}
    there = [bridge for bridge in bridges if bridge.name in addresses]
    if by_origin:
        lost = bridges and not there
        return "holds none of the engine's bridges" if lost else None
    if not bridges:
        return "the engine has no bridge to know it by"
    if len(there) * 2 < len(bridges):
        return f"holds {len(there)} of the engine's {len(bridges)} bridges"
    if any(_NAMED_AFTER_ID.fullmatch(bridge.name) for bridge in there):
        return None
    names = ", ".join(bridge.name for bridge in there)
    if not any(_has_gateway(bridge, addresses[bridge.name]) for bridge in there):
        return f"holds {names} without a gateway address of the engine's"
    alone = f"holds only {names}, which another engine may have made"
    return None if listener_is_there else alone


def _candidates(given: HostCandidates, listener: Listener) -> Iterator[_Candidate]:
    if given.configured is not None:
        ref = NamespaceRef(path=given.configured)
        yield _Candidate(source="configured", ref=ref, by_origin=True)
    for folder, keys in _sandbox_folders(given).items():
        yield _Candidate(
            source="netns/default",
            ref=NamespaceRef(path=f"{folder}/default"),
            by_origin=any(_is_namespace(key) for key in keys[:_KEYS_TRIED]),
        )
    here = listener.shares_our_network
    engine, init = ListenerKind.ENGINE, ListenerKind.INIT
    process = NamespaceRef(pid=listener.pid)
    if listener.kind is engine:
        yield _Candidate(source="engine process", ref=process, by_origin=True)
    if listener.kind is init and not here:
        yield _Candidate(
            source="socket activation",
            ref=process,
            by_origin=False,
            listener_is_there=True,
        )
    if listener.kind is engine and here is False:
        return  # the engine is seen elsewhere
    yield _Candidate(
        source="own",
        ref=NamespaceRef(path=_OWN),
        by_origin=listener.kind is engine and here is True,
        listener_is_there=listener.kind in (engine, init) and here is True,
    )


def _sandbox_folders(given: HostCandidates) -> dict[str, list[str]]:
    """Return the folders of the sandbox keys, each with its keys, as seen here.

    A key that is `default` itself (of a container on the host's network) names its
    folder but does not prove that the folder seen here is this engine's.
    """
    folders: dict[str, list[str]] = {}
    for key in given.sandbox_keys:
        path = PurePosixPath(map_path(key, given.path_map))
        keys = folders.setdefault(str(path.parent), [])
        if path.name != "default":
            keys.append(str(path))
    return folders


def _has_gateway(bridge: BridgeMark, found: set[IPAddress]) -> bool:
    return not bridge.gateways or not found.isdisjoint(bridge.gateways)


def _read_interfaces() -> tuple[HostInterface, ...]:
    with RouteSocket() as routes:
        return routes.interfaces()


def _is_namespace(path: str) -> bool:
    try:
        open_namespace(NamespaceRef(path=path)).close()
    except NetnsError:
        return False
    return True


def _verify_identity(namespace: Namespace, identity: NetnsId) -> None:
    if namespace.identity() != identity:
        raise NetnsGone(namespace.path)
