"""The table of formats: each line can be opened by some engine."""

import pytest

from tessella.backends import BACKENDS
from tessella.errors import UsageError
from tessella.export.formats import FORMATS, find_format


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_its_functions_and_an_engine(name: str) -> None:
    form = find_format(name)
    assert all(callable(f) for f in (form.convert, form.with_card, form.open_bytes))
    assert hasattr(form, "int8_attempts") == FORMATS[name].has_int8
    assert FORMATS[name].is_repository or any(
        FORMATS[name].ending in engine.endings for engine in BACKENDS.values()
    )


def test_an_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="onxx.*onnx"):
        find_format("onxx")
