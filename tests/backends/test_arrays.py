"""What engines on NumPy arrays share: outputs by name, softmax of logits, counts in main memory."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from tessella.backends.arrays import ArrayBackend, ArrayScorer, card_in, check_precision, softmax
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.model_card import CLASSES, LOGITS, PROBABILITIES, Exported, ModelCard

LABELS = LabelMap.from_names(["red", "green", "blue"])


def card(*outputs: str, size: tuple[int, int] | None = None) -> ModelCard:
    exported = Exported((CLASSES, *outputs), "fp32", size)
    return ModelCard({"name": "brightest"}, 3, LABELS, "fp32", exported=exported)


class Brightest(ArrayBackend):
    """The class of a pixel is its brightest channel."""

    engine = "arrays"
    asked: Sequence[str] = ()

    def run(self, images: np.ndarray, outputs: Sequence[str]) -> Mapping[str, np.ndarray]:
        assert images.flags.c_contiguous
        self.asked = tuple(outputs)
        logits = images.astype(np.float32)
        known = {CLASSES: images.argmax(1).astype(np.uint8), LOGITS: logits}
        return {**known, PROBABILITIES: softmax(logits.copy())}


def images(count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 9, (count, 5, 7, 3), dtype=np.uint8)


def test_class_maps_alone_ask_for_nothing_else() -> None:
    backend = Brightest(card(PROBABILITIES), where="here")
    placed = backend.place(images())
    assert placed.shape == (2, 3, 5, 7)
    assert (backend.class_maps(placed) == images().argmax(-1)).all()
    assert backend.asked == (CLASSES,)


@pytest.mark.parametrize("output", [PROBABILITIES, LOGITS])
def test_probabilities_are_the_softmax_whichever_output_the_file_has(output: str) -> None:
    backend = Brightest(card(output), where="here")
    maps, shares = backend.probabilities(backend.place(images()))
    exponentials = np.exp(images().astype(np.float64)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(shares, exponentials / exponentials.sum(1, keepdims=True), atol=1e-6)
    assert (maps == images().argmax(-1)).all()


def test_a_file_with_class_maps_alone_says_how_to_get_probabilities() -> None:
    backend = Brightest(card(), where="here")
    assert not backend.has_probabilities
    with pytest.raises(ValueError, match="class maps only; export it with --add probabilities"):
        backend.probabilities(backend.place(images()))


def test_softmax_of_large_logits_is_finite() -> None:
    logits = np.array([1e4, 0.0, -1e4], np.float32).reshape(1, 3, 1, 1)
    assert softmax(logits).ravel().tolist() == [1, 0, 0]


def test_counts_add_up_and_each_image_has_its_own_score() -> None:
    scorer = ArrayScorer(3, 255)
    mask = np.array([[[0, 0], [1, 255]], [[2, 2], [2, 2]]], np.uint8)
    scorer.add(np.array([[[0, 1], [1, 2]], [[2, 2], [2, 0]]], np.uint8), mask)
    counts, per_image = scorer.read()
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 3]]
    # first: class 0 1/2, class 1 1/2; second: class 0 0/1, class 2 3/4
    assert per_image == pytest.approx([0.5, 0.375])


def test_a_file_without_a_card_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x\.onnx: holds no card, so what its classes mean is"):
        card_in(None, where="x.onnx")


def test_the_card_of_a_run_is_not_that_of_a_file() -> None:
    text = ModelCard({"name": "unet"}, 3, LABELS, "fp32").to_json()
    with pytest.raises(ValueError, match="does not say what it computes; export it again"):
        card_in(text, where="x.onnx")
    with pytest.raises(ValueError, match="not that of an exported file"):
        Brightest(ModelCard({"name": "unet"}, 3, LABELS, "fp32"), where="here")


def test_another_precision_than_the_files_is_refused() -> None:
    check_precision(card(), None, where="x.onnx")
    check_precision(card(), "fp32", where="x.onnx")
    with pytest.raises(UsageError, match=r"x\.onnx: computes in fp32, not bf16; export it anew"):
        check_precision(card(), "bf16", where="x.onnx")
