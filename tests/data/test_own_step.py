"""A user's own step: found by name, given the crop, its result checked (S1-F05, S1-B11)."""

import random
import sys
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
import torch

from tessella.data.own_step import apply_step, find_step
from tessella.errors import UsageError
from tessella.sample import Sample

Step = Callable[..., object]


def crop(*, channels: int = 3) -> Sample:
    mask = np.zeros((6, 8), np.uint8)
    mask[:, 4:] = 2
    mask[0, 0] = 255
    rng = np.random.default_rng(0)
    return Sample(rng.integers(0, 256, (6, 8, channels), np.uint8), mask, "crop 7")


def applied(step: str | Step, sample: Sample | None = None, seed: int = 0) -> Sample:
    return apply_step(sample or crop(), step, np.random.default_rng(seed))


def mirrored(*, image: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
    return {"image": image[:, ::-1], "mask": mask[:, ::-1]}


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_a_step_may_move_image_and_mask(channels: int) -> None:
    sample = crop(channels=channels)
    got = applied(mirrored, sample)
    np.testing.assert_array_equal(got.image, sample.image[:, ::-1])
    np.testing.assert_array_equal(got.mask, sample.mask[:, ::-1])
    assert got.image.flags.c_contiguous
    assert got.name == "crop 7"


def test_further_entries_of_the_result_are_left_aside() -> None:
    assert applied(lambda image, mask: {"image": image, "mask": mask, "replay": 1}).mask.any()


def test_a_step_may_ignore_pixels() -> None:
    got = applied(lambda image, mask: {"image": image, "mask": np.full_like(mask, 255)})
    assert (got.mask == 255).all()


class Compose:
    """An object in the form of albumentations' Compose: keyword arguments only, own seed."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(99)

    def set_random_seed(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, *args: object, **data: np.ndarray) -> object:
        assert not args
        assert sorted(data) == ["image", "mask"]  # S1-B11: mask=, never masks=
        noise = self.rng.integers(0, 256, data["image"].shape, np.uint8)
        return {"image": noise, "mask": data["mask"]}


def with_generator(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> object:
    return {"image": rng.integers(0, 256, image.shape, np.uint8), "mask": mask}


@pytest.mark.parametrize("step", [Compose(), with_generator])
def test_a_random_step_follows_the_generator_of_the_crop(step: Step) -> None:
    first, again, other = (applied(step, seed=seed).image for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def by_global_generators(image: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
    drawn = random.randrange(50), np.random.randint(50), int(torch.randint(50, ()))  # noqa: NPY002
    return {"image": np.full_like(image, np.array(drawn, np.uint8)), "mask": mask}


def test_a_step_that_draws_from_global_generators_follows_that_of_the_crop() -> None:
    """Else a worker's draws would depend on which samples it happened to get before."""
    first, again, other = (applied(by_global_generators, seed=seed).image for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_step_leaves_the_global_generators_as_they_were() -> None:
    def states() -> tuple[object, ...]:
        kind, keys, *rest = np.random.get_state()  # noqa: NPY002
        return random.getstate(), kind, keys.tobytes(), rest, torch.get_rng_state().tolist()

    before = states()
    applied(by_global_generators)
    assert states() == before


def gives(change: Callable[[np.ndarray, np.ndarray], object]) -> Step:
    """A step with keyword arguments from a short function of (image, mask)."""

    def step(image: np.ndarray, mask: np.ndarray) -> object:
        return change(image, mask)

    return step


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i, m: (i, m), "gave tuple; expected a dict of 'image' and 'mask'; return both"),
        (lambda i, m: {"image": i, "masks": m}, r"gave \['image', 'masks'\]; expected a dict of '"),
        (
            lambda i, m: {"image": i / 255, "mask": m},
            "gave the image as float64 6x8x3; expected uint8 6x8x3, as it was called with. Leave o",
        ),
        (
            lambda i, m: {"image": i.transpose(2, 0, 1), "mask": m},
            "gave the image as uint8 3x6x8; expected uint8 6x8x3",
        ),
        (
            lambda i, m: {"image": i[:4], "mask": m[:4]},
            "gave the image as uint8 4x8x3; expected uint8 6x8x3",
        ),
        (
            lambda i, m: {"image": i, "mask": m.astype(np.int64)},
            "gave the mask as int64 6x8; expected uint8 6x8",
        ),
        (
            lambda i, m: {"image": i, "mask": m.tolist()},
            "gave the mask as list; expected an array, uint8 6x8",
        ),
        (
            lambda i, m: {"image": i, "mask": m // 2},
            r"gave a mask with the values \[1, 127\], but the crop has the classes \[0, 2\]; expec",
        ),
    ],
)
def test_a_result_of_another_form_is_refused(
    change: Callable[[np.ndarray, np.ndarray], object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"crop 7: augment.extra step {message}") as caught:
        applied(gives(change))
    assert "\n" not in str(caught.value)


def nothing(image: np.ndarray, mask: np.ndarray) -> None:
    return


def test_the_step_is_named_as_in_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("my_steps")
    module.__dict__["broken"] = nothing
    monkeypatch.setitem(sys.modules, "my_steps", module)
    with pytest.raises(ValueError, match="crop 7: augment.extra my_steps:broken gave NoneType"):
        applied("my_steps:broken")


def test_a_step_is_found_by_its_name() -> None:
    assert find_step("colorsys:rgb_to_hsv").__name__ == "rgb_to_hsv"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("albumentations", "is 'albumentations'; expected package.module:function"),
        ("no_such_module:f", "'no_such_module:f': No module named 'no_such_module'; expected"),
        ("colorsys:nothing", "'colorsys:nothing': module 'colorsys' has no attribute 'nothing'"),
        ("colorsys:ONE_THIRD", "'colorsys:ONE_THIRD' is float; expected a function"),
        (":f", "is ':f'; expected package.module:function"),
        ("colorsys:", "is 'colorsys:'; expected package.module:function"),
    ],
)
def test_a_name_of_no_function_is_wrong_usage(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"augment.extra {message}"):
        find_step(name)
