"""Which pairs are looked at, in which splits, with which classes."""

import json
from typing import Any

import pytest

from tessella.check.content import content_of
from tessella.data.layout import find_layout
from tessella.errors import UsageError
from tessella.source import Source

Tools = Any
Written = Any


def splits_of(root: Any, **options: Any) -> dict[str, str]:
    content = content_of(Source("folder", root, options), find_layout(root))
    return {item.pair.name: item.split for item in content.items}


def test_splits_are_those_of_the_reader(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1]) for _ in range(4)])
    (root / "train.txt").write_text("0\n3\n")
    (root / "val.txt").write_text("1\n")
    (root / "test.txt").write_text("2\n")
    found = splits_of(root, classes=["none", "road"])
    assert found == {"0": "train", "1": "val", "2": "test", "3": "train"}


def test_pairs_of_a_split_that_cannot_be_opened_are_looked_at_all_the_same(
    tools: Tools, written: Written
) -> None:
    written([tools.areas([0, 1]) for _ in range(2)], split="train")
    root = written([tools.areas([0, 1])], split="val", first=2)
    (root / "masks/train/1.png").unlink()  # the reader refuses train
    assert splits_of(root, classes=["none", "road"]) == {"0": "train", "2": "val"}


def test_without_classes_the_folder_says_the_splits(tools: Tools, written: Written) -> None:
    assert splits_of(written([tools.areas([0, 1])])) == {"0": "all"}


@pytest.mark.parametrize("broken", [False, True])
def test_a_class_list_in_the_folder_is_used_even_beside_broken_masks(
    tools: Tools, written: Written, broken: bool
) -> None:
    root = written([tools.areas([0, 1]), tools.areas([0, 1])])
    (root / "classes.txt").write_text("none\nroad\n")
    if broken:
        (root / "masks/0.png").write_bytes(b"")
    content = content_of(Source("folder", root), find_layout(root))
    assert content.labels is not None
    assert content.labels.names == ("none", "road")


def test_a_json_that_says_nothing_of_classes_is_no_class_list(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([0, 1])])
    (root / "meta.json").write_text(json.dumps({"author": "me"}))
    assert content_of(Source("folder", root), find_layout(root)).labels is None


def test_ignored_values_without_classes_are_wrong_usage(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1])])
    with pytest.raises(UsageError, match="ignore is stated, but nothing says what the classes"):
        content_of(Source("folder", root, {"ignore": [0]}), find_layout(root))


def test_an_unknown_option_is_wrong_usage(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1])])
    options = {"classes": ["none", "road"], "imagse": "x/{name}"}
    with pytest.raises(UsageError, match="did you mean 'images'"):
        content_of(Source("folder", root, options), find_layout(root))
