"""What requests carry, as JSON and back; what does not fit is `Malformed`."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address

from exporter.broker.wire import Malformed
from exporter.dns import exchange
from exporter.dns.exchange import Query
from exporter.dns.message import Question
from exporter.hostns import BridgeMark, HostFound
from exporter.model.topology import IP_VERSIONS, IPAddress
from exporter.netns import NamespaceRef, NetnsId
from exporter.powers import Terms

Json = Mapping[str, object]


def text(request: Json, key: str) -> str:
    """Return a string."""
    value = request.get(key)
    if isinstance(value, str):
        return value
    raise Malformed(key)


def number(request: Json, key: str, least: int = 0, most: int = 1 << 64) -> int:
    """Return a whole number within bounds."""
    value = request.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and least <= value < most:
        return value
    raise Malformed(key)


def texts(request: Json, key: str) -> tuple[str, ...]:
    """Return a list of strings."""
    value = request.get(key)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise Malformed(key)


def numbers(request: Json, key: str, most: int) -> list[int]:
    """Return a list of whole numbers from 0 to below `most`, `exchange.MOST` at most.

    Each stands there once.
    """
    value = request.get(key)
    if not isinstance(value, list) or len(value) > exchange.MOST:
        raise Malformed(key)
    found = [number({key: one}, key, most=most) for one in value]
    if len({*found}) != len(found):
        raise Malformed(key)
    return found


def queries_json(queries: Iterable[Query]) -> object:
    """Return questions as JSON."""
    return [
        [at, transaction, question.ip_version, question.name]
        for at, question, transaction in queries
    ]


def queries(request: Json, key: str, resolvers: int) -> list[Query]:
    """Return questions of JSON, `exchange.MOST` at most.

    Args:
        resolvers: how many there are to ask at.
    """
    value = request.get(key)
    if not isinstance(value, list) or len(value) > exchange.MOST:
        raise Malformed(key)
    return [_query(one, key, resolvers) for one in value]


def _query(value: object, key: str, resolvers: int) -> Query:
    if not isinstance(value, list) or len(value) != 4:
        raise Malformed(key)
    at, transaction, version, name = value
    # No flag is a number here, as in `number`; there may be hundreds of these.
    whole = type(at) is type(transaction) is type(version) is int
    if not whole or not isinstance(name, str) or version not in IP_VERSIONS:
        raise Malformed(key)
    if not (0 <= at < resolvers and 0 <= transaction < 1 << 16):
        raise Malformed(key)
    return Query(at, Question(name, version), transaction)


def addresses(request: Json, key: str) -> tuple[IPAddress, ...]:
    """Return a list of addresses."""
    try:
        return tuple(map(ip_address, texts(request, key)))
    except ValueError as error:
        raise Malformed(key) from error


def namespace_json(ref: NamespaceRef) -> Json:
    """Return a namespace as JSON."""
    return {"path": ref.path, "pid": ref.pid, "container": ref.container_id}


def namespace(request: object) -> NamespaceRef:
    """Return a namespace of JSON."""
    if not isinstance(request, dict):
        raise Malformed("namespace")
    return NamespaceRef(
        path=None if request.get("path") is None else text(request, "path"),
        pid=number(request, "pid", most=1 << 31),
        container_id=text(request, "container"),
    )


def found_json(found: HostFound) -> Json:
    """Return what was found of the host as JSON."""
    return {
        "ref": namespace_json(found.ref),
        "source": found.source,
        "identity": found.identity,
    }


def found(request: object) -> HostFound:
    """Return what was found of the host."""
    if not isinstance(request, dict):
        raise Malformed("host")
    return HostFound(
        ref=namespace(request.get("ref")),
        source=text(request, "source"),
        identity=NetnsId(number(request, "identity", least=-(1 << 128))),
    )


def terms_json(terms: Terms, files: Iterable[str]) -> Json:
    """Return terms, and the files that may be opened, as JSON."""
    return {
        "environment": dict(terms.environment),
        "path_map": [list(one) for one in terms.path_map],
        "host_namespace": terms.host_namespace,
        "sockets": list(terms.sockets),
        "files": sorted(files),
    }


def terms(request: Json) -> tuple[Terms, frozenset[str]]:
    """Return terms of JSON, and the files that may be opened."""
    environment, path_map = request.get("environment"), request.get("path_map")
    if not isinstance(environment, dict) or not isinstance(path_map, list):
        raise Malformed("terms")
    host = None
    if request.get("host_namespace") is not None:
        host = text(request, "host_namespace")
    pairs = [texts({"pair": pair}, "pair") for pair in path_map]
    if any(len(pair) != 2 for pair in pairs):
        raise Malformed("path_map")
    found = Terms(
        environment={key: text(environment, key) for key in environment},
        path_map=tuple((pair[0], pair[1]) for pair in pairs),
        host_namespace=host,
        sockets=texts(request, "sockets"),
    )
    return found, frozenset(texts(request, "files"))


def bridges_json(bridges: Sequence[BridgeMark]) -> object:
    """Return bridges as JSON."""
    return [[one.name, *map(str, one.gateways)] for one in bridges]


def bridges(request: Json, key: str) -> tuple[BridgeMark, ...]:
    """Return bridges of JSON."""
    value = request.get(key)
    if not isinstance(value, list):
        raise Malformed(key)
    marks = []
    for one in value:
        name, *gateways = texts({key: one}, key) or ("",)
        if not name:
            raise Malformed(key)
        written = {key: gateways}
        marks.append(BridgeMark(name=name, gateways=addresses(written, key)))
    return tuple(marks)
