"""Who may ask over HTTP, and how: the rules of the web configuration file as values.

`config` makes them of the file, `web` goes by them; neither knows the other.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many requests are answered, of everybody together (a token bucket)."""

    interval_s: float
    """Seconds in which one more may come; above 0."""
    burst: int
    """So many may come at once; at least 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The rules in force; as built, without a file: everybody, in plain text."""

    tls: ssl.SSLContext | None = None
    """What each new connection is greeted with; None for plain HTTP."""
    verifies_clients: bool = False
    """Whether a client without a certificate that we trust is turned away."""
    allowed_sans: frozenset[str] = frozenset()
    """Subject alternative names, of which a client's certificate has one; empty for
    any certificate that is trusted."""
    users: Mapping[str, bytes] = field(default_factory=dict)
    """Names and bcrypt hashes; empty where no password is asked for."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What every answer carries, by lower-case name, instead of our own."""
    rate: Rate | None = None

    @property
    def is_closed(self) -> bool:
        """Return whether a page of another site, led here by its name, gets nothing.

        It has no password for its own name, and no certificate of ours bears it.
        """
        return self.tls is not None or bool(self.users)
