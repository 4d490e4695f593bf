"""A source opens one split, or all that are there."""

from pathlib import Path

import pytest

from tessella.data.synthetic.scenes import read_drawn_scenes
from tessella.errors import UsageError
from tessella.run import Run
from tessella.source import Source, data_of, find_augment, find_entry, find_source


def test_a_split_is_opened_with_the_options() -> None:
    assert len(Source("synthetic", options={"count": 5}).open("val")) == 5


def test_an_unknown_option_is_named_with_the_closest_known_one() -> None:
    with pytest.raises(UsageError, match=r"data\.options\.cuont: .*'count'"):
        Source("synthetic", options={"cuont": 5}).open("val")


def test_an_unknown_data_set_is_named_with_the_closest_known_one() -> None:
    with pytest.raises(UsageError, match="no data set is called 'camvit'.*'camvid'"):
        Source("camvit").open("val")


def test_all_splits_come_in_order() -> None:
    assert list(Source("synthetic", options={"count": 2}).open_all()) == ["train", "val", "test"]


def test_a_split_that_is_not_there_is_left_out_of_all(tmp_path: Path) -> None:
    for folder in ("train", "trainannot"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a_1.png").write_bytes(b"named, not read")
    assert list(Source("camvid", tmp_path).open_all()) == ["train"]


def test_where_no_split_is_there_the_first_failure_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folders train/ and trainannot/"):
        Source("camvid", tmp_path).open_all()


def test_a_function_of_ones_own_is_a_data_set() -> None:
    entry = find_entry("tessella.data.synthetic.scenes:read_drawn_scenes")
    assert entry.read is read_drawn_scenes
    assert entry.splits == ("train", "val", "test")


def test_a_path_is_recognised(tmp_path: Path) -> None:
    for folder in ("leftImg8bit/val/x", "gtFine/val/x"):
        (tmp_path / folder).mkdir(parents=True)
    source = find_source(str(tmp_path), options=["class_set=20"])
    assert (source.name, source.root, source.options) == ("cityscapes", tmp_path, {"class_set": 20})
    assert "leftImg8bit" in source.reason


def test_a_recipe_names_its_data(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "name: r\ndata: {name: synthetic, options: {count: 3, height: 20}}\nmodel: {name: unet}\n"
    )
    source = find_source(str(recipe), options=["height=40"])
    assert source.name == "synthetic"
    assert source.options == {"count": 3, "height": 40}


def test_a_shipped_recipe_takes_a_root(tmp_path: Path) -> None:
    assert find_source("demo", root=tmp_path).root == tmp_path


def test_an_option_may_carry_its_full_path() -> None:
    assert find_source("synthetic", options=["data.options.count=4"]).options == {"count": 4}


@pytest.mark.parametrize("option", ["count", "=3"])
def test_an_option_is_key_and_value(option: str) -> None:
    with pytest.raises(UsageError, match="is not key=value"):
        find_source("synthetic", options=[option])


def test_a_folder_is_augmented_as_the_folder_recipe_says(tmp_path: Path) -> None:
    assert find_augment(str(tmp_path)).crop == (320, 320)  # recipes/folder.yaml


def test_what_it_is_comes_from_the_table_where_only_a_name_was_given() -> None:
    assert Source("synthetic").about == find_entry("synthetic").about
    assert Source("folder", reason="images/ and masks/").about == "images/ and masks/"


def test_a_path_that_is_not_there_is_no_data_sets_name() -> None:
    with pytest.raises(UsageError, match=r"^x/y: there is no such file or folder\.$"):
        find_source("x/y")


def test_a_file_in_its_runs_export_folder_learnt_from_the_runs_data(tiny_run: Run) -> None:
    file = tiny_run.export_folder / "tiny.onnx"
    assert data_of(file, None) == data_of(tiny_run.path, None) == tiny_run.recipe().data


def test_a_file_elsewhere_below_a_run_is_not_taken_for_the_runs(tiny_run: Run) -> None:
    """It may be another model, copied there; its card says what it learnt from."""
    with pytest.raises(UsageError, match="does not say which data to score it on"):
        data_of(tiny_run.path / "given" / "other.onnx", None)
