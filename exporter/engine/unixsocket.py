"""HTTP over a Unix socket for `requests`.

In place of the SDK's own adapter, which forgets to close a socket that could not be
connected: each attempt to reach an engine that is down would leave one open until the
garbage collector comes by.
"""

import socket
from collections.abc import Mapping

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

_KEPT = 2
"""Idle connections kept open; requests are made from one thread."""


class UnixAdapter(HTTPAdapter):
    """Sends every request of a session to one socket.

    Args:
        path: of the socket.
    """

    def __init__(self, path: str) -> None:
        self._pool = _Pool(path)
        super().__init__()

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> HTTPConnectionPool:
        """Return the connections to the socket, whatever the request's host."""
        return self._pool

    def request_url(
        self, request: requests.PreparedRequest, proxies: Mapping[str, str] | None
    ) -> str:
        """Return path and query: there is no proxy in between."""
        return request.path_url

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()
        super().close()


class _Pool(HTTPConnectionPool):
    def __init__(self, path: str) -> None:
        self._path = path
        super().__init__("localhost", maxsize=_KEPT)

    def _new_conn(self) -> HTTPConnection:
        return _Connection(self._path)


class _Connection(HTTPConnection):
    def __init__(self, path: str) -> None:
        self._path = path
        super().__init__("localhost")

    def connect(self) -> None:
        """Connect to the socket within the connection's timeout."""
        connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # urllib3 has put the request's connect timeout here by now.
            if isinstance(self.timeout, int | float):
                connecting.settimeout(self.timeout)
            connecting.connect(self._path)
        except BaseException:
            connecting.close()
            raise
        self.sock = connecting
