"""So much of something at a time, shared by all requests."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tessella.serve.refusal import RefusedError


class Budget:
    """An amount that requests take and give back; who comes first is served first.

    It belongs to one event loop: nothing here is called from another thread.
    """

    def __init__(self, total: int) -> None:
        """All of it is free."""
        self.total = total
        self._free = total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def free(self) -> int:
        """What is left."""
        return self._free

    @asynccontextmanager
    async def held(self, amount: int) -> AsyncIterator[None]:
        """Wait until so much is free, and hold it.

        Raises:
            ValueError: there will never be so much.
        """
        if amount > self.total:
            raise ValueError(f"{amount} of a budget of {self.total} will never be free.")
        await self._take(amount)
        try:
            yield
        finally:
            self.give(amount)

    def takes(self, amount: int) -> bool:
        """Take so much if it is free now; whether it was."""
        if self._waiting or amount > self._free:
            return False
        self._free -= amount
        return True

    def give(self, amount: int) -> None:
        """Give back what was taken."""
        self._free += amount
        self._serve()

    async def _take(self, amount: int) -> None:
        if self.takes(amount):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (amount, turn)
        self._waiting.append(entry)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # served and cancelled in the same moment
                self.give(amount)
            elif entry in self._waiting:
                self._waiting.remove(entry)
                self._serve()
            raise

    def _serve(self) -> None:
        while self._waiting and (
            self._waiting[0][1].cancelled() or self._waiting[0][0] <= self._free
        ):
            amount, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= amount
                turn.set_result(None)


class Ticket:
    """What one admitted request holds of the bytes."""

    def __init__(self, budget: Budget) -> None:
        """Nothing yet."""
        self._budget = budget
        self._bytes = 0

    def take_bytes(self, count: int) -> None:
        """Account for bytes that arrived.

        Raises:
            RefusedError: all requests together hold too many.
        """
        if not self._budget.takes(count):
            raise RefusedError(
                "busy", "the server holds too many uploads at once; try again.", retry_after=1
            )
        self._bytes += count

    def give_back(self) -> None:
        """The request is over."""
        self._budget.give(self._bytes)
        self._bytes = 0
