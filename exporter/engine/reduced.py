"""What of the engine's answers makes up the topology; the rest stays where it was.

An inspected container tells its environment and command line, an event the command of
an `exec`: passwords stand there. None of it is handed on to the process that speaks
HTTP. What is kept is listed; what an engine adds one day is left out.
"""

from collections.abc import Mapping
from typing import Final

Keep = bool | Mapping[str, "Keep"]
"""True: the whole of it; else its keys, of an object or of each one of a list."""

_NETWORKS: Final[Keep] = {"Networks": True}
_NETWORK: Final[Keep] = {
    "Id": True,
    "Name": True,
    "Driver": True,
    "Scope": True,
    "Internal": True,
    "EnableIPv4": True,
    "EnableIPv6": True,
    "ConfigOnly": True,
    "Ingress": True,
    "Created": True,
    "Labels": True,
    "Options": True,
    "IPAM": {"Driver": True, "Config": True},
    "Status": {"IPAM": True},
    "Containers": True,
}
_KEPT: Final[Mapping[str, Keep]] = {
    "version": {"ApiVersion": True, "Version": True, "Components": {"Name": True}},
    "info": {
        "SecurityOptions": True,
        "Rootless": True,
        "OperatingSystem": True,
        "KernelVersion": True,
        "FirewallBackend": {"Driver": True},
        "DefaultAddressPools": True,
    },
    "networks": _NETWORK,
    "network": _NETWORK,
    "containers": {
        "Id": True,
        "Names": True,
        "State": True,
        "NetworkSettings": _NETWORKS,
    },
    "container": {
        "Id": True,
        "Name": True,
        "Created": True,
        "State": {
            "Status": True,
            "Running": True,
            "Paused": True,
            "Restarting": True,
            "Dead": True,
            "Pid": True,
            "StartedAt": True,
        },
        "Config": {"Hostname": True, "Image": True, "Labels": True},
        "HostConfig": {"NetworkMode": True, "Sysctls": True},
        "NetworkSettings": {"SandboxKey": True, "Networks": True},
    },
    "event": {
        "Type": True,
        "Action": True,
        "Actor": {"ID": True, "Attributes": {"container": True}},
        "time": True,
        "timeNano": True,
    },
}


def reduced(kind: str, answer: object) -> object:
    """Return an answer without what no topology needs.

    Args:
        kind: a `RequestKind`, or event.
        answer: as the engine gave it.
    """
    found = _kept(answer, _KEPT[kind])
    if kind == "event" and isinstance(found, dict):
        # `exec_create: sh -c ...`
        action = found.get("Action")
        if isinstance(action, str):
            found["Action"] = action.partition(":")[0]
    return found


def _kept(value: object, keep: Keep) -> object:
    if keep is True or keep is False:
        return value
    if isinstance(value, list):
        return [_kept(one, keep) for one in value]
    if isinstance(value, dict):
        return {
            key: _kept(value[key], inner) for key, inner in keep.items() if key in value
        }
    return value
