"""A user's own step at the end of the augmentation: found by name, called, its result checked."""

import contextlib
import importlib
import inspect
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tessella.data.crop_choice import classes_in
from tessella.errors import UsageError
from tessella.sample import Sample

OwnStep = Callable[..., Any]
"""`f(image=, mask=) -> {"image": ..., "mask": ...}`, as a Compose of albumentations is."""


def find_step(name: str) -> OwnStep:
    """The user's `package.module:function`.

    Raises:
        UsageError: there is no such module or function, or it cannot be called.
    """
    module, colon, function = name.partition(":")
    if not (module and colon and function):
        raise UsageError(f"augment.extra is {name!r}; expected package.module:function.")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"augment.extra {name!r}: {error}; expected package.module:function."
        ) from error
    if not callable(found):
        raise UsageError(
            f"augment.extra {name!r} is {type(found).__name__}; expected a function, called with "
            "image= and mask=."
        )
    return found


def apply_step(sample: Sample, step: str | OwnStep, rng: np.random.Generator) -> Sample:
    """The crop after the user's own step.

    What is random in the step follows `rng`: a parameter called `rng` is given the generator, an
    object with `set_random_seed(seed)`, as albumentations has, is seeded first, and so are, for the
    time of the call, the generators of `random`, NumPy and torch on the CPU.

    Args:
        sample: the crop, with its mask.
        step: the function, or its name.
        rng: of this crop.

    Raises:
        ValueError: the result has another form than what was given, or a class that was not there.
    """
    assert sample.mask is not None
    function = find_step(step) if isinstance(step, str) else step
    where = f"{sample.name}: augment.extra {_name(step)}"
    before = classes_in(sample.mask)
    result = _call(function, sample, rng)
    if not isinstance(result, Mapping) or not {"image", "mask"} <= result.keys():
        got = list(result) if isinstance(result, Mapping) else type(result).__name__
        raise ValueError(f"{where} gave {got}; expected a dict of 'image' and 'mask'; return both.")
    image = _checked(result["image"], sample.image, where=f"{where} gave the image")
    mask = _checked(result["mask"], sample.mask, where=f"{where} gave the mask")
    if new := sorted(set(classes_in(mask)) - set(before)):
        raise ValueError(
            f"{where} gave a mask with the values {new}, but the crop has the classes {before}; "
            "expected these and 255 (ignored). Move masks by nearest neighbour only; what makes "
            "new objects belongs into a reader of your own."
        )
    return Sample(image, mask, sample.name)


def _call(function: OwnStep, sample: Sample, rng: np.random.Generator) -> Any:
    seed = getattr(function, "set_random_seed", None)
    if callable(seed):
        seed(int(rng.integers(1 << 31)))
    given: dict[str, Any] = {"image": sample.image, "mask": sample.mask}
    if "rng" in inspect.signature(function).parameters:
        given["rng"] = rng
    with _seeded(int(rng.integers(1 << 32))):
        return function(**given)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The generators that a function may reach for, without a trace in those of training."""
    ours, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    torch = sys.modules.get("torch")  # reading data needs none
    with torch.random.fork_rng(devices=()) if torch else contextlib.nullcontext():
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        if torch:
            torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(ours)
            np.random.set_state(numpys)  # noqa: NPY002


def _checked(array: object, given: np.ndarray, *, where: str) -> np.ndarray:
    """`array`, whole in memory, if it has the form of what was given."""
    expected = f"uint8 {_size(given.shape)}, as it was called with"
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{where} as {type(array).__name__}; expected an array, {expected}.")
    if array.dtype != np.uint8 or array.shape != given.shape:
        raise ValueError(
            f"{where} as {array.dtype} {_size(array.shape)}; expected {expected}. Leave out "
            "resizing, normalising and tensors: crop and model do them."
        )
    return np.ascontiguousarray(array)


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(str(length) for length in shape)


def _name(step: str | OwnStep) -> str:
    return step if isinstance(step, str) else getattr(step, "__name__", type(step).__name__)
