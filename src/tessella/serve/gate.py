"""The outermost layer: checks who asks, measures, and turns what goes wrong into an answer."""

import logging
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tessella.serve.measures import OTHER, Measures
from tessella.serve.refusal import RefusedError, error_document
from tessella.serve.security import HEADERS, Access

logger = logging.getLogger(__name__)


def refusal_response(path: str, error: RefusedError) -> Response:
    """The answer to a request that is refused."""
    return JSONResponse(error_document(path, error), error.status, error.headers)


class Gate:
    """Wraps the routes; every answer leaves through it."""

    def __init__(self, app: ASGIApp, access: Access, measures: Measures) -> None:
        """Wrap.

        Args:
            app: the routes.
            access: who may ask.
            measures: told of each answer and refusal.
        """
        self._app = app
        self._access = access
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        passage = _Passage(scope, receive, send, self._access)
        try:
            await self._pass(scope, passage)
        except RefusedError as error:
            self._measures.refused(error.code)
            await refusal_response(scope["path"], error)(scope, receive, passage.send)
        except Exception as error:  # the true boundary: whatever failed, the client gets an answer
            if passage.status:
                raise  # it has begun already; the connection is closed
            await self._failure(scope, error)(scope, receive, passage.send)
        finally:
            if passage.status:
                route = getattr(scope.get("route"), "path", OTHER)
                self._measures.request(route, passage.status, time.perf_counter() - began)

    async def _pass(self, scope: Scope, passage: "_Passage") -> None:
        headers = Headers(scope=scope)
        self._access.check(scope["method"], scope["path"], headers)
        preflight = self._access.preflight_headers(scope["method"], headers)
        if preflight is not None:
            response = Response(status_code=204, headers=preflight)
            await response(scope, passage.receive, passage.send)
            return
        await self._app(scope, passage.receive, passage.send)

    def _failure(self, scope: Scope, error: Exception) -> Response:
        number = secrets.token_hex(4)
        logger.error("failure %s: %s %s", number, scope["method"], scope["path"], exc_info=error)
        self._measures.refused("failure")
        told = RefusedError("failure", f"the server failed; its log tells more under {number}.")
        return refusal_response(scope["path"], told)


class _Passage:
    """One request on its way through: what was read of it, and what its answer carries."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, access: Access) -> None:
        self._receive = receive
        self._send = send
        self._headers = Headers(scope=scope)
        self._access = access
        has_body = self._headers.get("content-length", "0") != "0"
        self._is_read = not has_body and "transfer-encoding" not in self._headers
        self.status = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._is_read = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(raw=list(message.get("headers", ())))
            for name, value in (
                *HEADERS.items(),
                *self._access.cors_headers(self._headers).items(),
            ):
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
            if not self._is_read:  # refused in the middle: what is still to come is not wanted
                headers["Connection"] = "close"
            message = {**message, "headers": headers.raw}
        await self._send(message)
