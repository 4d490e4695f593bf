"""Processes that torchrun has started score a split together."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tessella.recipe import Recipe
from tessella.run import Run
from tessella.train import train

pytestmark = [pytest.mark.slow, pytest.mark.processes]

MakeRecipe = Callable[..., Recipe]


def evaluate(*words: object, processes: int) -> subprocess.CompletedProcess[str]:
    """The command as a user gives it, in so many processes."""
    several = ("torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m")
    module = (*(several if processes > 1 else ()), "tessella")
    return subprocess.run(
        [sys.executable, "-m", *module, "evaluate", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, recipe_of: MakeRecipe) -> Run:
    """Of 15 validation images, a number that two do not divide."""
    recipe = recipe_of("data.options={count: 15, height: 33, width: 47}", "train.epochs=1")
    return train(recipe, out=tmp_path_factory.mktemp("joined") / "run")


def test_two_processes_count_as_one_does_to_the_last_pixel(run: Run) -> None:
    one = evaluate(run.path, "--split", "val", "--json", processes=1)
    kept = (run.evaluation_folder / "val.json").read_bytes()
    two = evaluate(run.path, "--split", "val", "--json", processes=2)
    assert two.returncode == 0, two.stderr
    assert len(json.loads(one.stdout)["images"]) == 15
    assert json.loads(two.stdout) == json.loads(one.stdout)
    assert (run.evaluation_folder / "val.json").read_bytes() == kept


DAMAGED = """
from tessella.data import DATASETS

class Damaged:
    def __init__(self, whole):
        self._whole = whole
        self.labels, self.names, self.groups = whole.labels, whole.names, whole.groups
    def __len__(self):
        return len(self._whole)
    def __getitem__(self, index):
        if index == 11:
            raise ValueError("the twelfth image is damaged.")
        return self._whole[index]

def read(root, split, *, count: int, height: int, width: int):
    return Damaged(DATASETS["synthetic"].read(root, split, count=count, height=height, width=width))
"""


def test_an_image_that_cannot_be_read_ends_all_with_its_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "damaged.py").write_text(DAMAGED)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    file = tmp_path / "recipe.yaml"
    file.write_text(run.recipe().to_yaml().replace("name: synthetic", "name: damaged:read"))
    found = evaluate(run.path, "--split", "val", "--recipe", file, processes=2)
    assert found.returncode == 1
    said = [line for line in found.stderr.splitlines() if line.startswith("error: ")]
    assert "error: the twelfth image is damaged." in said
    others = "error: process 1 of 2: another one has ended; it says why ("
    assert all(line.startswith((others, "error: the twelfth")) for line in said)
