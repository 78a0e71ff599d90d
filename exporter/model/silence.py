"""Sysctls that a container was created with and that take its answers away.

Source: kernel Documentation/networking/ip-sysctl.rst. What is set in the namespace
later is not in the engine's API.
"""

from exporter.model.topology import Container, Endpoint, IpVersion

_IGNORE_ECHO = {
    4: "net.ipv4.icmp_echo_ignore_all",
    6: "net.ipv6.icmp.echo_ignore_all",
}
_NO_EFFECT = frozenset({"default", "lo"})
"""The engine itself switches IPv6 on for an interface with an IPv6 address, whatever
the default (measured on 20.10, 26.1 and 28.5); the loopback carries no probe."""


def ignores_echo(container: Container, ip_version: IpVersion) -> bool:
    """Return whether a container was told to leave echo requests unanswered.

    `echo_ignore_multicast` and `echo_ignore_anycast` do not concern its own address.
    """
    wanted = _IGNORE_ECHO[ip_version]
    return any(
        _dotted(name) == wanted and _is_on(value)
        for name, value in container.sysctls.items()
    )


def is_without_ipv6(container: Container) -> bool:
    """Return whether a container was created with IPv6 off on every interface."""
    return any(
        _dotted(name) == "net.ipv6.conf.all.disable_ipv6" and _is_on(value)
        for name, value in container.sysctls.items()
    )


def has_no_ipv6(container: Container, endpoint: Endpoint | None) -> bool:
    """Return whether IPv6 was switched off, of a container or of one endpoint.

    Which interface an endpoint's is, the API does not tell: a sysctl of any of the
    container's interfaces counts for all, and nothing is promised.
    """
    settings = [*container.sysctls.items()]
    if endpoint is not None:
        settings += endpoint.sysctls.items()
    return any(
        _disables_ipv6(_dotted(name)) and _is_on(value) for name, value in settings
    )


def _disables_ipv6(name: str) -> bool:
    head, _, interface = name.removesuffix(".disable_ipv6").rpartition(".")
    return (
        name.endswith(".disable_ipv6")
        and head == "net.ipv6.conf"
        and interface not in _NO_EFFECT
    )


def _dotted(name: str) -> str:
    """Return a sysctl's name with dots, as sysctl(8) takes slashes too."""
    return name.replace("/", ".")


def _is_on(value: str) -> bool:
    return value.strip() not in ("0", "")
