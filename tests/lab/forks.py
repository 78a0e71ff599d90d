"""The process of `tests.lab.warm`: it has imported the program, and forks for commands.

A request is a piece of JSON with the descriptors of both outputs beside it, an answer
the exit status. It ends when the other end of its socket is closed.
"""

import contextlib
import json
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any

import exporter.app
import exporter.oneshot  # noqa: F401 - imported for the children
from exporter.cli import main as command

_REQUEST_BYTES = 65536


def serve(requests: socket.socket) -> None:
    """Fork for every request until the other end is closed."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(requests, _REQUEST_BYTES, 2)
        if not data:
            return
        pid = os.fork()
        if pid == 0:
            _become(json.loads(data), *descriptors)
        for one in descriptors:
            os.close(one)
        _, status = os.waitpid(pid, 0)
        requests.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _become(request: Mapping[str, Any], out: int, err: int) -> None:
    """Run the command as a process of its own would; never return."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["dockernet-exporter", *request["arguments"]]
    status = 70  # EX_SOFTWARE of sysexits.h: neither of the command's own
    try:
        command()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            status = end.code or 0
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as ours:
        serve(ours)
