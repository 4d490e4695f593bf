"""`tessella reproduce` as it is called."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tessella.run import Run

RunCli = Callable[..., tuple[int, str, str]]


def test_a_run_is_trained_anew_beside_itself(
    run_cli: RunCli, tiny_run: Run, tmp_path: Path
) -> None:
    code, out, err = run_cli("reproduce", tiny_run.path, "--out", tmp_path / "again", "--json")
    assert code == 0, err
    document = json.loads(out)
    assert document["is_same"]
    assert document["weights_apart"] == 0.0
    assert document["epochs"] == 2


def test_a_run_that_cannot_be_reproduced_ends_with_1(
    run_cli: RunCli, tiny_run: Run, tmp_path: Path
) -> None:
    twin = Run(shutil.copytree(tiny_run.path, tmp_path / "twin"))
    recipe = twin.recipe_file.read_text()
    assert "seed: 3" in recipe
    twin.recipe_file.write_text(recipe.replace("seed: 3", "seed: 4"))
    code, out, _ = run_cli("reproduce", twin.path)
    assert code == 1
    assert "figures: differ from epoch 1 on" in out
    assert (tmp_path / "twin-again" / "history.csv").is_file()


def test_what_is_no_run_is_refused(run_cli: RunCli, tmp_path: Path) -> None:
    code, _, err = run_cli("reproduce", tmp_path / "nothing")
    assert code == 2
    assert "does not exist; expected the folder that `tessella train` wrote" in err
