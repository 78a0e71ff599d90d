"""What goes wrong between us and the engine, in our own exceptions.

Under the SDK lie requests, urllib3, http.client and the socket; each wraps the error
of the one below, so the cause is looked for through the whole chain.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from exporter.errors import (
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
    except sdk_error as error:  # addresses and TLS files, mostly
        raise EngineUnavailable(address, _one_line(error)) from error
    except (TypeError, ValueError, KeyError) as error:
        # An error answer of another shape than the SDK expects, a bad address.
        raise EngineProtocolError(path, _one_line(error)) from error


def _http_reason(error: requests.HTTPError) -> str:
    response = error.response
    if response is None:
        return _one_line(error)
    explanation = getattr(error, "explanation", None) or response.reason
    return _one_line(f"HTTP {response.status_code} {explanation}")


def _reason(error: BaseException) -> str:
    system = _cause(error, OSError)
    if isinstance(system, OSError) and system.strerror:
        return system.strerror.lower()
    return _one_line(error)


def _cause(error: BaseException, kind: type[OSError]) -> BaseException | None:
    """Return the innermost exception of a kind under a chain of wrappers."""
    found: BaseException | None = None
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        # requests derives its own exceptions from OSError: no errno, no cause.
        if isinstance(current, kind) and current.errno is not None:
            found = current
        inner = (current.__cause__, current.__context__, *current.args)
        waiting.extend(one for one in inner if isinstance(one, BaseException))
    return found


def _one_line(error: object) -> str:
    return printable(" ".join(str(error).split()))[:200]
