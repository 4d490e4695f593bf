"""Class weights by paper and pencil, and that nothing makes them infinite."""

import math

import numpy as np
import pytest

from tessella.data.class_weights import KINDS, class_weights
from tessella.errors import UsageError

# a thousand pixels; the last class has none
PIXELS = np.array([900, 90, 10, 0], np.int64)
AROUND = np.array([1000, 500, 100, 0], np.int64)


def test_inverse_is_one_over_the_share_scaled_to_an_average_pixel_of_one() -> None:
    # three classes: 1 / (3 * share) of 0.5, 0.3 and 0.2
    weights = class_weights(np.array([50, 30, 20]), kind="inverse")
    assert weights == pytest.approx([2 / 3, 10 / 9, 5 / 3])


def test_sqrt_inverse_is_one_over_the_root_of_the_share() -> None:
    # shares 0.64 and 0.36: 1/0.8 and 1/0.6; the average pixel is 0.8 + 0.6 = 1.4
    weights = class_weights(np.array([64, 36]), kind="sqrt_inverse")
    assert weights == pytest.approx([1 / (0.8 * 1.4), 1 / (0.6 * 1.4)])


def test_median_frequency_is_as_published() -> None:
    # frequencies 900/1000, 90/500 and 10/100: the median is 0.18
    weights = class_weights(PIXELS, kind="median_frequency", pixels_where_present=AROUND)
    assert weights == pytest.approx([0.2, 1.0, 1.8, 1.0])


def test_enet_is_as_published() -> None:
    # 1.02 + 0.98 = 2 and 1.02 + 0.02 = 1.04; the cap does not cut it
    weights = class_weights(np.array([98, 2]), kind="enet")
    assert weights == pytest.approx([1 / math.log(2), 25.4967], rel=2e-6)  # six digits


def test_effective_number_with_a_beta_of_ones_own() -> None:
    # 1 - 0.5 = 1/2 and 1 - 0.25 = 3/4, so 2 and 4/3; the average pixel is 2/3 + 8/9 = 14/9
    weights = class_weights(np.array([1, 2]), kind="effective_number", beta=0.5)
    assert weights == pytest.approx([9 / 7, 6 / 7])


def test_effective_number_takes_its_beta_from_the_number_of_pixels() -> None:
    # 3 pixels: beta = 2/3; 1/3 and 5/9, so 3 and 9/5; the average pixel is 1 + 6/5 = 11/5
    weights = class_weights(np.array([1, 2]), kind="effective_number")
    assert weights == pytest.approx([15 / 11, 9 / 11])


def test_effective_number_tells_classes_of_a_million_pixels_apart() -> None:
    # the paper's 0.9999 would give both the same weight
    pixels = np.array([9_000_000, 1_000_000])
    saturated = class_weights(pixels, kind="effective_number", beta=0.9999)
    assert saturated == pytest.approx([1, 1])
    common, rare = class_weights(pixels, kind="effective_number")
    assert rare / common == pytest.approx((1 - math.exp(-0.9)) / (1 - math.exp(-0.1)), rel=1e-6)


def test_weights_are_cut_at_ten() -> None:
    # 1 / (3 * share): 0.37, 3.7 and 33.3
    weights = class_weights(PIXELS, kind="inverse")
    assert weights == pytest.approx([10 / 27, 100 / 27, 10.0, 1.0])


def test_the_cap_can_be_raised() -> None:
    weights = class_weights(PIXELS, kind="inverse", max_weight=100)
    assert weights[2] == pytest.approx(100 / 3)


@pytest.mark.parametrize("kind", ["inverse", "sqrt_inverse", "effective_number"])
def test_the_average_pixel_weighs_one_where_nothing_is_cut(kind: str) -> None:
    weights = class_weights(PIXELS, kind=kind, max_weight=1000)  # type: ignore[arg-type]
    assert (weights * PIXELS).sum() / PIXELS.sum() == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "pixels", [[1], [7, 0], [1, 10**15], [0, 0, 5], [1] * 254], ids=["one", "b", "c", "d", "e"]
)
def test_weights_are_finite_and_positive_for_any_counts(kind: str, pixels: list[int]) -> None:
    counts = np.array(pixels, np.int64)
    weights = class_weights(counts, kind=kind, pixels_where_present=counts)  # type: ignore[arg-type]
    assert np.isfinite(weights).all()
    assert (weights > 0).all()
    assert (weights[counts == 0] == 1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_rarer_class_never_weighs_less(kind: str) -> None:
    pixels = np.array([10**7, 10**5, 10**4, 300, 1])
    around = np.full(5, pixels.sum())
    weights = class_weights(pixels, kind=kind, pixels_where_present=around)  # type: ignore[arg-type]
    assert (np.diff(weights) >= 0).all()
    assert weights[0] < weights[1]


def test_an_unknown_kind_is_named_with_the_closest_known_one() -> None:
    with pytest.raises(UsageError, match=r"'invers'; did you mean 'inverse'.*Known: .*enet"):
        class_weights(PIXELS, kind="invers")  # type: ignore[arg-type]


def test_no_labelled_pixel_is_an_error() -> None:
    with pytest.raises(ValueError, match="no pixel of any class is labelled"):
        class_weights(np.zeros(3, np.int64), kind="inverse")


def test_shares_in_place_of_counts_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"pixels are float64 of shape \(2,\); .* not shares"):
        class_weights(np.array([0.5, 0.5]), kind="inverse")


def test_median_frequency_without_the_pixels_of_its_images_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="needs pixels_where_present"):
        class_weights(PIXELS, kind="median_frequency")


def test_fewer_pixels_in_the_images_than_in_the_class_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"have \[3, 5\] labelled pixels, .* have \[4, 5\]"):
        class_weights(
            np.array([4, 5]), kind="median_frequency", pixels_where_present=np.array([3, 5])
        )


@pytest.mark.parametrize("max_weight", [0.5, math.nan, math.inf])
def test_a_cap_below_one_or_without_end_is_wrong_usage(max_weight: float) -> None:
    with pytest.raises(UsageError, match=f"max_weight is {max_weight}; expected a number from 1"):
        class_weights(PIXELS, kind="inverse", max_weight=max_weight)


@pytest.mark.parametrize("beta", [0.0, 1.0, -1.0, math.nan])
def test_a_beta_outside_its_range_is_wrong_usage(beta: float) -> None:
    with pytest.raises(UsageError, match=f"beta is {beta}; expected a number between 0 and 1"):
        class_weights(PIXELS, kind="effective_number", beta=beta)
