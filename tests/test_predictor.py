"""One object turns images into class maps: any size, tiled or not, the same answer."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tessella.backends.torch import TorchBackend
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.predictor import Predictor, load
from tessella.run import Run


class Brightest(nn.Module):
    """Logits are the channels themselves: the class of a pixel is its brightest channel."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.float()


def brightest(tile: int = 2048) -> Predictor:
    backend = TorchBackend(Brightest(), device=torch.device("cpu"), precision="fp32")
    return Predictor(backend, LabelMap.from_names(["red", "green", "blue"]), tile=tile)


def random_image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (64, 65), (300, 129)])
def test_a_class_map_has_the_images_size(size: tuple[int, int]) -> None:
    image = random_image(*size)
    assert (brightest().predict(image).class_map == image.argmax(-1)).all()


@pytest.mark.parametrize("size", [(64, 65), (200, 129), (513, 64), (70, 1000)])
def test_tiles_give_what_the_whole_image_gives(size: tuple[int, int]) -> None:
    image = random_image(*size)
    assert (brightest(tile=64).predict(image).class_map == image.argmax(-1)).all()


def test_probabilities_are_the_softmax_of_the_logits_and_agree_with_the_class_map() -> None:
    image = random_image(70, 90) // 32
    prediction = brightest(tile=64).predict_probabilities(image)
    exponentials = np.exp(image.astype(np.float64)).transpose(2, 0, 1)
    expected = exponentials / exponentials.sum(0)
    assert prediction.probabilities is not None
    np.testing.assert_allclose(prediction.probabilities, expected, atol=1e-6)  # float32 softmax
    assert (prediction.class_map == image.argmax(-1)).all()


def test_several_images_of_one_size_are_computed_as_each_alone() -> None:
    images = np.stack([random_image(70, 90), random_image(70, 90)[::-1]]) // 32
    together = brightest(tile=64).predict_probabilities_of(images)
    for image, prediction in zip(images, together, strict=True):
        alone = brightest(tile=64).predict_probabilities(image)
        assert (prediction.class_map == alone.class_map).all()
        assert prediction.probabilities is not None
        assert alone.probabilities is not None
        np.testing.assert_allclose(prediction.probabilities, alone.probabilities, atol=1e-6)


class OnlyOneSize(Brightest):
    """Like a network that was exported for one size: it refuses any other."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert images.shape[2:] == (48, 64)
        return super().forward(images)


@pytest.mark.parametrize("size", [(48, 64), (1, 1), (48, 200), (131, 64), (97, 301), (20, 300)])
def test_a_model_of_one_size_computes_images_of_any(size: tuple[int, int]) -> None:
    backend = TorchBackend(OnlyOneSize(), device=torch.device("cpu"), precision="fp32")
    labels = LabelMap.from_names(["red", "green", "blue"])
    image = random_image(*size)
    predictor = Predictor(backend, labels, size=(48, 64))
    assert (predictor.predict(image).class_map == image.argmax(-1)).all()
    both = predictor.predict_probabilities(image)
    assert (both.class_map == image.argmax(-1)).all()
    assert both.probabilities is not None
    assert both.probabilities.shape == (3, *size)


def test_a_tile_too_small_is_refused() -> None:
    with pytest.raises(UsageError, match="tile is 32 pixels; it needs at least 64"):
        brightest(tile=32)


def test_a_run_and_its_model_folder_load_to_the_same_predictor(tiny_run: Run) -> None:
    image = random_image(45, 61)
    from_run = load(tiny_run.path, device="cpu").predict(image).class_map
    from_folder = load(tiny_run.model_folder, device="cpu").predict(image).class_map
    assert (from_run == from_folder).all()


def test_loading_a_folder_without_a_model_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no model; expected a run folder"):
        load(tmp_path)


def test_loading_what_does_not_exist_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere: does not exist"):
        load(tmp_path / "nowhere")


@pytest.fixture
def copied_model(tiny_run: Run, tmp_path: Path) -> Path:
    for file in tiny_run.model_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_damaged_weights_are_named(copied_model: Path) -> None:
    weights = copied_model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"model\.safetensors: cannot load the weights"):
        load(copied_model)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_damaged_card_is_named(copied_model: Path, text: str) -> None:
    (copied_model / "card.json").write_text(text)
    with pytest.raises(ValueError, match=r"card\.json: .*the model is damaged"):
        load(copied_model)
