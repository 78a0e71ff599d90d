"""The door: what everybody who asks has to pass, whatever the path."""

import time
from collections.abc import Callable
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.access import Access, Rate
from exporter.web.bounds import refusal
from exporter.web.crowd import client_of
from exporter.web.origins import Names, is_foreign
from exporter.web.passwords import Passwords, TooManyGuesses

_RETRY_S = "1"


class Door:
    """Lets requests through to an application, by the rules of now."""

    def __init__(
        self,
        app: ASGIApp,
        access: Callable[[], Access],
        names: Names,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wrap an application.

        Args:
            app: what answers who is let in.
            access: returns the rules in force.
            names: by which we may be called.
            monotonic_s: seconds of a clock that never goes back.
        """
        self._app = app
        self._access = access
        self._names = names
        self._passwords = Passwords()
        self._bucket = Bucket(monotonic_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        rules = self._access()

        async def send_with_headers(message: Message) -> None:
            if rules.headers and message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(rules.headers)
            await send(message)

        app = await self._refused(scope, rules) or self._app
        await app(scope, receive, send_with_headers)

    def stop(self) -> None:
        """Check no more passwords."""
        self._passwords.stop()

    async def _refused(self, scope: Scope, rules: Access) -> ASGIApp | None:
        """Return what is said to who is not let in, None to others."""
        headers = Headers(scope=scope)
        if rules.rate is not None and not self._bucket.takes(rules.rate):
            return _busy("too many requests: rate_limit of the web configuration file")
        hosts = headers.getlist("host")
        is_local = scope["client"] is None
        # With a password or TLS nothing can be read under a name that is not ours.
        if not (rules.is_closed or is_local) and not self._names.include(
            hosts[0] if hosts else None
        ):
            return refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                "not by this name: web.allowed_hosts is where it can be allowed",
            )
        if is_foreign(headers, scope["method"], scope["scheme"] == "https"):
            return refusal(HTTPStatus.FORBIDDEN, "not from another site")
        return await self._asked_password(scope, headers, rules)

    async def _asked_password(
        self, scope: Scope, headers: Headers, rules: Access
    ) -> ASGIApp | None:
        if not rules.users:
            return None
        given = headers.getlist("authorization")
        client = client_of(scope["client"])
        try:
            if len(given) == 1 and await self._passwords.admit(
                rules.users, given[0], client
            ):
                return None
        except TooManyGuesses as error:
            return _busy(str(error))
        return refusal(
            HTTPStatus.UNAUTHORIZED,
            "user and password, please",
            www_authenticate='Basic realm="dockernet-exporter", charset="UTF-8"',
        )


class Bucket:
    """A token bucket, of everybody together."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._now_s = monotonic_s
        self._rate: Rate | None = None
        self._tokens = 0.0
        self._looked_s = 0.0

    def takes(self, rate: Rate) -> bool:
        """Return whether one more request may pass, and count it."""
        now_s = self._now_s()
        if rate != self._rate:
            self._rate, self._tokens = rate, float(rate.burst)
        else:
            gained = (now_s - self._looked_s) / rate.interval_s
            self._tokens = min(float(rate.burst), self._tokens + gained)
        self._looked_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def _busy(text: str) -> ASGIApp:
    return refusal(HTTPStatus.TOO_MANY_REQUESTS, text, retry_after=_RETRY_S)
