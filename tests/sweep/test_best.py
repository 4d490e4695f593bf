"""What to type after a sweep."""

import shlex
from collections.abc import Callable
from dataclasses import replace

from tessella.sweep.best import evaluate_command, train_command
from tessella.sweep.ranking import ranked
from tessella.sweep.trials import read_trials


def test_the_command_trains_the_combination_again(drawn_up: Callable) -> None:
    sweep = drawn_up(["augment.crop=[8, 8],[9, 9]", "train.seed=0,1"])
    sweep.add(1, {"augment.crop": "[8, 8]", "train.seed": "0"}, [0.1])
    settings = replace(sweep.settings, train_words=("my recipe.yaml", "--data", "/a b"))
    (place,) = ranked(read_trials(sweep.folder, monitor="mean_iou"), settings)
    assert shlex.split(train_command(place, settings)) == [
        *("tessella", "train", "my recipe.yaml", "--data", "/a b", "augment.crop=[8, 8]"),
    ]
    assert shlex.split(evaluate_command(place)) == [
        *("tessella", "evaluate", str(sweep.folder.path / "trial-001-crop-8-8-seed0")),
    ]
