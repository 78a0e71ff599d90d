"""Which engine this is, and whether its namespaces can be entered from here.

A remote engine, a rootless one and one in a virtual machine give topology and subnet
figures only: there is no namespace of theirs on this kernel, or not where it says.
"""

from exporter.engine import foreign, subnets
from exporter.engine.foreign import JsonObject
from exporter.errors import EngineProtocolError
from exporter.model.topology import EngineInfo

_REMOTE = {
    "tcp": "reached over TCP",
    "http": "reached over TCP",
    "https": "reached over TLS",
    "ssh": "reached over SSH",
    "npipe": "reached through a named pipe",
}
_LOCAL_SCHEMES = frozenset({"unix", "http+unix"})


def is_unix(address: str) -> bool:
    """Return whether an engine's address, as in DOCKER_HOST, is a Unix socket.

    Without a scheme it is a host and a port, as for the `docker` command.
    """
    return address.partition("://")[0] in _LOCAL_SCHEMES


def parse_engine(
    version: JsonObject,
    info: JsonObject,
    *,
    address: str,
    kernel_release: str,
    tls: bool = False,
) -> EngineInfo:
    """Return what `/version` and `/info` tell of the engine.

    Args:
        version: the answer of `/version`.
        info: the answer of `/info`.
        address: where it was reached, as in DOCKER_HOST.
        kernel_release: of the kernel that we run on (`uname -r`).
        tls: whether DOCKER_TLS_VERIFY or DOCKER_CERT_PATH asked for TLS.

    Raises:
        EngineProtocolError: the answer names no API version.
    """
    api_version = foreign.text(version, "ApiVersion")
    if not api_version:
        raise EngineProtocolError("/version", "no ApiVersion")
    product = _product(version)
    reason = _why_not_local(address, info, kernel_release, tls=tls)
    pools = subnets.parse_pools(info)
    if not pools and product == "docker":
        pools = subnets.default_pools()
    return EngineInfo(
        version=foreign.text(version, "Version"),
        api_version=api_version,
        product=product,
        address=address,
        local=not reason,
        local_reason=reason,
        firewall_backend=foreign.text(foreign.child(info, "FirewallBackend"), "Driver"),
        default_pools=pools,
    )


def _product(version: JsonObject) -> str:
    for component in foreign.items(version, "Components"):
        name = foreign.text(component, "Name")
        return "podman" if name.lower().startswith("podman") else "docker"
    return "docker"


def _why_not_local(
    address: str, info: JsonObject, kernel_release: str, *, tls: bool
) -> str:
    """Return why the engine's namespaces cannot be entered, empty if they can."""
    if not is_unix(address):
        scheme = address.partition("://")[0] if "://" in address else "tcp"
        if tls and scheme in ("tcp", "http"):
            scheme = "https"
        return _REMOTE.get(scheme, f"reached by {scheme}")
    options = [
        option
        for option in foreign.items(info, "SecurityOptions")
        if isinstance(option, str)
    ]
    if any("name=rootless" in option.split(",") for option in options):
        return "rootless, its networks live in a namespace of their own"
    if foreign.flag(info, "Rootless"):
        return "rootless, its networks live in a namespace of their own"
    system = foreign.text(info, "OperatingSystem")
    if "Docker Desktop" in system:
        return "Docker Desktop, its containers run in a virtual machine"
    kernel = foreign.text(info, "KernelVersion")
    if kernel and kernel != kernel_release:
        return f"runs on another kernel ({kernel}), in a virtual machine"
    return ""
