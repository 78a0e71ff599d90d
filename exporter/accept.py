"""What a client says it accepts (RFC 9110, 12.5.1 and 12.5.3).

What cannot be understood counts as not said: nothing is refused for an odd header.
"""

import re
from collections.abc import Iterator

_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether gzip is accepted, and not less than no compression.

    >>> accepts_gzip("gzip, br"), accepts_gzip("gzip;q=0"), accepts_gzip("")
    (True, False, False)
    """
    qualities = {name: quality for name, _, quality in ranges(accept_encoding)}
    packed = max(
        (qualities[name] for name in ("gzip", "x-gzip") if name in qualities),
        default=qualities.get("*", 0.0),
    )
    return packed > 0 and packed >= qualities.get("identity", 0.0)


def ranges(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield name, parameters and quality of each element of a header.

    An element with a quality that is not one (RFC 9110, 12.4.2) is left out.
    """
    for element in header.split(","):
        name, *rest = element.split(";")
        parameters: dict[str, str] = {}
        for parameter in rest:
            key, _, value = parameter.partition("=")
            parameters[key.strip().lower()] = value.strip().strip('"')
        quality = parameters.pop("q", "1")
        if _QUALITY.fullmatch(quality):
            yield name.strip().lower(), parameters, float(quality)
