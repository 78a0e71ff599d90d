"""What goes wrong between us and the engine, in our own exceptions.

Under the SDK lie requests, urllib3, http.client and the socket; each wraps the error
of the one below, so the cause is looked for through the whole chain.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected

import requests

from exporter.errors import (
    EngineAddressError,
    EnginePermissionDenied,
    EngineProtocolError,
    EngineUnavailable,
)
from exporter.printable import printable


@contextmanager
def translated(
    *,
    address: str,
    path: str,
    timeout_s: float,
    sdk_error: type[Exception],
) -> Iterator[None]:
    """Turn what the SDK and the libraries under it raise into `EngineError`.

    Args:
        address: where the engine is, as in DOCKER_HOST.
        path: of the request, for the message.
        timeout_s: what the request was given, for the message.
        sdk_error: root of the SDK's own exceptions.
    """
    try:
        yield
    except requests.Timeout as error:
        reason = f"no answer within {timeout_s:g} s"
        raise EngineUnavailable(address, reason) from error
    except requests.HTTPError as error:  # the SDK's APIError is one
        raise EngineProtocolError(path, _http_reason(error)) from error
    except (requests.JSONDecodeError, json.JSONDecodeError) as error:
        raise EngineProtocolError(path, "not JSON") from error
    except (requests.RequestException, OSError) as error:
        denied = _cause(error, PermissionError)
        if denied is not None:
            raise EnginePermissionDenied(address) from error
        raise EngineUnavailable(address, _reason(error)) from error
    except sdk_error as error:  # TLS files, packages for ssh:// that are not there
        reason = _one_line(getattr(error, "msg", error))
        raise EngineAddressError(address, reason) from error
    except RecursionError as error:  # of the JSON parser
        raise EngineProtocolError(path, "nested too deeply") from error
    except (TypeError, ValueError, KeyError) as error:
        # An error answer of another shape than the SDK expects, a bad address.
        raise EngineProtocolError(path, _one_line(error)) from error


def _http_reason(error: requests.HTTPError) -> str:
    response = error.response
    if response is None:
        return _one_line(error)
    explanation = getattr(error, "explanation", None) or response.reason
    return _one_line(f"HTTP {response.status_code} {explanation}")


_BROKEN = {
    RemoteDisconnected: "it hung up without an answer",
    BadStatusLine: "what answers there does not speak HTTP",
    IncompleteRead: "its answer ended early",
}
"""What the standard library's HTTP client complains of; a subclass comes first."""


def _reason(error: BaseException) -> str:
    chain = _chain(error)
    for kind, words in _BROKEN.items():
        if any(isinstance(one, kind) for one in chain):
            return words
    system = _cause(error, OSError)
    if isinstance(system, OSError) and system.strerror:
        return system.strerror.lower()
    return _one_line(chain[-1])


def _cause(error: BaseException, kind: type[OSError]) -> BaseException | None:
    """Return the innermost exception of a kind under a chain of wrappers."""
    # requests derives its own exceptions from OSError: no errno, no cause.
    found = [e for e in _chain(error) if isinstance(e, kind) and e.errno is not None]
    return found[-1] if found else None


def _chain(error: BaseException) -> list[BaseException]:
    """Return an exception and everything that it wraps, the innermost last."""
    chain: list[BaseException] = []
    waiting: list[BaseException] = [error]
    while waiting:
        current = waiting.pop()
        if any(current is one for one in chain):
            continue
        chain.append(current)
        # `raise ... from None` says that what was handled explains nothing.
        context = None if current.__suppress_context__ else current.__context__
        inner = (current.__cause__, context, *current.args)
        waiting.extend(one for one in inner if isinstance(one, BaseException))
    return chain


def _one_line(error: object) -> str:
    return printable(" ".join(str(error).split()))[:200]
