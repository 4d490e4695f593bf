"""Why a request is refused: a code, its status, and one line that says what to do."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

STATUS: Mapping[str, int] = MappingProxyType(
    {
        "bad_request": 400,
        "bad_tensor": 400,
        "no_key": 401,
        "cross_site": 403,
        "not_found": 404,
        "unknown_model": 404,
        "wrong_method": 405,
        "not_acceptable": 406,
        "slow_body": 408,
        "too_many_bytes": 413,
        "too_many_pixels": 413,
        "too_large_answer": 413,
        "unsupported_type": 415,
        "unknown_host": 421,
        "unreadable_image": 422,
        "unreadable_mask": 422,
        "bad_form": 422,
        "bad_parameter": 422,
        "queue_full": 429,
        "client_left": 499,  # never sent: nobody is there to read it
        "failure": 500,
        "busy": 503,
        "loading": 503,
        "shutting_down": 503,
        "timeout": 504,
    }
)
"""code -> HTTP status; nothing else is ever a code, so that they can be counted."""

_ECHO = 80  # characters of what a client sent that go back to it


class RefusedError(Exception):
    """A request that is not served, and why; the server's answer to it, not a failure."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after: int | None = None,
        allow: str | None = None,
    ) -> None:
        """Refuse.

        Args:
            code: one of `STATUS`.
            message: for the client: what we got, what we expected, what to do. No paths.
            retry_after: seconds after which it is worth another try.
            allow: the methods that the path has.
        """
        super().__init__(message)
        self.code = code
        self.status = STATUS[code]
        self.message = message
        self.headers: dict[str, str] = {}
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)
        if allow is not None:
            self.headers["Allow"] = allow
        if self.status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"


def error_document(path: str, error: RefusedError) -> dict[str, Any]:
    """The body that says so: the Open Inference Protocol's shape below /v2, ours elsewhere."""
    if path == "/v2" or path.startswith("/v2/"):
        return {"error": error.message}
    return {"error": {"status": error.status, "code": error.code, "message": error.message}}


def echoed(text: str) -> str:
    """A little of what a client sent, for the message about it."""
    shown = text if len(text) <= _ECHO else text[:_ECHO] + "..."
    return repr(shown)
