"""Distances against SciPy's exact transform and by hand."""

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from tessella.losses.distance import MAX_RADIUS, squared_distances

IGNORE = 255


def drawn_mask(seed: int, *, ignored: float) -> torch.Tensor:
    """Blocks of 0..2 (3 is absent) with some pixels ignored."""
    generator = torch.Generator().manual_seed(seed)
    blocks = torch.randint(0, 3, (2, 3, 4), generator=generator, dtype=torch.uint8)
    mask = blocks.repeat_interleave(7, 1).repeat_interleave(5, 2)
    mask[torch.rand(mask.shape, generator=generator) < ignored] = IGNORE
    return mask


def to_nearest(where: np.ndarray, radius: int) -> np.ndarray:
    """Squared distance of each pixel to the nearest True, at most radius squared."""
    if not where.any():
        return np.full(where.shape, radius**2)
    return np.minimum(np.rint(distance_transform_edt(~where) ** 2), radius**2)


@pytest.mark.parametrize("radius", [1, 2, 5, 30, MAX_RADIUS])
@pytest.mark.parametrize("ignored", [0.0, 0.3])
def test_distances_are_exact_up_to_the_radius(radius: int, ignored: float) -> None:
    mask = drawn_mask(radius, ignored=ignored)
    found = squared_distances(mask, num_classes=4, ignore_index=IGNORE, radius=radius)
    for image, of_mask in zip(found.numpy(), mask.numpy(), strict=True):
        for label, plane in enumerate(image):
            own, other = of_mask == label, (of_mask != label) & (of_mask != IGNORE)
            expected = np.where(own, to_nearest(other, radius), to_nearest(own, radius))
            known = of_mask != IGNORE
            np.testing.assert_array_equal(plane[known], expected[known])


def test_one_row_by_hand() -> None:
    mask = torch.tensor([[[0, 0, 0, 1, IGNORE]]])
    found = squared_distances(mask, num_classes=2, ignore_index=IGNORE, radius=2)
    # class 0: inside 3 (cut to 2), 2, 1 px from class 1, outside 1 px; class 1: the same
    assert found[0, :, 0, :4].tolist() == [[4, 4, 1, 1], [4, 4, 1, 1]]


def test_a_mask_smaller_than_the_radius_is_fine() -> None:
    mask = torch.tensor([[[0], [1]]])
    found = squared_distances(mask, num_classes=2, ignore_index=IGNORE, radius=100)
    assert found.flatten().tolist() == [1, 1, 1, 1]


def test_an_image_of_one_class_has_no_boundary_within_the_radius() -> None:
    mask = torch.zeros(1, 2, 2, dtype=torch.uint8)
    found = squared_distances(mask, num_classes=2, ignore_index=IGNORE, radius=9)
    assert found.eq(81).all()
