"""Before the first epoch: do the splits share samples? If so, training is refused."""

import contextlib
from dataclasses import replace

from tessella.data.content import NotedDataset
from tessella.data.dataset import Dataset
from tessella.data.leaks import Leaks, find_leaks
from tessella.progress import Track
from tessella.recipe import Recipe
from tessella.source import source_of


def check_leaks(recipe: Recipe, train: Dataset, val: Dataset, *, track: Track) -> Leaks:
    """What the splits share, with the hash of what each of them holds.

    Every image is read once, which fills the cache for the first epoch. The test split is looked at
    too, where there is one: a score on it would be as wrong.

    Args:
        recipe: names the splits, and says whether a leak is allowed.
        train: what weights are fitted on.
        val: what chooses the best epoch.
        track: shows progress.

    Raises:
        ValueError: the splits leak and the recipe does not allow it, or an image cannot be read.
    """
    datasets = {
        recipe.data.train_split: NotedDataset(train),
        recipe.data.val_split: NotedDataset(val),
    }
    if recipe.data.test_split not in datasets:
        with contextlib.suppress(ValueError):  # many data sets have no test masks
            # not behind a cache: training does not read it
            test = source_of(recipe.data).open(recipe.data.test_split)
            datasets[recipe.data.test_split] = NotedDataset(test)
    # of one split there is nothing to share: somebody validates on it, and says so in the recipe
    leaks = find_leaks(datasets, track=track) if len(datasets) > 1 else Leaks(())
    if leaks.refused and not recipe.data.allow_leak:
        raise ValueError(leaks.message())
    contents = {split: noted.content_hash(track=track) for split, noted in datasets.items()}
    return replace(leaks, contents=contents)
