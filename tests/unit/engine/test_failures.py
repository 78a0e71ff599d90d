"""What lies under the SDK, in our own exceptions."""

import json
from collections.abc import Callable
from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected

import pytest
import requests

from exporter.engine.failures import translated
from exporter.errors import (
    EngineAddressError,
    EngineError,
    EnginePermissionDenied,
    EngineProtocolError,
    EngineUnavailable,
)


class SdkError(Exception):
    """The root of some SDK's exceptions."""


def failure(raising: Callable[[], None]) -> EngineError:
    """Return what becomes of an error."""
    with (
        pytest.raises(EngineError) as caught,
        translated(
            address="unix:///x", path="/networks", timeout_s=3, sdk_error=SdkError
        ),
    ):
        raising()
    assert caught.value.__cause__ is not None
    return caught.value


def wrapped(cause: BaseException) -> Callable[[], None]:
    """Return a function that fails as requests does, with the cause inside."""

    def fail() -> None:
        raise requests.ConnectionError(Exception("Connection aborted.", cause))

    return fail


def raising(error: BaseException) -> Callable[[], None]:
    """Return a function that fails so."""

    def fail() -> None:
        raise error

    return fail


def cut_off() -> None:
    """Fail as urllib3 does where a stream of chunks ends with the engine."""
    broken = Exception("Response ended prematurely")
    broken.__context__ = ValueError("invalid literal for int() with base 16: b''")
    broken.__suppress_context__ = True  # raise ... from None
    raise requests.exceptions.ChunkedEncodingError(broken)


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        pytest.param(cut_off, "Response ended prematurely", id="killed"),
        pytest.param(
            wrapped(FileNotFoundError(2, "No such file or directory")),
            "no such file or directory",
            id="no socket",
        ),
        pytest.param(
            wrapped(ConnectionRefusedError(111, "Connection refused")),
            "connection refused",
            id="nobody listens",
        ),
        pytest.param(
            raising(requests.ReadTimeout("x")), "no answer within 3 s", id="silence"
        ),
        pytest.param(
            wrapped(RemoteDisconnected("Remote end closed")),
            "it hung up without an answer",
            id="hung up",
        ),
        pytest.param(
            wrapped(BadStatusLine("\x00\r\n")),
            "what answers there does not speak HTTP",
            id="not HTTP",
        ),
        pytest.param(
            wrapped(IncompleteRead(b"{", 9)), "its answer ended early", id="truncated"
        ),
        pytest.param(
            wrapped(ValueError("Invalid something")), "Invalid something", id="other"
        ),
        pytest.param(
            raising(OSError(5, "Input/output error")), "input/output error", id="OS"
        ),
    ],
)
def test_unavailable(fail: Callable[[], None], reason: str) -> None:
    """The reason is the innermost one, in a few words."""
    found = failure(fail)

    assert isinstance(found, EngineUnavailable)
    assert reason == found.reason


def test_an_address_that_cannot_be_used_is_no_outage() -> None:
    """What the SDK itself refuses is ours to correct, not the engine's."""
    error = SdkError("Install a package")
    found = failure(raising(error))

    assert isinstance(found, EngineAddressError)
    assert "unix:///x cannot be used (Install a package)" in str(found)

    # Where the SDK keeps the message apart from its advice.
    error.msg = "A file is missing"  # type: ignore[attr-defined]  # as docker's
    assert "(A file is missing)" in str(failure(raising(error)))


def test_permission_denied_is_not_unavailable() -> None:
    """Its remedy is another."""
    found = failure(wrapped(PermissionError(13, "Permission denied")))

    assert isinstance(found, EnginePermissionDenied)
    assert "unix:///x" == found.address


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(json.JSONDecodeError("x", "y", 0), "not JSON", id="not JSON"),
        pytest.param(
            requests.exceptions.JSONDecodeError("x", "y", 0), "not JSON", id="requests"
        ),
        pytest.param(RecursionError("x"), "nested too deeply", id="nested"),
        pytest.param(TypeError("list indices\x1b[31m\n"), r"\x1b[31m", id="shape"),
    ],
)
def test_answers_of_another_shape(error: Exception, reason: str) -> None:
    """It is something, but no engine of ours; control characters are written out."""
    found = failure(raising(error))

    assert isinstance(found, EngineProtocolError)
    assert "/networks" == found.path
    assert reason in found.reason


def test_our_own_errors_pass() -> None:
    """Nothing is wrapped twice."""
    error = EngineProtocolError("/info", "x")

    with (
        pytest.raises(EngineProtocolError) as caught,
        translated(address="", path="/", timeout_s=1, sdk_error=SdkError),
    ):
        raise error

    assert caught.value is error
