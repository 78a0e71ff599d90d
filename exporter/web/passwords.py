"""Passwords of basic authentication (RFC 7617), kept as bcrypt hashes.

A check takes a tenth of a second of a core by design. So right ones are remembered, as
digests of a key of this process, and checks of others run in one thread that rests
three times as long as it works: whoever guesses takes a quarter of a core at most.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from exporter.errors import ExporterError

REMEMBERED_MAX: Final = 256
REST: Final = 3.0
"""Rest after a check, in times of what it took."""
WAITING_MAX: Final = 16
"""Checks that wait, of everybody."""
WAITING_OF_ONE_MAX: Final = 2
"""Checks that wait of one client, for one user; all unknown names are one."""
_BCRYPT_BYTES: Final = 72
"""What bcrypt looks at; htpasswd and Go cut off the rest too."""


class TooManyGuesses(ExporterError):
    """So many passwords are being checked that another one has to wait."""

    def __init__(self) -> None:
        super().__init__("too many passwords are being checked; try again")


class Passwords:
    """Checks credentials. Used on the event loop, works in a thread of its own."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._good: OrderedDict[bytes, None] = OrderedDict()
        self._bad: OrderedDict[bytes, None] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Future[bool]] = {}
        self._waiting: Counter[tuple[str, str | None]] = Counter()
        self._pool = ThreadPoolExecutor(1, "password")
        self._stopped = threading.Event()
        self._rested_s = 0.0

    async def admit(
        self, users: Mapping[str, bytes], authorization: str, client: str
    ) -> bool:
        """Return whether a header names a user with the password of that user.

        Args:
            users: names and hashes; at least one.
            authorization: the header, empty without one.
            client: who asks, by `client_of`.

        Raises:
            TooManyGuesses: this client, or all together, already have as many checks
                waiting as they may.
        """
        given = credentials(authorization)
        if given is None:
            return False
        user, password = given
        # A name that does not exist takes as long as a wrong password.
        hashed = users.get(user) or next(iter(users.values()))
        secret = password.encode()[:_BCRYPT_BYTES]
        known = user in users
        digest = self._digest(bytes([known]), user.encode(), secret, hashed)
        if digest in self._good:
            self._good.move_to_end(digest)
            return True
        if digest in self._bad:
            return False
        who = client, user if known else None
        matches = await self._checked(digest, secret, hashed, who)
        is_right = matches and known
        _remember(self._good if is_right else self._bad, digest)
        return is_right

    def stop(self) -> None:
        """End the thread; what waits is not checked any more."""
        self._stopped.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _checked(
        self, digest: bytes, secret: bytes, hashed: bytes, who: tuple[str, str | None]
    ) -> bool:
        """Return what bcrypt says; the same question is asked once at a time."""
        under_way = self._under_way.get(digest)
        if under_way is None:
            if (
                self._waiting[who] >= WAITING_OF_ONE_MAX
                or self._waiting.total() >= WAITING_MAX
            ):
                raise TooManyGuesses
            loop = asyncio.get_running_loop()
            under_way = loop.run_in_executor(self._pool, self._check, secret, hashed)
            self._under_way[digest] = under_way
            self._waiting[who] += 1
            under_way.add_done_callback(lambda _: self._is_over(digest, who))
        # Who hangs up does not take the answer from the others.
        return await asyncio.shield(under_way)

    def _check(self, secret: bytes, hashed: bytes) -> bool:
        """Return whether a password has a hash, once rested; runs in the thread."""
        self._stopped.wait(max(0.0, self._rested_s - time.monotonic()))
        import bcrypt  # noqa: PLC0415 - most have no passwords

        began_s = time.monotonic()
        try:
            return bcrypt.checkpw(secret, hashed)
        except ValueError:
            return False
        finally:
            ended_s = time.monotonic()
            self._rested_s = ended_s + REST * (ended_s - began_s)

    def _is_over(self, digest: bytes, who: tuple[str, str | None]) -> None:
        del self._under_way[digest]
        self._waiting[who] -= 1
        if not self._waiting[who]:
            del self._waiting[who]

    def _digest(self, *parts: bytes) -> bytes:
        digest = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in parts:
            digest.update(len(part).to_bytes(4))
            digest.update(part)
        return digest.digest()


def credentials(authorization: str) -> tuple[str, str] | None:
    """Return user and password of a header, None if it holds none.

    >>> credentials("Basic YTpiOmM=")
    ('a', 'b:c')
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    user, colon, password = text.partition(":")
    return (user, password) if colon else None


def _remember(kept: OrderedDict[bytes, None], digest: bytes) -> None:
    kept[digest] = None
    while len(kept) > REMEMBERED_MAX:
        kept.popitem(last=False)
