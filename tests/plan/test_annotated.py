"""A recipe with reasons reads back as the same recipe."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessella.plan.annotated import annotated_yaml, one_line, short_yaml, table
from tessella.recipe import Recipe, read_recipe
from tessella.recipes import shipped_recipes
from tessella.yaml_text import load_yaml

REASONS = {"train.epochs": "enough", "loss.class_weights": "a class is rare: # 'much' \"rarer\""}


def recipe(name: str) -> Recipe:
    return read_recipe(shipped_recipes()[name], where=name)


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
@pytest.mark.parametrize("write", [annotated_yaml, short_yaml])
def test_an_annotated_recipe_reads_back_as_it_was(name: str, write: Any) -> None:
    text = write(recipe(name), REASONS)
    assert read_recipe(text, where="written") == recipe(name)


def test_a_reason_stands_behind_its_value_or_above_it_where_the_line_is_long() -> None:
    lines = annotated_yaml(recipe("camvid"), REASONS).splitlines()
    assert "  epochs: 40  # enough" in lines
    place = lines.index("  # a class is rare: # 'much' \"rarer\"")
    assert lines[place + 1].startswith("  class_weights: {sky: 0.24")


def test_the_whole_recipe_states_defaults_and_the_short_one_does_not() -> None:
    assert "momentum: 0.9" in annotated_yaml(recipe("camvid"), {})
    assert "momentum" not in short_yaml(recipe("camvid"), {})


def test_a_default_with_a_reason_is_in_the_short_one_too() -> None:
    text = short_yaml(recipe("camvid"), {"train.precision": "fast here"})
    assert "  precision: auto  # fast here" in text.splitlines()


def test_the_table_has_a_line_for_each_reason_in_the_order_of_the_recipe() -> None:
    rows = [line.split(maxsplit=1)[0] for line in table(recipe("camvid"), REASONS).splitlines()]
    assert rows == ["loss.class_weights", "train.epochs"]
    assert table(recipe("camvid"), {}) == ""


def test_long_values_are_cut_in_the_table_only() -> None:
    (first, _) = table(recipe("camvid"), REASONS).splitlines()
    assert "{sky: 0.24, building: 0.21, pol...  a class" in first


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex(r"[a-z][a-z _]{0,5}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(value=values)
def test_a_value_in_one_line_is_yaml_of_that_value(value: object) -> None:
    assert "\n" not in one_line(value)
    assert load_yaml(f"key: {one_line(value)}\n", where="x").content == {"key": value}


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e-5, 1e300])
def test_numbers_that_json_and_yaml_write_differently_survive(value: float) -> None:
    assert load_yaml(f"key: {one_line(value)}", where="x").content == {"key": value}


@pytest.mark.parametrize(
    "about",
    ["", "one", "a\nb", "a\nb\n", "a\n\nb", "a\n", "\n", "a\nb\n\n", "  a\nb", "a  \nb", "a\tb\nc"],
)
def test_a_text_of_several_lines_survives_whatever_its_blanks(about: str) -> None:
    told = recipe("demo").model_copy(update={"about": about})
    assert read_recipe(annotated_yaml(told, {}), where="written") == told
