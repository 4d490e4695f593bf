"""Every choice of a sweep built once before the first trial, so that a bad one is told at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tessella import build
from tessella.backends.torch import resolve_device, resolve_precision
from tessella.data.dataset import Dataset
from tessella.errors import UsageError
from tessella.recipe import Recipe
from tessella.sweep.settings import Variant


def rehearse(recipe: Recipe, variants: Sequence[Variant]) -> None:
    """Open the data and build the network and the loss of the recipe and of each variant.

    What several of them share is built once. Nothing is trained and nothing is kept.

    Raises:
        UsageError: an unknown name or option, with the choice that has it.
        ValueError: data, weights or hardware that cannot be used.
        OSError: weights cannot be had.
    """
    rehearsed = _Rehearsed()
    with _naming(""):
        rehearsed.build(recipe)
    for variant in variants:
        with _naming(f"{variant.word}: "):
            rehearsed.build(variant.recipe)


@contextmanager
def _naming(choice: str) -> Iterator[None]:
    """Begin what is wrong with the choice."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{choice}{error}") from error
    except ValueError as error:
        raise ValueError(f"{choice}{error}") from error


class _Rehearsed:
    """What was built already."""

    def __init__(self) -> None:
        self._data: dict[str, Dataset] = {}
        self._parts: set[tuple[str, ...]] = set()

    def build(self, recipe: Recipe) -> None:
        """Build what is new in the recipe."""
        build.check_recipe(recipe)
        resolve_precision(recipe.train.precision, resolve_device(recipe.train.device))
        data = recipe.data.model_dump_json()
        if data not in self._data:
            self._data[data] = _open(recipe)
        training = self._data[data]
        if self._is_new("model", data, recipe.model.model_dump_json()):
            build.freeze_as_told(recipe, build.build_model(recipe, training.labels))
        if self._is_new("loss", data, recipe.loss.model_dump_json()):
            _build_loss(recipe, training)

    def _is_new(self, *part: str) -> bool:
        is_new = part not in self._parts
        self._parts.add(part)
        return is_new


def _open(recipe: Recipe) -> Dataset:
    for split in (recipe.data.train_split, recipe.data.val_split):
        if not len(build.open_dataset(recipe, split)):
            raise ValueError(f"{recipe.data.name}: the split {split!r} is empty; add images to it.")
    return build.open_dataset(recipe, recipe.data.train_split)


def _build_loss(recipe: Recipe, training: Dataset) -> None:
    if isinstance(recipe.loss.class_weights, str):  # a rule would read the whole split
        loss = recipe.loss.model_copy(update={"class_weights": None})
        recipe = recipe.model_copy(update={"loss": loss})
    build.build_loss(recipe, training.labels, device=resolve_device("cpu"), training=training)
