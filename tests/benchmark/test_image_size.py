"""At which size models are timed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tessella.benchmark.image_size import DEFAULT, choose_size
from tessella.errors import UsageError
from tessella.run import Run


def test_what_was_asked_for_counts(tiny_run: Run) -> None:
    chosen = choose_size((5, 7), fixed={}, models=[tiny_run.path])
    assert chosen == ((5, 7), "as asked for")


def test_a_file_of_one_size_gives_it(tiny_run: Run) -> None:
    fixed = {Path("x/a.onnx"): (32, 48)}
    chosen = choose_size(None, fixed=fixed, models=[tiny_run.path])
    assert chosen == ((32, 48), "the only size that a.onnx takes")


def test_else_the_size_is_that_of_the_runs_images(tiny_run: Run) -> None:
    chosen = choose_size(None, fixed={}, models=[tiny_run.path])
    assert chosen == ((33, 47), f"as the images that {tiny_run.path} learnt from")


def test_a_model_folder_tells_the_size_by_its_card(tiny_run: Run) -> None:
    assert choose_size(None, fixed={}, models=[tiny_run.model_folder]).size == (33, 47)


def test_an_exported_file_tells_the_size_by_the_run_that_it_lies_in(tmp_path: Path) -> None:
    (tmp_path / "run" / "export").mkdir(parents=True)
    recipe = "name: x\ndata: {name: synthetic, options: {height: 18, width: 21}}\n"
    (tmp_path / "run" / "recipe.yaml").write_text(
        recipe + "model: {name: plain_unet}\naugment: {crop: [16, 16]}\n"
    )
    file = tmp_path / "run" / "export" / "a.onnx"
    file.write_bytes(b"")
    assert choose_size(None, fixed={}, models=[file]).size == (18, 21)


def test_without_data_the_size_is_the_usual_one_and_says_so(
    brightest_file: Callable[..., Path], tmp_path: Path
) -> None:
    chosen = choose_size(None, fixed={}, models=[brightest_file(tmp_path / "a.onnx")])
    assert chosen.size == DEFAULT == (360, 480)
    assert "nothing here says how large the images are" in chosen.reason


def test_data_that_is_not_there_any_more_is_no_error(tmp_path: Path) -> None:
    recipe = (
        f"name: x\ndata: {{name: folder, root: '{tmp_path}/gone', options: {{classes: [a]}}}}\n"
    )
    (tmp_path / "recipe.yaml").write_text(
        recipe + "model: {name: plain_unet}\naugment: {crop: [16, 16]}\n"
    )
    (tmp_path / "export").mkdir()
    assert choose_size(None, fixed={}, models=[tmp_path / "export" / "a.onnx"]).size == DEFAULT


def test_a_file_of_another_size_than_asked_for_says_what_it_takes() -> None:
    with pytest.raises(UsageError) as error:
        choose_size((360, 480), fixed={Path("a.onnx"): (256, 320)}, models=[])
    assert str(error.value) == (
        "a.onnx: takes images of 256 x 320 (height x width) only, not 360 x 480 (height x width); "
        "give --size 256x320, or leave this file out."
    )


def test_two_files_of_different_sizes_cannot_be_timed_together() -> None:
    fixed = {Path("a.onnx"): (256, 320), Path("b.onnx"): (64, 64)}
    with pytest.raises(UsageError, match=r"b\.onnx: takes images of 64 x 64 "):
        choose_size(None, fixed=fixed, models=[])
