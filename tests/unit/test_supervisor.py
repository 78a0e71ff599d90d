"""Failures are counted, said once, and survived."""

import asyncio

import pytest
import structlog
from structlog.testing import capture_logs

from exporter.board import Board
from exporter.errors import BusyError
from exporter.model.hoststate import HostState
from exporter.supervisor import Supervisor
from exporter.troubles import Troubles
from tests.fakes.clock import START

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Run on the loop that the service runs on."""
    return "asyncio"


async def fail(error: BaseException | None) -> None:
    """Raise an error, if any."""
    if error is not None:
        raise error


async def test_a_stage_that_fails_is_counted_each_time_and_said_once() -> None:
    """Until it succeeds again; then its next failure is news."""
    board = Board(15.0, 2000.0)
    bad = BusyError("process 4711")
    with capture_logs() as lines:
        supervisor = Supervisor(board, Troubles(), structlog.get_logger())
        ended = [
            await supervisor.guarded("detection", fail(error))
            for error in (bad, bad, None, bad)
        ]

    snapshot = board.snapshot(
        START, engine_up=True, stream_connected=True, notices=(), host=HostState()
    )
    assert [False, False, True, False] == ended
    assert {"detection": 3} == snapshot.tally.errors
    assert ["detection.failed"] * 2 == [line["event"] for line in lines]


async def test_what_nobody_foresaw_is_said_with_its_origin() -> None:
    """Our own errors say what is to be done; others need a trace."""
    with capture_logs() as lines:
        supervisor = Supervisor(Board(15.0, 2000.0), Troubles(), structlog.get_logger())
        await supervisor.guarded("one", fail(BusyError("process 4711")))
        await supervisor.guarded("other", fail(ZeroDivisionError("oh")))

    assert [False, True] == [line["exc_info"] for line in lines]


async def test_cancellation_is_no_failure() -> None:
    """It ends the work that was cancelled, as it must."""
    supervisor = Supervisor(Board(15.0, 2000.0), Troubles(), structlog.get_logger())

    with pytest.raises(asyncio.CancelledError):
        await supervisor.guarded("cycle", fail(asyncio.CancelledError()))
