"""The figures of a run and of a model folder, as files."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella import build
from tessella.errors import UsageError
from tessella.figures.figures import BY_DEFAULT, FIGURES, draw_figures
from tessella.figures.samples import panel, probability_grid
from tessella.predictor import load
from tessella.recipe import Recipe
from tessella.run import Run


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def copied(tiny_run: Run, tmp_path: Path) -> Run:
    """A run that a test may write into."""
    return Run(Path(shutil.copytree(tiny_run.path, tmp_path / "copied")))


def test_every_figure_of_a_run_is_written_into_it(copied: Run) -> None:
    files = draw_figures(copied.path)
    found = build.open_dataset(copied.recipe(), "val").names
    chosen = [found[index] for index in (0, 2, 5, 7)]  # four spread over eight
    expected = {f"{kind}-{name}.png" for kind in ("panel", "probabilities") for name in chosen}
    assert names_in(copied.path / "figures") == expected | {
        *("classes.png", "curves.svg", "histogram.svg", "images.png", "comparison.png"),
    }
    assert sorted(files.written) == sorted((copied.path / "figures").rglob("*.*g"))
    assert files.left_out == []


@pytest.mark.parametrize("name", BY_DEFAULT)
def test_one_figure_alone_writes_nothing_else(name: str, tiny_run: Run, tmp_path: Path) -> None:
    draw_figures(tiny_run.path, out=tmp_path, only=[name], indices=[1])
    (written,) = names_in(tmp_path)
    assert written.startswith(name)


def test_a_panel_shows_what_the_model_predicts(tiny_run: Run, tmp_path: Path) -> None:
    draw_figures(
        tiny_run.path, out=tmp_path, only=["panel", "probabilities"], indices=[1], device="cpu"
    )
    sample = build.open_dataset(tiny_run.recipe(), "val")[1]
    predictor = load(tiny_run.path, device="cpu")
    prediction = predictor.predict_probabilities(sample.image)
    assert prediction.probabilities is not None
    shown = [
        np.asarray(Image.open(tmp_path / f"{kind}-{sample.name}.png"))
        for kind in ("panel", "probabilities")
    ]
    class_map, labels = prediction.class_map, predictor.labels
    assert np.array_equal(shown[0], panel(sample, class_map, labels))
    assert np.array_equal(
        shown[1], probability_grid(sample, class_map, prediction.probabilities, labels)
    )


def test_a_sample_is_found_by_its_name_in_another_split(tiny_run: Run, tmp_path: Path) -> None:
    name = build.open_dataset(tiny_run.recipe(), "train").names[2]
    draw_figures(tiny_run.path, out=tmp_path, only=["panel"], split="train", names=[name])
    assert names_in(tmp_path) == {f"panel-{name}.png"}


def test_pictures_of_each_epoch_are_files_on_wish(tiny_run: Run, tmp_path: Path) -> None:
    """S2-F15."""
    draw_figures(tiny_run.path, out=tmp_path, only=["epochs"])
    found = names_in(tmp_path)
    assert len(found) == 2 * 3 * 2
    train = build.open_dataset(tiny_run.recipe(), "train").names
    assert f"epochs/train_sample-0-{train[0]}-epoch-0002.png" in found


def test_a_model_folder_has_no_curves_and_says_so(
    tiny_run: Run, tmp_path: Path, recipe_of: Callable[..., Recipe]
) -> None:
    files = draw_figures(
        tiny_run.model_folder, out=tmp_path, recipe=recipe_of(), split="val", indices=[0]
    )
    (message,) = files.left_out
    assert message.startswith(f"{tiny_run.model_folder}: has no epoch in history.csv")
    assert "comparison.png" in names_in(tmp_path)
    assert "curves.svg" not in names_in(tmp_path)


def test_a_file_that_was_exported_is_drawn_like_its_run(
    tiny_run: Run, exported_files: dict[str, Path], tmp_path: Path
) -> None:
    draw_figures(exported_files["onnx"], out=tmp_path / "file", only=["comparison"], device="cpu")
    draw_figures(tiny_run.path, out=tmp_path / "run", only=["comparison"], device="cpu")
    file, run = (np.asarray(Image.open(tmp_path / x / "comparison.png")) for x in ("file", "run"))
    assert (file != run).mean() < 0.001


def test_a_model_folder_alone_shows_its_classes(tiny_run: Run, tmp_path: Path) -> None:
    draw_figures(tiny_run.model_folder, out=tmp_path, only=["classes"])
    drawn = np.asarray(Image.open(tmp_path / "classes.png")).reshape(-1, 3)
    assert {tuple(color) for color in drawn.tolist()} >= set(tiny_run.labels().colors)


@pytest.mark.parametrize(
    ("only", "message"),
    [
        (["curves"], "has no epoch in history.csv, so there are no curves; give a run"),
        (["epochs"], "has no events in tensorboard/, so there are no pictures of its epochs"),
        (["curve"], "no figure is called 'curve'; did you mean 'curves'"),
        ([], f"none is named; name some of {', '.join(FIGURES)}"),
    ],
)
def test_what_a_model_folder_cannot_show_is_an_error_when_asked_for(
    only: list[str], message: str, tiny_run: Run, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        draw_figures(tiny_run.model_folder, out=tmp_path, only=only)


def test_curves_of_a_run_that_never_finished_an_epoch_are_an_error(
    copied: Run, tmp_path: Path
) -> None:
    copied.history_file.unlink()
    with pytest.raises(UsageError, match="has no epoch in history.csv"):
        draw_figures(copied.path, out=tmp_path / "out", only=["curves"])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"indices": [0, 99]}, "split 'val' has . samples, 0...; there is no 99"),
        ({"names": ["nobody"]}, "no sample of split 'val' is called 'nobody'"),
        ({"split": "valid"}, "valid"),
    ],
)
def test_a_wrong_choice_leaves_nothing_half_done(
    choice: dict[str, list[int]], message: str, tiny_run: Run, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        draw_figures(tiny_run.path, out=tmp_path / "out", **choice)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_nothing_at_the_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        draw_figures(tmp_path / "nowhere", only=["classes"])


def test_other_classes_in_the_data_are_refused(tiny_run: Run, tmp_path: Path) -> None:
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        for number in range(8):
            pixels = np.zeros((16, 16, 3) if kind == "images" else (16, 16), np.uint8)
            pixels[: number + 1] = 1
            Image.fromarray(pixels).save(tmp_path / kind / f"{number}.png")
    recipe = tiny_run.recipe()
    data = recipe.data.model_copy(
        update={"name": "folder", "root": tmp_path, "options": {"classes": ["ground", "thing"]}}
    )
    with pytest.raises(ValueError, match="but the data has ground, thing; give both the same"):
        draw_figures(tiny_run.path, out=tmp_path, recipe=recipe.model_copy(update={"data": data}))


def test_progress_counts_the_chosen_samples(tiny_run: Run, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []

    def track(
        items: Iterable[object], *, about: str, total: int, size: Callable[[object], int]
    ) -> Iterator[object]:
        done = 0
        for item in items:
            yield item
            done += size(item)
        told.append((about, total, done))

    draw_figures(
        tiny_run.path,
        out=tmp_path,
        only=["comparison", "histogram"],
        indices=[0, 1],
        track=track,  # type: ignore[arg-type]
    )
    num_val = len(build.open_dataset(tiny_run.recipe(), "val"))
    assert told == [("stats", num_val, num_val), ("figures", 2, 2)]


UNLABELLED = """
from tessella.data import DATASETS

