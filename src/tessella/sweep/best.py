"""How to go on from the best trial: what to type."""

import shlex

from tessella.sweep.ranking import Place
from tessella.sweep.settings import Settings


def train_command(place: Place, settings: Settings) -> str:
    """The command that trains the combination again, by the recipe's own seed, for a shell."""
    values = [f"{key}={value}" for key, value in place.values.items()]
    start = settings.train_words or ("RECIPE",)
    return shlex.join(["tessella", "train", *start, *values])


def evaluate_command(place: Place) -> str:
    """The command that scores the best trial's model on the recipe's test split."""
    assert place.best is not None
    return shlex.join(["tessella", "evaluate", str(place.best.run.path)])
