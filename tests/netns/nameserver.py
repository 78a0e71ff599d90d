"""A DNS server at 127.0.0.11 in a container of the lab, in place of the engine's."""

import socket
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from exporter.dns.message import Question
from exporter.dns.resolver import SERVER
from exporter.netns import NamespaceRef, open_namespace
from tests.lab.plain import PlainContainer

Answer = Callable[[Question, int], Iterable[bytes]]
"""What the server sends for a question and its transaction."""


class Server:
    """The embedded server of a container; a context manager."""

    def __init__(self, container: PlainContainer, answer: Answer) -> None:
        """Listen."""
        self._answer = answer
        with open_namespace(NamespaceRef(path=container.path)) as namespace:
            self._socket = namespace.run(
                lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            )
        self._socket.bind(SERVER)
        self._socket.settimeout(0.05)  # to look whether it is over
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.asked: list[tuple[Question, int, int]] = []
        """Questions with their transactions and the ports that they came from."""

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                query, sender = self._socket.recvfrom(512)
            except TimeoutError:
                continue
            question, transaction = self._read(query)
            self.asked.append((question, transaction, sender[1]))
            for message in self._answer(question, transaction):
                self._socket.sendto(message, sender)

    def _read(self, query: bytes) -> tuple[Question, int]:
        labels, offset = [], 12
        while length := query[offset]:
            labels.append(query[offset + 1 : offset + 1 + length].decode())
            offset += 1 + length
        kind = int.from_bytes(query[offset + 1 : offset + 3], "big")
        name = ".".join(labels)
        return Question(name, 4 if kind == 1 else 6), int.from_bytes(query[:2], "big")

    def close(self) -> None:
        """Listen no more."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
