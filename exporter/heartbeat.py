"""Whether the engine still answers: asked anew each cycle, waited for shortly.

An engine that hangs keeps its event stream open and closes nothing; only a request
that stays without an answer tells.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

PATIENCE_S = 3.0
"""Seconds after which an engine without an answer counts as away."""


class Heartbeat:
    """Asks one cheap question at a time, in a thread of its own."""

    def __init__(
        self, ask: Callable[[], object], patience_s: float = PATIENCE_S
    ) -> None:
        """Bind to a question; it is not asked yet.

        Args:
            ask: asks the engine something cheap; raises if there is no answer.
            patience_s: how long an answer is waited for.
        """
        self._ask = ask
        self._patience_s = patience_s
        self._pool = ThreadPoolExecutor(1, "heartbeat")
        self._asked: asyncio.Future[object] | None = None

    async def beats(self) -> bool:
        """Return whether the engine answered in time.

        A question that is still open is waited for again, never asked twice.
        """
        if self._asked is None:
            loop = asyncio.get_running_loop()
            self._asked = loop.run_in_executor(self._pool, self._ask)
        done, _ = await asyncio.wait({self._asked}, timeout=self._patience_s)
        if not done:
            return False
        asked, self._asked = self._asked, None
        return asked.exception() is None

    def stop(self) -> None:
        """Ask no more; an open question ends by its own timeout."""
        self._pool.shutdown(wait=False, cancel_futures=True)
