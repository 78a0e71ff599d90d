"""The engine's JSON in the model's words.

Total functions: any JSON gives a value, odd fields are left out, and only an answer
without a single usable element is refused. Sources: moby `api/types/network`,
`api/types/container`; what 20.10, 26.1 and 28.5 really answer is recorded in
tests/data/engine.
"""

from collections.abc import Callable
from typing import TypeVar

from exporter.engine import foreign, naming, subnets
from exporter.engine.foreign import JsonObject
from exporter.engine.records import Attachment, ContainerRecord, Witness
from exporter.errors import EngineProtocolError
from exporter.model.topology import (
    Container,
    ContainerId,
    Endpoint,
    EndpointAddress,
    Network,
    NetworkId,
)

Parsed = TypeVar("Parsed")

_BRIDGE_NAME = "com.docker.network.bridge.name"
_DEFAULT_BRIDGE = "com.docker.network.bridge.default_bridge"
_MTU = "com.docker.network.driver.mtu"
_ENDPOINT_SYSCTLS = "com.docker.network.endpoint.sysctls"
_NO_DNS_NETWORKS = frozenset({"bridge", "host", "none", "podman"})
"""The predefined networks: the embedded DNS serves user-defined ones only."""
_ALIVE = frozenset({"running", "paused"})


def parse_networks(answer: object, *, product: str) -> tuple[Network, ...]:
    """Return the networks of a `/networks` answer, each id once.

    Raises:
        EngineProtocolError: not a list, or nothing in it is a network.
    """
    networks = _parse_all(
        answer, "/networks", lambda entry: parse_network(entry, product=product)
    )
    found = {network.id: network for network in networks}
    return tuple(found.values())


def parse_network(raw: JsonObject, *, product: str) -> Network | None:
    """Return a network under the engine's name, None if it has no id.

    A config-only network (`--config-only`) is a template of others and carries
    nothing, so it is none either.
    """
    identity = foreign.text(raw, "Id")
    if not identity or foreign.flag(raw, "ConfigOnly"):
        return None
    options = foreign.strings(raw, "Options")
    found = subnets.parse_subnets(raw)
    name = foreign.text(raw, "Name") or naming.short_id(identity)
    driver = foreign.text(raw, "Driver")
    mtu = options.get(_MTU, "")
    return Network(
        id=NetworkId(identity),
        name=name,
        raw_name=name,
        driver=driver,
        scope=foreign.text(raw, "Scope") or "local",
        internal=foreign.flag(raw, "Internal"),
        # podman says EnableIPv4 false of networks that carry IPv4.
        ipv4=foreign.flag(raw, "EnableIPv4", default=True)
        or any(subnet.prefix.version == 4 for subnet in found),
        ipv6=foreign.flag(raw, "EnableIPv6"),
        options=options,
        subnets=found,
        bridge=_bridge(identity, driver, options, product),
        mtu=int(mtu) if mtu.isascii() and mtu.isdigit() and len(mtu) < 10 else None,
        created=foreign.instant(raw, "Created"),
        project=naming.project_of(foreign.strings(raw, "Labels")),
        ingress=foreign.flag(raw, "Ingress"),
    )


def parse_container(raw: JsonObject) -> ContainerRecord | None:
    """Return what an inspect answer tells, None if it has no id."""
    identity = foreign.text(raw, "Id")
    if not identity:
        return None
    state = foreign.child(raw, "State")
    settings = foreign.child(raw, "NetworkSettings")
    labels = foreign.strings(foreign.child(raw, "Config"), "Labels")
    raw_name = naming.raw_name(foreign.text(raw, "Name"), identity)
    key = foreign.text(settings, "SandboxKey")
    pid = max(0, foreign.number(state, "Pid") or 0)
    running = _has_processes(state, pid=pid, key=key)
    container = Container(
        id=ContainerId(identity),
        name=naming.stable_name(raw_name, labels),
        raw_name=raw_name,
        status=foreign.text(state, "Status") or ("running" if running else "exited"),
        running=running,
        paused=running and foreign.flag(state, "Paused"),
        pid=pid if running else 0,
        started=foreign.instant(state, "StartedAt"),
        image=foreign.text(foreign.child(raw, "Config"), "Image"),
        labels=labels,
        project=naming.project_of(labels),
        service=naming.service_of(labels),
        network_mode=foreign.text(foreign.child(raw, "HostConfig"), "NetworkMode")
        or "default",
        # Of a stopped container it is a stale path (20.10, 26.1).
        sandbox_key=(key or None) if running else None,
        sysctls=foreign.strings(foreign.child(raw, "HostConfig"), "Sysctls"),
    )
    return ContainerRecord(
        container=container,
        attachments=_attachments(raw, container) if running else (),
        created=foreign.instant(raw, "Created"),
        witness=_witness(foreign.text(state, "Status"), raw_name, settings),
    )


def parse_entry(entry: JsonObject) -> tuple[ContainerId, Witness | None] | None:
    """Return id and witness of an element of the container list, None without id.

    The list repeats state, names and endpoints of the inspect answer, but neither
    pid nor sandbox, start or sysctls: whoever holds those may keep them while the
    witness stays the same, because every start makes endpoints with new ids.
    """
    identity = foreign.text(entry, "Id")
    if not identity:
        return None
    # Beside its own name a container bears `/other/alias` for each --link to it.
    names = [
        name.removeprefix("/")
        for name in foreign.items(entry, "Names")
        if isinstance(name, str) and name.count("/") == 1
    ]
    witness = _witness(
        foreign.text(entry, "State"),
        names[0] if names else "",
        foreign.child(entry, "NetworkSettings"),
    )
    return ContainerId(identity), witness


