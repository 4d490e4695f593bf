"""The plain engine: outcomes in order, few images in memory, one bad image costs itself alone."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tessella.predict.find import Images, NamedImage
from tessella.predict.plain_engine import PlainEngine
from tessella.predict.write import OUTPUTS, Outcome, Wanted
from tessella.predictor import Predictor, load

Listed = Callable[..., Path]
Picture = Callable[..., Path]

MASK = Wanted(("mask",))


def outcomes(
    predictor: Predictor, file: Path, out: Path, wanted: Wanted = MASK
) -> dict[str, Outcome]:
    found = PlainEngine(predictor).predict(Images([str(file)]), out=out, wanted=wanted)
    return {outcome.image.name: outcome for outcome in found}


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_outcomes_come_in_order_and_their_files_are_there(
    predictor: Predictor, listed: Listed, tmp_path: Path
) -> None:
    found = outcomes(predictor, listed(tmp_path, 7), tmp_path / "out", Wanted(OUTPUTS))
    assert list(found) == [f"images/{number:03d}" for number in range(7)]
    assert all(len(outcome.written) == len(OUTPUTS) for outcome in found.values())
    assert all(path.is_file() for outcome in found.values() for path in outcome.written)


def test_many_threads_write_what_few_write(
    predictor: Predictor, listed: Listed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is not on the CPU has a thread a core to read and write for it."""
    file = listed(tmp_path, 30)
    few = outcomes(predictor, file, tmp_path / "few")
    monkeypatch.setattr(predictor.backend, "is_on_cpu", False)
    monkeypatch.setattr("tessella.predict.plain_engine.usable_cores", lambda: 8)
    many = outcomes(predictor, file, tmp_path / "many")
    assert list(many) == list(few)
    assert content(tmp_path / "many") == content(tmp_path / "few")


def test_images_are_taken_as_they_are_needed(
    predictor: Predictor, listed: Listed, tmp_path: Path
) -> None:
    taken: list[str] = []

    def images() -> Iterator[NamedImage]:
        for image in Images([str(listed(tmp_path, 30))]):
            taken.append(image.name)
            yield image

    found = PlainEngine(predictor).predict(images(), out=tmp_path / "out", wanted=MASK)
    next(found)
    # one done, one to be written, one computed, one read ahead, and one more as each step overlaps
    assert len(taken) <= 5
    found.close()


def test_images_that_cannot_be_read_fail_alone(
    predictor: Predictor, listed: Listed, tmp_path: Path
) -> None:
    file = listed(tmp_path, 4)
    (tmp_path / "images" / "001.png").write_bytes(b"nothing")
    (tmp_path / "images" / "002.png").unlink()
    found = outcomes(predictor, file, tmp_path / "out")
    assert [outcome.error is None for outcome in found.values()] == [True, False, False, True]
    assert "001.png: cannot read the image" in (found["images/001"].error or "")
    assert "002.png: cannot read the image: No such file" in (found["images/002"].error or "")


def test_a_name_that_no_file_can_have_fails_alone(
    predictor: Predictor, picture: Picture, tmp_path: Path
) -> None:
    """With `_mask.png` in place of `.png` it is 256 bytes, one more than systems take."""
    picture(tmp_path / ("x" * 247 + ".png"))
    picture(tmp_path / "y.png")
    file = tmp_path / "list.txt"
    file.write_text("x" * 247 + ".png\ny.png\n")
    found = outcomes(predictor, file, tmp_path / "out")
    assert (found["x" * 247].error or "").endswith("_mask.png: File name too long.")
    assert found["y"].error is None


def test_a_folder_that_cannot_be_written_ends_it(
    predictor: Predictor, listed: Listed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = OSError(errno.ENOSPC, "No space left on device", "x")

    def full(*_: object, **__: object) -> None:
        raise limit

    monkeypatch.setattr("tessella.predict.write.write_mask", full)
    with pytest.raises(OSError, match="No space left"):
        outcomes(predictor, listed(tmp_path, 3), tmp_path / "out")


def test_probabilities_of_a_file_that_has_none_end_it_with_what_to_do(
    exported_classes: Path, listed: Listed, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="export it with --add probabilities"):
        outcomes(
            load(exported_classes),
            listed(tmp_path, 1),
            tmp_path / "out",
            Wanted(("probabilities",)),
        )
