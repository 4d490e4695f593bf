"""One HTTP connection: uvicorn's, with limits for slow clients and a patient way to hang up."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from tessella.serve.limits import Limits
from tessella.serve.refusal import RefusedError, error_document
from tessella.serve.security import HEADERS

_LINGER_SECONDS = 2.0
_PHRASES = {400: "Bad Request", 408: "Request Timeout"}


def connection_class(limits: Limits) -> type["Connection"]:
    """The class that uvicorn makes connections of, under these limits."""

    class LimitedConnection(Connection):
        pass

    LimitedConnection.limits = limits
    return LimitedConnection


class Connection(H11Protocol):
    """Closes when a request's head comes too slowly, or when an answer is not read."""

    limits = Limits()
    _head_timer: asyncio.TimerHandle | None = None
    _was_cut_short = False

    def connection_made(self, transport: Any) -> None:
        """A client is there."""
        patient = _PatientTransport(transport, self._is_client_sending, self.loop, self.limits)
        super().connection_made(patient)  # type: ignore[arg-type]
        if len(self.connections) > self.limits.max_connections:
            transport.abort()
            return
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_watching()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request; nothing is made of those that come while we hang up."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._watch_head()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # in the middle of a body: its reader is told to stop
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.close()
                return
        self._answer(RefusedError("bad_request", msg))

    def _watch_head(self) -> None:
        """Run the clock from the first byte (or the connection) until a request's head is whole."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_watching()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.limits.head_seconds, self._head_is_late)

    def _stop_watching(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        if self.transport.is_closing():
            return
        if not self.conn.trailing_data[0]:  # not a byte: a connection made in advance
            self.transport.close()
            return
        seconds = self.limits.head_seconds
        self._answer(
            RefusedError("slow_body", f"the headers did not arrive within {seconds:g} seconds.")
        )

    def _is_client_sending(self) -> bool:
        is_in_a_body = self.cycle is not None and self.cycle.more_body
        return is_in_a_body or self._was_cut_short

    def _answer(self, error: RefusedError) -> None:
        """Write a whole answer past the HTTP machine, which has no request to answer, and close."""
        content = json.dumps(error_document("", error)).encode()
        head = [
            f"HTTP/1.1 {error.status} {_PHRASES[error.status]}",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
            "Cache-Control: no-store",
            "Connection: close",
            *(f"{name}: {value}" for name, value in HEADERS.items()),
        ]
        self._was_cut_short = True
        self.transport.write("\r\n".join([*head, "", ""]).encode("ascii") + content)
        self.transport.close()


class _PatientTransport:
    """A transport that lets a client which is still sending read its answer before it is closed.

    Closing a socket while bytes come in resets the connection, and the answer that is on its way
    is lost. So our half is closed first, and what still comes is thrown away for a moment.
    """

    def __init__(
        self,
        transport: Any,
        is_client_sending: Callable[[], bool],
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
    ) -> None:
        self._transport = transport
        self._is_client_sending = is_client_sending
        self._loop = loop
        self._stall_seconds = limits.stall_seconds
        self._is_hanging_up = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether nothing more is to be written."""
        return self._is_hanging_up or bool(self._transport.is_closing())

    def close(self) -> None:
        """Close, once what was written is read."""
        if self.is_closing():
            return
        if self._is_client_sending() and self._transport.can_write_eof():
            self._is_hanging_up = True
            self._transport.write_eof()
            self._transport.resume_reading()
            self._loop.call_later(_LINGER_SECONDS, self._close_now)
        else:
            self._close_now()

    def _close_now(self) -> None:
        self._transport.close()
        self._abort_if_stalled(None)

    def _abort_if_stalled(self, before: int | None) -> None:
        """Drop a client that reads nothing: what is written for it would stay in memory."""
        left = self._transport.get_write_buffer_size()
        if not left:
            return
        if left == before:
            self._transport.abort()
        else:
            self._loop.call_later(self._stall_seconds, self._abort_if_stalled, left)