def parse_entries(answer: object) -> dict[ContainerId, Witness | None]:
    """Return the witnesses of a `/containers/json` answer by container id.

    Raises:
        EngineProtocolError: not a list, or nothing in it is a container.
    """
    return dict(_parse_all(answer, "/containers/json", parse_entry))


def _parse_all(
    answer: object, path: str, parse: Callable[[JsonObject], Parsed | None]
) -> list[Parsed]:
    if not isinstance(answer, list):
        raise EngineProtocolError(path, "not a list")
    found = [
        parsed
        for entry in answer
        if (parsed := parse(foreign.as_object(entry))) is not None
    ]
    if answer and not found:
        raise EngineProtocolError(path, "no element with an id")
    return found


def _bridge(
    identity: str, driver: str, options: dict[str, str], product: str
) -> str | None:
    """Return the host's interface of a bridge network.

    podman numbers its bridges and does not tell which is which through this API.
    """
    if driver != "bridge":
        return None
    named = options.get(_BRIDGE_NAME)
    if named:
        return named
    if product != "docker":
        return None
    if options.get(_DEFAULT_BRIDGE, "").lower() == "true":
        return "docker0"
    return f"br-{naming.short_id(identity)}"


def _has_processes(state: JsonObject, *, pid: int, key: str) -> bool:
    """Return whether a container runs.

    State.Running stays true between the restarts of a crash loop, without pid,
    endpoints and sandbox; its SandboxKey is stale on 20.10 and 26.1. A runtime that
    tells no pid still has a namespace.
    """
    if not foreign.flag(state, "Running") or foreign.flag(state, "Dead"):
        return False
    return pid > 0 or (bool(key) and not foreign.flag(state, "Restarting"))


def _attachments(raw: JsonObject, container: Container) -> tuple[Attachment, ...]:
    networks = foreign.child(foreign.child(raw, "NetworkSettings"), "Networks")
    hostname = foreign.text(foreign.child(raw, "Config"), "Hostname")
    found: list[Attachment] = []
    for name in sorted(networks):
        settings = foreign.child(networks, name)
        addresses = tuple(
            address
            for keys in (
                ("IPAddress", "IPPrefixLen", "Gateway"),
                ("GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPv6Gateway"),
            )
            if (address := _address(settings, *keys)) is not None
        )
        if not addresses:  # host, none, and what a stopping container leaves behind
            continue
        endpoint = Endpoint(
            id=foreign.text(settings, "EndpointID"),
            network_id=NetworkId(foreign.text(settings, "NetworkID")),
            container_id=container.id,
            addresses=addresses,
            mac=foreign.mac(settings, "MacAddress"),
            gateway_priority=foreign.number(settings, "GwPriority") or 0,
            dns_names=_dns_names(name, settings, container, hostname),
            sysctls=_sysctls(settings),
        )
        found.append(Attachment(network_name=name, endpoint=endpoint))
    return tuple(found)


def _address(
    settings: JsonObject, address_key: str, length_key: str, gateway_key: str
) -> EndpointAddress | None:
    address = foreign.address(settings, address_key)
    if address is None or (address.version == 4) != (address_key == "IPAddress"):
        return None
    length = foreign.number(settings, length_key)
    if length is None or not 0 < length <= address.max_prefixlen:
        length = address.max_prefixlen
    gateway = foreign.address(settings, gateway_key)
    if gateway is not None and gateway.version != address.version:
        gateway = None
    return EndpointAddress(address=address, prefix_length=length, gateway=gateway)


def _dns_names(
    network_name: str, settings: JsonObject, container: Container, hostname: str
) -> tuple[str, ...]:
    """Return what the embedded DNS answers for an endpoint on its network.

    API 1.45 lists it as DNSNames; before, Aliases hold the short id and the
    aliases, and the engine adds the container's name and its hostname.
    """
    if network_name in _NO_DNS_NETWORKS:
        return ()
    names = {
        name for name in foreign.items(settings, "DNSNames") if isinstance(name, str)
    }
    if not names:
        names = {
            name for name in foreign.items(settings, "Aliases") if isinstance(name, str)
        }
        names |= {container.raw_name, naming.short_id(container.id), hostname}
    return tuple(sorted(names - {""}))


def _sysctls(settings: JsonObject) -> dict[str, str]:
    """Return the sysctls of an endpoint's interface, written `name=value,name=value`.

    Source: moby `daemon/libnetwork/netlabel/labels.go`, since engine 27.
    """
    written = foreign.strings(settings, "DriverOpts").get(_ENDPOINT_SYSCTLS, "")
    pairs = (one.partition("=") for one in written.split(","))
    return {name.strip(): value.strip() for name, sign, value in pairs if sign}


def _witness(status: str, raw_name: str, settings: JsonObject) -> Witness | None:
    """Return what must stay the same for a container to be the same run of itself.

    None for a running container without an endpoint id (a joined namespace, podman):
    nothing would show that it was started again.
    """
    networks = foreign.child(settings, "Networks")
    keys = ("EndpointID", "NetworkID", "IPAddress", "GlobalIPv6Address")
    ends = frozenset(
        (name, *(foreign.text(networks[name], key) for key in keys))
        for name in networks
    )
    if status == "restarting" or not status:
        return None
    if status in _ALIVE and not any(end[1] for end in ends):
        return None
    return status, raw_name, ends
