"""Pictures of each epoch, read back from what training wrote for TensorBoard."""

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tessella.figures.epochs import EpochPicture, epoch_pictures, event_files
from tessella.run import Run


@pytest.fixture(scope="module")
def pictures(tiny_run: Run) -> list[EpochPicture]:
    return list(epoch_pictures(event_files(tiny_run.tensorboard_folder)))


def test_each_fixed_sample_has_a_picture_an_epoch(pictures: list[EpochPicture]) -> None:
    """S2-F15: three samples of train and three of val, two epochs."""
    groups = [picture.tag.split("/")[0] for picture in pictures]
    assert groups.count("train_sample") == groups.count("val_sample") == 3 * 2
    assert len({(picture.tag, picture.epoch) for picture in pictures}) == 12
    assert {picture.epoch for picture in pictures} == {1, 2}


def test_a_picture_is_a_png_of_input_truth_and_prediction(pictures: list[EpochPicture]) -> None:
    with Image.open(io.BytesIO(pictures[0].png)) as picture:
        assert (picture.format, picture.size) == ("PNG", (3 * 47, 33))


def test_other_pictures_and_curves_are_left_out(pictures: list[EpochPicture]) -> None:
    assert not [picture for picture in pictures if picture.tag in ("classes", "loss/train")]


def test_an_event_file_that_was_cut_gives_what_it_still_holds(
    tiny_run: Run, tmp_path: Path, pictures: list[EpochPicture]
) -> None:
    (file,) = event_files(tiny_run.tensorboard_folder)
    cut = tmp_path / file.name
    content = file.read_bytes()
    cut.write_bytes(content[: len(content) * 2 // 3])
    assert list(epoch_pictures([cut])) == pictures[: len(list(epoch_pictures([cut])))]
    assert 0 < len(list(epoch_pictures([cut]))) < len(pictures)


def test_a_resumed_run_has_several_files_oldest_first(tiny_run: Run, tmp_path: Path) -> None:
    (file,) = event_files(tiny_run.tensorboard_folder)
    for time in ("1700000002", "1700000001"):
        shutil.copy(file, tmp_path / f"events.out.tfevents.{time}.host.1.0")
    assert [found.name.split(".")[3] for found in event_files(tmp_path)] == [
        *("1700000001", "1700000002"),
    ]


def test_a_run_without_events_has_no_files(tmp_path: Path) -> None:
    assert event_files(tmp_path / "tensorboard") == []
