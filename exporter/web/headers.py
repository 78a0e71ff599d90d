"""Headers that every response carries."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; "
        # Names of containers cannot become HTML: nothing may make HTML of a string.
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class SecureHeaders:
    """Adds them to an application's responses, its error pages included."""

    def __init__(self, app: ASGIApp, *, kept: tuple[str, ...]) -> None:
        """Wrap an application.

        Args:
            app: what answers.
            kept: paths that begin so may be kept by a browser; what else is served
                is true at this moment only.
        """
        self._app = app
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        caching = "no-cache" if scope["path"].startswith(self._kept) else "no-store"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("cache-control", caching)
                headers.update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)
