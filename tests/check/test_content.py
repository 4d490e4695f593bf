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


# --- options that are wrong for the reader of folders -------------------------------------------


@pytest.mark.parametrize("classes", [None, ["none", "road"]])
@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"val_share": 2}, "val_share is 2 and test_share is 0.15; expected shares in 0..1"),
        ({"group_pattern": "("}, r"group_pattern '\(': missing \), unterminated subpattern"),
        ({"missing_masks": "skp"}, "no missing_masks option is called 'skp'; did you mean 'skip'"),
        ({"images": "photos"}, r"pattern 'photos' has no \{name\}"),
    ],
)
def test_a_wrong_value_of_an_option_is_wrong_usage_with_and_without_classes(
    tools: Tools, written: Written, classes: Any, option: dict[str, Any], words: str
) -> None:
    root = written([tools.areas([0, 1]) for _ in range(3)])
    options = option if classes is None else {"classes": classes, **option}
    with pytest.raises(UsageError, match=words):
        tools.checked(root, **options)


def test_groups_are_those_that_the_option_says(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1]) for _ in range(3)])
    for number in range(3):
        for folder in ("images", "masks"):
            (root / folder / f"{number}.png").rename(
                root / folder / f"film{number // 2}_{number}.png"
            )
    options = {"classes": ["none", "road"], "group_pattern": "^film[0-9]+"}
    content = content_of(Source("folder", root, options), find_layout(root))
    assert [item.pair.group for item in content.items] == ["film0", "film0", "film1"]
    assert content.items[0].split == content.items[1].split


def test_images_without_masks_that_are_skipped_leave_the_splits_as_they_are(
    tools: Tools, written: Written
) -> None:
    written([tools.areas([0, 1]) for _ in range(3)], split="train")
    root = written([tools.areas([0, 1])], split="val", first=3)
    (root / "masks/train/1.png").unlink()
    found = splits_of(root, classes=["none", "road"], missing_masks="skip")
    assert found == {"0": "train", "2": "train", "3": "val"}


def test_where_not_one_split_can_be_read_it_is_an_error(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1]) for _ in range(3)])
    (root / "train.txt").write_text("0\n1\nfoo\n")
    findings = tools.checked(root, classes=["none", "road"])
    found = tools.the(findings, "split_not_read")
    assert found.severity == "error"
    assert found.summary.startswith("No split can be read: ")
    assert "the list of split 'train' names 1 samples that are not here: foo" in found.summary
    assert not findings.ok


def test_a_split_that_is_not_there_beside_others_is_a_remark(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([0, 1])], split="train")
    found = [p for p in tools.checked(root, classes=["none", "road"]).problems]
    assert {(problem.kind, problem.severity) for problem in found} == {("split_not_read", "remark")}
