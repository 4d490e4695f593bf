"""Words of the command line as choices and ranges."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessella.errors import UsageError
from tessella.sweep.space import Choices, Range, num_values, parse_space, split_at_commas


def test_values_stand_between_commas() -> None:
    space = parse_space(["optimizer.lr=1e-3, 1e-2", "model.encoder=null,resnet18"])
    assert space.dimensions == (
        Choices("optimizer.lr", ("1e-3", "1e-2")),
        Choices("model.encoder", ("null", "resnet18")),
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1,2", ["1", "2"]),
        ("[64, 64],[96, 96]", ["[64, 64]", "[96, 96]"]),
        ("{a: [1, 2], b: 3},{}", ["{a: [1, 2], b: 3}", "{}"]),
        ("'a,b',c", ["'a,b'", "c"]),
        ('"a\\",b",c', ['"a\\",b"', "c"]),
        ("'it''s, so',c", ["'it''s, so'", "c"]),
        ("it's,c", ["it's", "c"]),
        ("['a,]', b],c", ["['a,]', b]", "c"]),
        ("", [""]),
    ],
)
def test_commas_in_brackets_and_quotes_split_nothing(text: str, parts: list[str]) -> None:
    assert split_at_commas(text) == parts


@given(st.text())
def test_splitting_loses_no_character(text: str) -> None:
    assert ",".join(split_at_commas(text)) == text


def test_one_value_is_an_override_for_all() -> None:
    space = parse_space(["train.epochs=3", "augment.crop=[8, 8]", "optimizer.lr=1,2"])
    assert space.fixed == ("train.epochs=3", "augment.crop=[8, 8]")
    assert space.keys == ("optimizer.lr",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-4..1e-2", Range("k", 1e-4, 1e-2, is_log=True, is_whole=False)),
        ("0.1..0.9", Range("k", 0.1, 0.9, is_log=False, is_whole=False)),
        ("0.1..0.9:log", Range("k", 0.1, 0.9, is_log=True, is_whole=False)),
        ("1e-4..1e-2:linear", Range("k", 1e-4, 1e-2, is_log=False, is_whole=False)),
        ("2..32", Range("k", 2, 32, is_log=True, is_whole=True)),
        ("-3..3", Range("k", -3, 3, is_log=False, is_whole=True)),
        ("1..2.5", Range("k", 1, 2.5, is_log=False, is_whole=False)),
    ],
)
def test_a_range_is_log_from_a_ratio_of_ten_unless_told_otherwise(
    text: str, expected: Range
) -> None:
    assert parse_space([f"k={text}"]).dimensions == (expected,)


def test_a_path_with_two_dots_is_no_range() -> None:
    space = parse_space(["data.root=../mine", "optimizer.lr=1,2"])
    assert space.fixed == ("data.root=../mine",)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lr"], "'lr' is not key.path=values, for example optimizer.lr=1e-3,1e-2"),
        (["=1,2"], "is not key.path=values"),
        (["a..b=1,2"], "is not key.path=values"),
        (["a.b=1"], "nothing varies"),
        ([], "nothing varies"),
        (["a.b=1,,2"], "one of the values is empty; write null for none"),
        (["a.b=1,2,"], "one of the values is empty"),
        (["a.b=1,2..3"], "2..3 is a range, which stands alone"),
        (["a.b=3..2"], "expected LOW..HIGH with LOW below HIGH"),
        (["a.b=1..1e999"], "expected LOW..HIGH"),
        (["a.b=0..1:log"], "a log range begins above 0"),
        (["a.b=1..2:lgo"], "no scale is called 'lgo'; did you mean 'log'?"),
        (["a.b=1..2:"], "no scale is called ''; give log or linear"),
        (["a.b=[1,2"], "the value is not YAML; put it in quotes"),
        (["a.b=1,{"], "the value is not YAML; put it in quotes"),
        (["a.b=1,2", "a.b=3,4"], "a.b is given twice"),
        (["a.b=1,2", "a.b=3"], "a.b is given twice"),
        (["a=1,2", "a.b=3,4"], "a.b is a part of a, and both vary"),
    ],
)
def test_a_wrong_word_says_what_is_wrong(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_space(words)
    assert message in str(error.value)


def test_the_last_key_changes_fastest() -> None:
    space = parse_space(["a=1,2", "b=x,y,z"])
    assert space.size == 6
    assert [tuple(space.combination(index).values()) for index in range(6)] == [
        *(("1", "x"), ("1", "y"), ("1", "z"), ("2", "x"), ("2", "y"), ("2", "z")),
    ]


def test_whole_numbers_can_be_counted_and_fractions_cannot() -> None:
    whole, fractions = parse_space(["a=3..5", "b=0.5..1.5"]).dimensions
    assert num_values(whole) == 3
    assert [parse_space(["a=3..5"]).combination(i)["a"] for i in range(3)] == ["3", "4", "5"]
    assert num_values(fractions) is None
    assert parse_space(["a=3..5", "b=0.5..1.5"]).size is None


def test_seeds_are_repetitions_and_no_choices() -> None:
    space = parse_space(["train.seed=0..2", "optimizer.lr=1,2"])
    assert space.seeds == ("0", "1", "2")
    assert space.keys == ("optimizer.lr",)
    assert (space.size, space.repetitions) == (2, 3)


def test_seeds_alone_are_one_combination() -> None:
    space = parse_space(["train.seed=4,7"])
    assert (space.size, space.seeds, space.combination(0)) == (1, ("4", "7"), {})


@pytest.mark.parametrize(
    ("number", "text"), [(0.00123456, "0.00123"), (0.01, "0.01"), (1e-4, "0.0001")]
)
def test_a_drawn_fraction_keeps_three_digits(number: float, text: str) -> None:
    assert Range("k", 1e-4, 1e-2, is_log=True, is_whole=False).value(number) == text


@given(
    low=st.floats(-1e6, 1e6),
    width=st.floats(1e-3, 1e6),
    share=st.floats(0, 1),
    is_log=st.booleans(),
)
def test_a_drawn_fraction_stays_within_its_range_and_near(
    low: float, width: float, share: float, is_log: bool
) -> None:
    high = low + width
    number = min(high, low + share * width)
    written = float(Range("k", low, high, is_log=is_log, is_whole=False).value(number))
    assert low <= written <= high
    assert math.isclose(written, number, abs_tol=(high - low) / 1000)
