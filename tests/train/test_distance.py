"""How far weights are apart."""

import math
import shutil
from pathlib import Path

import pytest
import torch

from tessella.run import Run
from tessella.train.distance import weights_distance


@pytest.fixture
def twin(tiny_run: Run, tmp_path: Path) -> Run:
    return Run(shutil.copytree(tiny_run.path, tmp_path / "twin"))


def changed(run: Run, **tensors: torch.Tensor) -> None:
    content = torch.load(run.last_checkpoint, weights_only=True)
    content["segmenter"] |= tensors
    run.last_checkpoint.unlink()  # it may share its place with another
    torch.save(content, run.last_checkpoint)


def test_a_copy_is_no_distance_away(tiny_run: Run, twin: Run) -> None:
    assert weights_distance(tiny_run, twin) == 0.0


def test_the_largest_difference_of_any_number_counts(tiny_run: Run, twin: Run) -> None:
    weights = torch.load(tiny_run.last_checkpoint, weights_only=True)["segmenter"]
    name = next(iter(weights))
    moved = weights[name].double()
    moved.view(-1)[0] += 0.25
    moved.view(-1)[-1] -= 0.5
    changed(twin, **{name: moved})
    assert weights_distance(tiny_run, twin) == pytest.approx(0.5)


@pytest.mark.parametrize("other", [torch.zeros(1, 2, 3), torch.full((3,), math.nan)])
def test_weights_that_cannot_be_compared_are_infinitely_far(
    other: torch.Tensor, tiny_run: Run, twin: Run
) -> None:
    changed(twin, mean=other)
    assert weights_distance(tiny_run, twin) == math.inf


def test_other_layers_are_infinitely_far(tiny_run: Run, twin: Run) -> None:
    changed(twin, another=torch.zeros(1))
    assert weights_distance(tiny_run, twin) == math.inf


def test_a_run_without_a_state_is_named(tiny_run: Run, twin: Run) -> None:
    twin.last_checkpoint.unlink()
    with pytest.raises(ValueError, match=r"last\.pt: there is no checkpoint"):
        weights_distance(tiny_run, twin)
