"""Every engine says the same of the same image: the run's, whichever file it reads."""

from pathlib import Path

import numpy as np
import pytest

from tessella.backends import BACKENDS, engines_for, open_model
from tessella.errors import UsageError
from tessella.evaluate import evaluate_model
from tessella.export.formats import FORMATS
from tessella.predictor import Predictor, load
from tessella.run import Run

ENGINES = [
    (name, form)
    for form in FORMATS
    for name in BACKENDS
    if FORMATS[form].ending in BACKENDS[name].endings
]


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colours with some noise: an image that has borders, but no ties."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (height // 9 + 2, width // 9 + 2, 3))
    fine = np.kron(coarse, np.ones((9, 9, 1)))[:height, :width]
    return (fine + generator.integers(-9, 10, (height, width, 3))).clip(0, 255).astype(np.uint8)


@pytest.fixture(params=ENGINES, ids=lambda pair: f"{pair[0]}-of-{pair[1]}")
def both(
    request: pytest.FixtureRequest, tiny_run: Run, exported_files: dict[str, Path]
) -> tuple[Predictor, Predictor]:
    engine, form = request.param
    backend, card = open_model(exported_files[form], device="cpu", engine=engine)
    run = load(tiny_run.path, device="cpu", precision="fp32")
    return run, Predictor(backend, card.labels, card=card)


@pytest.mark.parametrize("size", [(33, 47), (1, 1), (16, 32), (7, 130), (301, 97)])
def test_class_maps_are_the_runs(both: tuple[Predictor, Predictor], size: tuple[int, int]) -> None:
    run, file = both
    image = scene(*size)
    ours, theirs = run.predict(image).class_map, file.predict(image).class_map
    assert theirs.shape == size
    assert theirs.dtype == np.uint8
    assert (ours != theirs).mean() <= 0.001


def test_probabilities_are_the_runs(both: tuple[Predictor, Predictor]) -> None:
    run, file = both
    ours, theirs = (p.predict_probabilities(scene(40, 50)).probabilities for p in both)
    assert ours is not None
    assert theirs is not None
    np.testing.assert_allclose(theirs, ours, atol=1e-4)


def test_a_batch_is_computed_as_each_image_alone(both: tuple[Predictor, Predictor]) -> None:
    _, file = both
    images = np.stack([scene(40, 50, seed) for seed in range(5)])
    together = file.backend.fetch(file.class_maps(images))
    alone = np.stack([file.predict(image).class_map for image in images])
    assert (together != alone).mean() <= 0.001


def test_tiles_are_read_out_as_whole_images_are(both: tuple[Predictor, Predictor]) -> None:
    run, file = both
    image = scene(150, 470)
    tiled = Predictor(file.backend, file.labels, tile=64)
    assert (tiled.predict(image).class_map == file.predict(image).class_map).mean() > 0.99


def test_the_file_knows_what_it_is(both: tuple[Predictor, Predictor]) -> None:
    run, file = both
    assert file.labels == run.labels
    assert file.backend.has_probabilities
    assert file.backend.size is None
    assert file.card is not None
    assert file.card.exported is not None
    assert file.card.exported.parity["agreement"] >= 0.999
    assert file.protocol()["precision"] == "fp32"


@pytest.mark.parametrize("form", [name for name in FORMATS if not FORMATS[name].is_repository])
def test_a_file_is_scored_like_its_run(
    form: str, tiny_run: Run, exported_files: dict[str, Path]
) -> None:
    """What is scored is what is shipped: the file says itself which data it learnt from."""
    ours = evaluate_model(tiny_run.path, split="val", device="cpu")
    theirs = evaluate_model(exported_files[form], split="val", device="cpu")
    assert theirs.scores["mean_iou"] == pytest.approx(ours.scores["mean_iou"], abs=1e-3)
    assert [name for name, _ in theirs.images] == [name for name, _ in ours.images]


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x05\x06" + bytes(18)])
def test_another_file_of_the_ending_is_refused_by_name(
    name: str, content: bytes, tmp_path: Path
) -> None:
    for ending in BACKENDS[name].endings:
        file = tmp_path / f"wrong{ending}"
        file.write_bytes(content)
        with pytest.raises(ValueError, match=f"wrong{ending}: "):
            open_model(file, engine=name)


def test_a_file_of_no_engine_is_refused_with_the_known_endings(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"x")
    with pytest.raises(UsageError, match=r"photo.jpg: is no model; .*\.pt2, \.onnx, \.openvino"):
        open_model(file)


def test_an_engine_that_cannot_open_a_file_says_which_can(exported_files: dict[str, Path]) -> None:
    file = exported_files["torch"]
    with pytest.raises(UsageError, match="onnx cannot open it; these can: torch-export"):
        open_model(file, engine="onnx")
    assert engines_for(exported_files["onnx"]) == ["onnx", "openvino"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.onnx: there is no such file"):
        open_model(tmp_path / "gone.onnx")
