"""YAML 1.2 in and out: the traps of YAML 1.1, lines for errors, and everything reads back."""

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tessella.errors import UsageError
from tessella.yaml_text import dump_yaml, load_yaml, parse_scalar

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
CLASS_NAMES = st.lists(
    st.sampled_from(["traffic", "light", "road", "sign", "lane", "marking", "parking", "block"]),
    min_size=1,
    max_size=4,
).map(" ".join)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        # YAML 1.1 makes false, false, true, true, true of these: names of classes would be lost
        ("no", "no"),
        ("off", "off"),
        ("on", "on"),
        ("yes", "yes"),
        ("y", "y"),
        # numbers that YAML 1.1 reads as text, 90 and 8
        ("3e-4", 0.0003),
        ("1:30", "1:30"),
        ("010", 10),
        # there are no dates in YAML 1.2
        ("2024-05-01", "2024-05-01"),
        ("2020-13-45", "2020-13-45"),
        ("2024-05-01 10:00:00", "2024-05-01 10:00:00"),
        # and what is meant to be something else is
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("7", 7),
        ("0x1F", 31),
        ("-.5", -0.5),
        ("1e3", 1000.0),
        (".inf", float("inf")),
        ('"7"', "7"),
        ("'null'", "null"),
        ("[1, {a: b}]", [1, {"a": "b"}]),
    ],
)
def test_a_value_has_the_type_that_yaml_1_2_gives_it(written: str, value: object) -> None:
    read = load_yaml(f"key: {written}", where="f").content["key"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("word", ["no", "off", "on", "yes", "true", "false", "null"])
def test_words_that_name_classes_stay_words_as_keys(word: str) -> None:
    assert load_yaml(f"{word}: 1", where="f").content == {word: 1}


def test_numbers_as_keys_become_text() -> None:
    assert load_yaml("classes: {1: road}", where="f").content == {"classes": {"1": "road"}}


def test_a_key_that_stands_twice_is_an_error_with_its_line() -> None:
    with pytest.raises(UsageError, match='^r.yaml:3: found duplicate key "lr" with value "2"'):
        load_yaml("lr: 1\nname: x\nlr: 2\n", where="r.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2", r"^f:2: expected ',' or '\]', but got ':'\."),
        ("a:\n\tb: 1", r"^f:2: found character '\\t' that cannot start any token\."),
        ("a: *x", r"^f:1: found undefined alias 'x'\."),
        ("a: 1\n---\nb: 1", "^f:2: but found another document"),
        ("a: \x01", "^f: not YAML: unacceptable character #x0001"),
        ("", "^f: expected `key: value` lines, got nothing"),
        ("# only a comment", "got nothing"),
        ("- 1\n- 2", "^f: expected `key: value` lines, got a list"),
        ("5", "^f: expected `key: value` lines, got 5"),
        ("recipe", "^f: expected `key: value` lines, got 'recipe'"),
        ("a: !!set {x, y}", "^f: .* comes from a YAML tag .* Remove the tag"),
        ("a: !python/object:os.system x", "^f: .* comes from a YAML tag"),
    ],
)
def test_what_is_no_mapping_of_plain_values_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_yaml(text, where="f")


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("ab01.-:{}[],#&*!|>'\"%@~ \n\t<_xe+?"))))
def test_no_text_ends_in_another_error_than_wrong_usage(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(load_yaml(text, where="f").content, dict)


def test_every_key_knows_its_line() -> None:
    located = load_yaml("a: 1\n\n# note\nb:\n  c: {d: 2,\n      e: 3}\n", where="f")
    assert located.lines == {
        ("a",): 1,
        ("b",): 4,
        ("b", "c"): 5,
        ("b", "c", "d"): 5,
        ("b", "c", "e"): 6,
    }


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("b", "c"), "f:3"),
        (("b", "missing", "deep"), "f:2"),
        (("a", "0"), "f:1"),
        (("missing",), "f"),
        ((), "f"),
    ],
)
def test_the_place_of_a_key_is_its_line_or_that_of_the_nearest_key_above(
    path: tuple[str, ...], place: str
) -> None:
    assert load_yaml("a: [1]\nb:\n  c: 2\n", where="f").place(path) == place


def test_keys_that_were_merged_in_count_and_their_place_is_the_key_above() -> None:
    located = load_yaml("x: &x {lr: 1}\ny:\n  <<: *x\n  name: n\n", where="f")
    assert located.content["y"] == {"lr": 1, "name": "n"}
    assert located.place(["y", "lr"]) == "f:2"


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(TEXT, PLAIN, max_size=3))
@example({"?unknown": 1, "a": "?", "b": ["?x", ":y"], "c": {":z": 1}})
@example({"a": "no", "b": "3e-4", "c": "null", "d": "", "e": "2024-05-01", "f": "1_0"})
@example({"a": "NEL \x85 and NUL \x00", "b": "two\nlines\n", "c": " space "})
@example({"a": "word " * 60, "b": ["word " * 30] * 3, "k" * 200: 1})
def test_what_is_written_reads_back_the_same(content: dict[str, Any]) -> None:
    assert load_yaml(dump_yaml(content), where="f").content == content


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(CLASS_NAMES, st.floats(0, 9), max_size=30))
def test_many_class_names_with_spaces_read_back_the_same(weights: dict[str, float]) -> None:
    # in {...} on one line, names were broken at the line's end, and the file did not read
    content = {"loss": {"class_weights": weights}}
    assert load_yaml(dump_yaml(content), where="f").content == content


def test_keys_keep_their_order_and_short_lists_stay_on_a_line() -> None:
    written = dump_yaml({"b": {"crop": [1, 2], "a": None}, "a": "no"})
    assert written == "b:\n  crop: [1, 2]\n  a:\na: no\n"


def test_writing_does_not_change_how_others_of_the_same_library_write(tmp_path: Path) -> None:
    ruamel = pytest.importorskip("ruamel.yaml")
    dump_yaml({"a": {"b": 1}})
    with (tmp_path / "f").open("w", encoding="utf-8") as stream:
        writer = ruamel.YAML()
        writer.default_flow_style = True
        writer.dump({"a": {"b": 1}}, stream)
    assert (tmp_path / "f").read_text(encoding="utf-8") == "{a: {b: 1}}\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("3e-4", 0.0003),
        ("no", "no"),
        ("true", True),
        ("null", None),
        ("", None),
        ("  ", None),
        ("[1, 2]", [1, 2]),
        ("{depth: 3, x: [a]}", {"depth": 3, "x": ["a"]}),
        ("{}", {}),
        ("'3'", "3"),
        ("#ff0000", "#ff0000"),
        ("C:\\data", "C:\\data"),
        ("2024-05-01", "2024-05-01"),
    ],
)
def test_one_value_is_read_as_in_a_file(text: str, value: object) -> None:
    read = parse_scalar(text, where="override")
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", ["[1, 2", "@x", "a: b: c", "'x"])
def test_a_value_that_is_no_yaml_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(UsageError, match="^override: the value is not YAML; put it in quotes"):
        parse_scalar(text, where="override")


def test_a_number_that_only_the_parser_takes_for_one_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="r: not YAML"):
        load_yaml("._", where="r")


@pytest.mark.parametrize("pattern", ["{name}", "{name}_L", "{split}/{name}.png"])
def test_a_path_pattern_is_text_and_not_a_mapping(pattern: str) -> None:
    assert parse_scalar(pattern, where="override") == pattern
