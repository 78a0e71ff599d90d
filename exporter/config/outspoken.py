"""TLS whose refusals reach the client.

OpenSSL writes an alert when it fails a handshake: "certificate required", "unknown ca".
asyncio drops it, as it drops the connection at once (`SSLProtocol._do_handshake` in
CPython 3.11 to 3.13): the client sees an end without a reason.
"""

import ssl


class _Outspoken(ssl.SSLObject):
    """One connection's TLS, which fails when the client had time to hear why."""

    outgoing: ssl.MemoryBIO | None = None
    _failure: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        """Go on with the handshake.

        Raises:
            ssl.SSLWantReadError: more has to be sent or read; also once where it has
                failed and an alert is to be sent, as who asks sends what there is.
            ssl.SSLError: it has failed. The end of the connection, the next that the
                client says, or the end of its time comes first.
        """
        if self._failure is not None:
            raise self._failure
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            if self.outgoing is None or not self.outgoing.pending:
                raise
            self._failure = error
            raise ssl.SSLWantReadError from error


class OutspokenContext(ssl.SSLContext):
    """A context of asyncio's servers that says why there is no handshake."""

    sslobject_class: type[ssl.SSLObject] = _Outspoken

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Return one connection's TLS."""
        made = super().wrap_bio(
            incoming, outgoing, server_side, server_hostname, session
        )
        if isinstance(made, _Outspoken):
            made.outgoing = outgoing
        return made
