"""What requests share is never given out twice, and nobody is overtaken."""

import asyncio

import pytest

from tessella.serve.budget import Budget, Ticket
from tessella.serve.refusal import RefusedError


def test_who_comes_first_is_served_first_even_if_a_smaller_one_would_fit() -> None:
    async def story() -> list[str]:
        budget, order = Budget(10), []

        async def use(name: str, amount: int) -> None:
            async with budget.held(amount):
                order.append(name)
                await asyncio.sleep(0)

        async with budget.held(8):
            large = asyncio.create_task(use("large", 9))
            await asyncio.sleep(0)
            small = asyncio.create_task(use("small", 1))  # 2 are free, but large is before it
            await asyncio.sleep(0)
            assert order == []
        await asyncio.gather(large, small)
        assert budget.free == 10
        return order

    assert asyncio.run(story()) == ["large", "small"]


def test_who_gives_up_waiting_makes_room_for_the_next() -> None:
    async def story() -> int:
        budget = Budget(10)
        async with budget.held(5):
            waits = asyncio.create_task(budget.held(9).__aenter__())
            await asyncio.sleep(0)
            after = asyncio.create_task(budget.held(4).__aenter__())
            await asyncio.sleep(0)
            waits.cancel()
            await after
            return budget.free

    assert asyncio.run(story()) == 1


def test_what_is_granted_and_cancelled_at_once_is_given_back() -> None:
    async def story() -> int:
        budget = Budget(10)
        assert budget.takes(10)
        waits = asyncio.create_task(budget.held(10).__aenter__())
        await asyncio.sleep(0)
        budget.give(10)  # grants it
        waits.cancel()  # before it could run
        await asyncio.gather(waits, return_exceptions=True)
        return budget.free

    assert asyncio.run(story()) == 10


def test_more_than_all_is_refused_rather_than_waited_for() -> None:
    async def story() -> None:
        async with Budget(10).held(11):
            pass

    with pytest.raises(ValueError, match="11 of a budget of 10 will never be free"):
        asyncio.run(story())


def test_a_ticket_gives_back_what_it_took() -> None:
    budget = Budget(10)
    ticket = Ticket(budget)
    ticket.take_bytes(4)
    ticket.take_bytes(6)
    with pytest.raises(RefusedError, match="too many uploads at once") as refused:
        ticket.take_bytes(1)
    assert refused.value.headers == {"Retry-After": "1"}
    ticket.give_back()
    assert budget.free == 10
