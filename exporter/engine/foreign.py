"""Reading JSON that others made, without ever raising.

The engine's answers differ by version and by product, and fields come, go, turn null
or change their type. Each function returns the plain default of its kind for whatever
it cannot use, so that one odd field never costs the rest of an answer.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from exporter.model.topology import IPAddress, IPNetwork

JsonObject = Mapping[str, object]
"""An object of JSON, values unknown."""

_NOTHING: JsonObject = {}


def as_object(value: object) -> JsonObject:
    """Return an object as it is, anything else as an empty one."""
    return value if isinstance(value, Mapping) else _NOTHING


def child(source: object, key: str) -> JsonObject:
    """Return the object under a key, empty if there is none."""
    return as_object(as_object(source).get(key))


def items(source: object, key: str) -> Iterator[object]:
    """Yield the elements of the array under a key, nothing if there is none."""
    found = as_object(source).get(key)
    if isinstance(found, list):
        yield from found


def text(source: object, key: str) -> str:
    """Return the string under a key, empty if there is none."""
    found = as_object(source).get(key)
    return found if isinstance(found, str) else ""


def flag(source: object, key: str, *, default: bool = False) -> bool:
    """Return the boolean under a key, the default if there is none."""
    found = as_object(source).get(key)
    return found if isinstance(found, bool) else default


def number(source: object, key: str) -> int | None:
    """Return the whole number under a key, None if there is none."""
    found = as_object(source).get(key)
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    return None


def strings(source: object, key: str) -> dict[str, str]:
    """Return the object under a key without whatever is not text to text."""
    return {
        name: value
        for name, value in child(source, key).items()
        if isinstance(value, str)
    }


def instant(source: object, key: str) -> datetime | None:
    """Return the time under a key in UTC, to the microsecond.

    Go writes a time that never was as 0001-01-01T00:00:00Z; that is None here.
    """
    try:
        found = datetime.fromisoformat(text(source, key))
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if found.year > 1 else None


def address(source: object, key: str) -> IPAddress | None:
    """Return the address under a key, None if there is none or it is unspecified.

    A prefix length behind it (engines up to 1.9 wrote gateways so) and a zone are cut.
    """
    written = text(source, key).partition("/")[0].partition("%")[0]
    try:
        found = ip_address(written)
    except ValueError:
        return None
    return None if found.is_unspecified else found


def prefix(source: object, key: str) -> IPNetwork | None:
    """Return the prefix under a key, host bits cleared, None if there is none."""
    written = text(source, key)
    if "/" not in written:
        return None
    try:
        return ip_network(written, strict=False)
    except ValueError:
        return None


def mac(source: object, key: str) -> str | None:
    """Return the hardware address under a key in lower case, None if there is none."""
    return text(source, key).lower() or None
