"""Sizes as a person types them."""

import pytest

from tessella.cli.sizes import parse_size
from tessella.errors import UsageError


@pytest.mark.parametrize("text", ["360x480", "360X480", "0360x0480"])
def test_height_comes_first(text: str) -> None:
    assert parse_size(text) == (360, 480)


@pytest.mark.parametrize("text", ["360", "x", "360x", "-3x4", "3.5x4", "0x4", "axb", ""])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="give height and width in pixels, as 360x480"):
        parse_size(text)
