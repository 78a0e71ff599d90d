"""Every exception the project raises on purpose.

Expected network outcomes (a timeout, a refused path) are values of
`exporter.model.outcome`; what stands here are broken preconditions. Each class
carries its fields first and renders as one line that ends with the remedy.
"""


class ExporterError(Exception):
    """Root of all errors of this project; safe to print to a user."""

    def __reduce__(self) -> tuple[object, ...]:
        """Return how to make it again, whatever its `__init__` takes (`pickle`)."""
        return _again, (type(self), self.args, self.__dict__)


def _again(
    kind: type[ExporterError], args: tuple[object, ...], fields: dict[str, object]
) -> ExporterError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(fields)
    return error


class ConfigError(ExporterError):
    """The configuration cannot be used.

    Attributes:
        problems: every problem found, each a line `FILE:LINE: PATH: text`.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class EngineError(ExporterError):
    """The Docker engine could not be used."""


class EngineUnavailable(EngineError):
    """Nothing answers at the engine's address."""

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        self.reason = reason
        super().__init__(
            f"no Docker engine answers at {address} ({reason}); "
            "start it, or set DOCKER_HOST to its address"
        )


class EngineAddressError(EngineError):
    """The address, or what is configured for it, leads to no engine we can use."""

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        self.reason = reason
        super().__init__(
            f"the engine at {address} cannot be used ({reason}); check DOCKER_HOST, "
            "DOCKER_TLS_VERIFY and DOCKER_CERT_PATH"
        )


class EnginePermissionDenied(EngineError):
    """The engine's socket may not be opened by this user."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(
            f"permission denied on {address}; run as root, or as a member of the "
            "socket's group"
        )


class EngineProtocolError(EngineError):
    """The engine answered something this version does not understand."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(
            f"the engine's answer to {path} cannot be used ({reason}); "
            "report it with the output of `docker version`"
        )


class NetnsError(ExporterError):
    """A network namespace could not be entered."""


class NetnsGone(NetnsError):
    """The namespace ended between listing and entering; ordinary on a busy host."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"no network namespace at {path}; its container has ended")


class NetnsPermissionDenied(NetnsError):
    """A capability or a mount that entering needs is missing."""

    def __init__(self, path: str, capability: str) -> None:
        self.path = path
        self.capability = capability
        super().__init__(
            f"may not enter the network namespace {path}; grant {capability}"
        )


class ProbeSocketError(ExporterError):
    """A probe socket could not be made."""

    def __init__(self, what: str, errno: int, remedy: str) -> None:
        self.what = what
        self.errno = errno
        super().__init__(f"{what} failed (errno {errno}); {remedy}")


class NetlinkError(ExporterError):
    """The kernel's route netlink answered an error or nothing that parses."""

    def __init__(self, what: str, errno: int) -> None:
        self.what = what
        self.errno = errno
        super().__init__(f"rtnetlink {what} failed (errno {errno})")


class FirewallUnreadable(ExporterError):
    """The packet filter of a namespace cannot be read."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the packet filter cannot be read ({reason}); run as root, or grant "
            "CAP_NET_ADMIN"
        )


class PacketError(ExporterError):
    """Bytes that are not the packet they should be."""


class ListenError(ExporterError):
    """The HTTP address cannot be listened on."""

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        super().__init__(
            f"cannot listen on {address} ({reason}); stop what uses it, or choose "
            "another with --web.listen-address"
        )


class BusyError(ExporterError):
    """Another of our processes on this host holds the probe budget."""

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(
            f"another dockernet-exporter ({holder}) is probing on this host; wait for "
            "it or stop it"
        )


class BudgetError(ExporterError):
    """The file by which our processes on one host take turns cannot be opened."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(
            f"cannot write {path} ({reason}), by which processes on one host share "
            "what they may probe; make its folder writable"
        )


class EngineNotLocal(EngineError):
    """The engine runs elsewhere: there is no namespace to probe from."""

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        self.reason = reason
        super().__init__(
            f"nothing can be probed at {address} ({reason}); run on the engine's own "
            "host, or use `topology`"
        )


class BrokerGone(ExporterError):
    """The process that holds our privileges has ended; so must this one."""

    def __init__(self) -> None:
        super().__init__(
            "the process that opens sockets for this one has ended; start it again"
        )


class BrokerFailed(ExporterError):
    """The process that holds our privileges could not do what it was asked for."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the process that opens sockets for this one failed ({reason}); report it"
        )


class UnknownName(ExporterError):
    """A network or container of that name does not exist."""

    def __init__(self, kind: str, name: str, near: tuple[str, ...]) -> None:
        self.kind = kind
        self.name = name
        self.near = near
        hint = f"did you mean {', '.join(near)}?" if near else "see `topology`"
        super().__init__(f"there is no {kind} {name!r}; {hint}")


class QueryError(ExporterError):
    """A parameter of a query is not known, or its value is none that it may have."""