class Unlabelled:
    names = groups = ["a/b", "a:b", "c" * 250]

    def __init__(self, source):
        self.source, self.labels = source, source.labels

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return self.source[index]._replace(mask=None, name=self.names[index])

def read(root, split):
    return Unlabelled(DATASETS["synthetic"].read(root, split, count=8, height=33, width=47))
"""


@pytest.fixture
def unlabelled(tiny_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Images without masks, under names that no file can have."""
    (tmp_path / "unlabelled.py").write_text(UNLABELLED)
    monkeypatch.syspath_prepend(tmp_path)
    recipe = tiny_run.recipe()
    data = recipe.data.model_copy(update={"name": "unlabelled:read", "options": {}})
    return recipe.model_copy(update={"data": data})


def test_a_split_without_labels_has_all_but_a_histogram(
    tiny_run: Run, tmp_path: Path, unlabelled: Recipe
) -> None:
    files = draw_figures(tiny_run.path, out=tmp_path / "out", recipe=unlabelled, indices=[0])
    (message,) = files.left_out
    assert "split 'val' has no labelled pixel, so there is no histogram" in message
    assert {"panel-a-b.png", "comparison.png"} <= names_in(tmp_path / "out")
    with pytest.raises(UsageError, match="no labelled pixel"):
        draw_figures(tiny_run.path, out=tmp_path, recipe=unlabelled, only=["histogram"])


def test_names_become_file_names_that_differ_and_are_not_too_long(
    tiny_run: Run, tmp_path: Path, unlabelled: Recipe
) -> None:
    out = tmp_path / "out"
    draw_figures(tiny_run.path, out=out, recipe=unlabelled, only=["panel"])
    assert names_in(out) == {
        *("panel-a-b-0.png", "panel-a-b-1.png", f"panel-{'c' * 160}.png"),
    }
