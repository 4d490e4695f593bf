"""What is written about an image; the pictures themselves are tested where they are drawn."""

import re
from pathlib import Path

import numpy as np
import pytest

from tessella.data.images import read_mask
from tessella.data.synthetic.scenes import LABELS
from tessella.errors import UsageError
from tessella.predict.write import OUTPUTS, Wanted, result_paths, write_results
from tessella.predictor import Prediction

CLASSES = np.arange(6, dtype=np.uint8).reshape(2, 3)
PREDICTION = Prediction(CLASSES, np.full((LABELS.num_classes, 2, 3), 0.125, np.float32))


def write(stem: Path, wanted: Wanted) -> tuple[Path, ...]:
    image = np.zeros((2, 3, 3), np.uint8)
    return write_results(stem, PREDICTION, image=image, labels=LABELS, wanted=wanted)


def test_each_output_is_a_file_beside_the_others(tmp_path: Path) -> None:
    written = write(tmp_path / "a" / "x", Wanted(OUTPUTS))
    assert [path.name for path in written] == [
        *("x_mask.png", "x_color.png", "x_overlay.png", "x_probabilities.npz"),
        "x_polygons.geojson",
    ]
    assert sorted((tmp_path / "a").iterdir()) == sorted(written)
    assert written == result_paths(tmp_path / "a" / "x", Wanted(OUTPUTS))


def test_a_name_with_dots_stays_whole(tmp_path: Path) -> None:
    [path] = write(tmp_path / "x.v2.final", Wanted(("mask",)))
    assert path.name == "x.v2.final_mask.png"
    assert (read_mask(path, LABELS.as_indices()) == CLASSES).all()


def test_the_same_image_gives_the_same_bytes(tmp_path: Path) -> None:
    pairs = zip(
        write(tmp_path / "one" / "x", Wanted(OUTPUTS)),
        write(tmp_path / "two" / "x", Wanted(OUTPUTS)),
        strict=True,
    )
    assert all(one.read_bytes() == two.read_bytes() for one, two in pairs)


@pytest.mark.parametrize(
    ("outputs", "opacity", "message"),
    [
        (("masks",), 0.6, "cannot save 'masks'; known: mask, color, overlay"),
        ((), 0.6, "nothing to save; known: mask"),
        (("overlay",), 1.5, "opacity is 1.5; expected 0..1"),
        (("overlay",), float("nan"), "opacity is nan; expected 0..1"),
    ],
)
def test_what_cannot_be_written_is_refused(
    outputs: tuple[str, ...], opacity: float, message: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        Wanted(outputs, opacity)
