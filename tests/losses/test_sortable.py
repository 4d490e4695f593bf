"""Keys sort as their values do, and lead back to them."""

import math

import pytest
import torch

from tessella.losses.sortable import ascending, from_sort_key, sort_key


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_keys_are_in_the_order_of_the_values(dtype: torch.dtype) -> None:
    tiny = torch.finfo(dtype).tiny
    values = [0.0, tiny / 8, tiny, 1e-7, 0.5, 1 - 1e-7, 1.0, 1 + 1e-6, 88.7, 1e30, math.inf]
    keys = sort_key(torch.tensor(values, dtype=dtype))
    assert (keys.diff() > 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_keys_lead_back_to_the_values(dtype: torch.dtype) -> None:
    values = torch.rand(100, dtype=dtype, generator=torch.Generator().manual_seed(0))
    assert torch.equal(from_sort_key(sort_key(values)), values)


def test_errors_up_to_1_leave_the_first_two_bits_unused() -> None:
    # what Lovász-Softmax builds on: a key shifted by one bit is still positive
    assert sort_key(torch.ones(1)).item() < 1 << 30
    assert sort_key(torch.ones(1, dtype=torch.float64)).item() < 1 << 62


def test_equal_keys_stay_in_their_order() -> None:
    done = ascending(torch.tensor([5, 1, 5, -3, 1], dtype=torch.int32))
    assert done.values.tolist() == [-3, 1, 1, 5, 5]
    assert done.indices.tolist() == [3, 1, 4, 0, 2]
