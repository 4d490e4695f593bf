"""Data is recognised; its classes are never guessed in silence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.errors import UsageError
from tessella.plan.source import find_data
from tessella.progress import silently

Draw = Callable[..., Path]


def test_a_folder_that_states_its_classes_is_opened(drawn_folder: Draw) -> None:
    root = drawn_folder(8, [(20, 24)])
    found = find_data(root, given={}, track=silently)
    assert found.data.name == "folder"
    assert found.data.root == root.absolute()
    assert found.splits.train.labels.names == ("ground", "thing")
    assert found.remarks == ()
    assert "8 images have a mask" in found.choices["data.name"].reason


def test_classes_that_nobody_stated_are_taken_from_the_doctor_and_said_loudly(
    drawn_folder: Draw,
) -> None:
    found = find_data(drawn_folder(8, [(20, 24)], stated=False), given={}, track=silently)
    assert found.data.options == {"classes": {"background": 0, "foreground": 1}}
    remark = found.remarks[0]
    assert remark.startswith("CLASSES ARE GUESSED: nobody states them")
    # the very line that `tessella data check` proposes
    assert "'data.options.classes={background: 0, foreground: 1}'" in remark
    assert found.choices["data.options"].reason.startswith("CLASSES ARE GUESSED")


def test_classes_of_the_user_win_and_nothing_is_guessed(drawn_folder: Draw) -> None:
    root = drawn_folder(8, [(20, 24)], stated=False)
    given = {"data.options": {"classes": ["earth", "stone"]}}
    found = find_data(root, given=given, track=silently)
    assert found.splits.train.labels.names == ("earth", "stone")
    assert found.remarks == ()


def test_where_the_doctor_finds_errors_nothing_is_guessed(drawn_folder: Draw) -> None:
    root = drawn_folder(8, [(20, 24)], stated=False)
    Image.fromarray(np.zeros((7, 9), np.uint8)).save(root / "masks" / "003.png")
    with pytest.raises(ValueError, match="Before training look at") as caught:
        find_data(root, given={}, track=silently)
    assert f"tessella data check {root}" in str(caught.value)


def test_a_folder_of_nothing_gets_the_doctors_advice(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(ValueError, match="no data set is recognised") as caught:
        find_data(tmp_path, given={}, track=silently)
    assert str(caught.value).endswith(f"`tessella data check {tmp_path}` looks closer.")


def test_a_missing_split_is_an_error_with_the_readers_advice(drawn_folder: Draw) -> None:
    root = drawn_folder(8, [(20, 24)])
    (root / "train.txt").write_text("000\n001\n")
    with pytest.raises(ValueError, match=r"has a list for train but no val.txt; add it"):
        find_data(root, given={}, track=silently)


def test_a_data_set_that_is_named_needs_no_folder() -> None:
    given = {"data.name": "synthetic", "data.options": {"count": 8, "height": 33, "width": 47}}
    found = find_data(None, given=given, track=silently)
    assert len(found.splits.train) == 8
    assert found.data.root is None


def test_neither_folder_nor_name_is_refused() -> None:
    with pytest.raises(UsageError, match="no data given to plan for; say --data ROOT"):
        find_data(None, given={}, track=silently)


def test_a_wrong_option_is_named(drawn_folder: Draw) -> None:
    given = {"data.options": {"clases": ["a"]}}
    with pytest.raises(UsageError, match="unknown option; did you mean 'classes'"):
        find_data(drawn_folder(8, [(20, 24)]), given=given, track=silently)
