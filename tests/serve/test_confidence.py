"""Confidence by tiles equals what all probabilities of the image would have given."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tessella.labels import LabelMap
from tessella.predictor import Predictor
from tessella.serve.confidence import confidences

ImageOf = Callable[..., np.ndarray]


@pytest.mark.parametrize("size", [(1, 1), (9, 14), (200, 130)])
@pytest.mark.parametrize("fixed", [None, (64, 48)])
def test_it_is_the_largest_probability(
    image_of: ImageOf,
    brightest: Any,
    labels: LabelMap,
    size: tuple[int, int],
    fixed: tuple[int, int] | None,
) -> None:
    images = np.stack([image_of(*size, seed=seed) for seed in (1, 2)])
    predictor = Predictor(brightest(size=fixed), labels, tile=64)
    for image, found in zip(images, confidences(predictor, images), strict=True):
        raised = image.astype(np.float64) + 1
        best = (raised / raised.sum(-1, keepdims=True)).max(-1)
        assert (found.class_map == image.argmax(-1)).all()
        # half a step of 1/255, and what 24 bits leave out
        np.testing.assert_allclose(found.confidence / 255, best, atol=0.5 / 255 + 1e-6)
        for index in range(3):
            won = image.argmax(-1) == index
            expected = best[won].mean() if won.any() else np.nan
            np.testing.assert_allclose(found.mean_probability[index], expected, atol=1e-6)


@pytest.mark.parametrize(("probability", "expected"), [(1.0, 255), (0.5, 128), (0.998, 254)])
def test_it_is_rounded_to_the_nearest_of_256_steps(
    brightest: Any, labels: LabelMap, probability: float, expected: int
) -> None:
    class Sure(brightest):
        def probabilities(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            shares = np.zeros((len(images), 3, *images.shape[2:]), np.float32)
            shares[:, 1] = probability
            return np.ones((len(images), *images.shape[2:]), np.uint8), shares

    (found,) = confidences(Predictor(Sure(), labels), np.zeros((1, 3, 4, 3), np.uint8))
    assert (found.confidence == expected).all()
    assert found.mean_probability[1] == pytest.approx(probability, abs=1e-6)


def test_never_all_probabilities_of_an_image_are_brought_in_at_once(
    image_of: ImageOf, brightest: Any, labels: LabelMap
) -> None:
    fetched: list[int] = []

    class Counting(brightest):
        def fetch(self, array: np.ndarray) -> np.ndarray:
            fetched.append(array.nbytes)
            return array

    image = image_of(2000, 1500)
    confidences(Predictor(Counting(), labels), image[None])
    assert max(fetched) <= 16 << 20
    assert sum(fetched) > 2000 * 1500 * 3 * 4
