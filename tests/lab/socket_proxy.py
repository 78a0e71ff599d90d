"""Passes requests on to an engine's socket, if method and path are allowed.

    python socket_proxy.py -proxysocketendpoint=/run/proxy/docker.sock '-allowGET=/info'

Stands in for the socket proxy that deploy/ names, which cannot be pulled here, and
takes the flags that deploy/ gives it. Runs in a container with nothing but Python:
standard library only. One request a connection, as it closes every one of them.
"""

import re
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

ENGINE = "/var/run/docker.sock"
_HEAD_MAX = 65536
_REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def allowed(arguments: Sequence[str]) -> Mapping[str, re.Pattern[str]]:
    """Return the paths that each method may ask for."""
    given = (argument.partition("=") for argument in arguments)
    return {
        name.removeprefix("-allow"): re.compile(value)
        for name, _, value in given
        if name.startswith("-allow")
    }


def passes(head: bytes, allowances: Mapping[str, re.Pattern[str]]) -> bool:
    """Return whether a request, known by its head, may pass."""
    method, _, rest = head.decode("latin-1").partition(" ")
    path = rest.partition(" ")[0].partition("?")[0]
    pattern = allowances.get(method)
    return pattern is not None and pattern.fullmatch(path) is not None


def serve(client: socket.socket, allowances: Mapping[str, re.Pattern[str]]) -> None:
    """Answer one request and close."""
    with client:
        head = _head(client)
        if not head.strip():
            return  # connected and went away
        if not passes(head, allowances):
            print("refused", head.partition(b"\r\n")[0], flush=True)
            client.sendall(_REFUSED)
            return
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(ENGINE)
            # One request: what followed it would pass unseen.
            closing = re.sub(rb"(?im)^connection:.*\r\n", b"", head)
            engine.sendall(closing.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            while data := engine.recv(65536):
                client.sendall(data)


def _head(client: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _HEAD_MAX:
        data = client.recv(65536)
        if not data:
            break
        head += data
    return head.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def main(arguments: Sequence[str]) -> None:
    """Listen until killed."""
    given = dict(argument.split("=", 1) for argument in arguments)
    path = given["-proxysocketendpoint"]
    # That of an earlier life.
    Path(path).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    Path(path).chmod(int(given.get("-proxysocketendpointfilemode", "0600"), 8))
    listener.listen()
    allowances = allowed(arguments)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, allowances), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1:])
