"""What a check found, as programs read it."""

import json
import shlex

import pytest

from tessella.check.findings import Findings, Problem, ValueSeen, by_severity
from tessella.labels import LabelMap
from tessella.yaml_text import parse_scalar

REMARK = Problem("palette", "remark", "r.", (), 1, "do r.")
WARNING = Problem("duplicate", "warning", "w.", ("a", "b"), 2, "do w.")
ERROR = Problem("bomb", "error", "e.", ("c",), 1, "do e.")


def findings(*problems: Problem, **more: object) -> Findings:
    return Findings(
        name="folder",
        reason="it was named",
        pairs={},
        problems=problems,
        labels=LabelMap.from_names(["none", "road"]),
        is_proposed=False,
        num_images=3,
        num_masks=2,
        **more,
    )


def test_errors_come_first_and_remarks_last() -> None:
    assert by_severity([REMARK, WARNING, ERROR, WARNING]) == (ERROR, WARNING, WARNING, REMARK)


def test_remarks_alone_are_all_right() -> None:
    assert findings(REMARK).ok
    assert not findings(REMARK, WARNING).ok
    assert not findings(ERROR).ok


def test_the_document_holds_plain_values_only() -> None:
    values = (ValueSeen(1, "1", 9, 2, "road"),)
    document = findings(WARNING, values=values, num_samples={"train": 2}).document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["splits"] == {"train": 2}
    assert document["problems"] == [
        {
            "kind": "duplicate",
            "severity": "warning",
            "summary": "w.",
            "files": ["a", "b"],
            "count": 2,
            "advice": "do w.",
        }
    ]
    assert document["values"] == [
        {"value": 1, "shown": "1", "pixels": 9, "files": 2, "meaning": "road"}
    ]


def test_names_that_yaml_would_misread_are_quoted_in_the_recipe_line() -> None:
    options = {"classes": {"a: b": 0, "null": [1, 2, 3], "traffic light": 2}}
    assert findings(options=options).recipe_line == (
        '\'data.options.classes={"a: b": 0, "null": [1, 2, 3], traffic light: 2}\''
    )


def test_stated_classes_need_no_recipe_line() -> None:
    assert findings().recipe_line is None


@pytest.mark.parametrize("name", ["road", "a: b", "it's", "null", "a, b}", '"', "ä ö", "1"])
def test_a_shell_and_yaml_give_back_the_option_as_it_was(name: str) -> None:
    options = {"classes": {name: 0, "other": {"values": [1, 255]}}, "ignore": [7, [1, 2, 3]]}
    line = findings(options=options).recipe_line
    assert line is not None
    words = dict(word.split("=", 1) for word in shlex.split(line))
    read = {key: parse_scalar(value, where=key) for key, value in words.items()}
    assert read == {f"data.options.{key}": value for key, value in options.items()}
