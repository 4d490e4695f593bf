"""Images to calibrate on: as the model takes them, or a clear refusal."""

from collections.abc import Iterator

import numpy as np
import pytest

from tessella.export.calibration import checked_images


def of(*images: np.ndarray):
    def give() -> Iterator[np.ndarray]:
        return iter(images)

    return give


def image(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.zeros(shape, dtype)


def test_images_of_any_size_pass_where_the_model_takes_any() -> None:
    given = of(image(1, 3, 4, 6), image(1, 3, 8, 2))
    found = list(checked_images(given, channels=3, size=(None, None)))
    assert [one.shape for one in found] == [(1, 3, 4, 6), (1, 3, 8, 2)]


def test_an_image_becomes_contiguous() -> None:
    channels_last = image(4, 6, 3).transpose(2, 0, 1)[None]
    assert not channels_last.flags.c_contiguous
    (found,) = checked_images(of(channels_last), channels=3, size=(None, None))
    assert found.flags.c_contiguous


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        (image(1, 4, 4, 6), r"uint8 of shape \(1, 4, 4, 6\)"),
        (image(2, 3, 4, 6), r"uint8 of shape \(2, 3, 4, 6\)"),
        (image(1, 3, 4, 7), r"uint8 of shape \(1, 3, 4, 7\)"),
        (image(3, 4, 6), r"uint8 of shape \(3, 4, 6\)"),
        (image(1, 3, 4, 6, dtype=np.float32), r"float32 of shape \(1, 3, 4, 6\)"),
    ],
    ids=["channels", "batch", "width", "rank", "dtype"],
)
def test_an_image_that_the_model_does_not_take_is_refused_by_its_number(
    wrong: np.ndarray, got: str
) -> None:
    given = checked_images(of(image(1, 3, 4, 6), wrong), channels=3, size=(4, 6))
    next(given)
    with pytest.raises(ValueError, match=rf"calibration image 2: is {got}; .*\(1, 3, 4, 6\)"):
        next(given)


def test_no_image_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="calibration: got no image"):
        list(checked_images(of(), channels=3, size=(None, None)))


def test_images_are_read_one_at_a_time() -> None:
    read: list[int] = []

    def give() -> Iterator[np.ndarray]:
        for number in range(3):
            read.append(number)
            yield image(1, 3, 2, 2)

    next(checked_images(give, channels=3, size=(None, None)))
    assert read == [0]
