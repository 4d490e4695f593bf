"""Planning from the command line."""

import re
import shlex
from pathlib import Path

import pytest

from tessella.cli.plan_command import split_words
from tessella.recipe import read_recipe
from tessella.run import Run

PAGE = Path(__file__).parents[2] / "docs" / "plan.md"
SMALL = (
    *("model.name=plain_unet", "model.options={depth: 1, base_channels: 2}"),
    *("train.precision=fp32", "train.device=cpu", "train.workers=0"),
)


def test_a_plan_is_shown_and_written_and_can_be_trained(
    run_cli,  # noqa: ANN001
    own_folder: Path,
    tmp_path: Path,
) -> None:
    file = tmp_path / "mine.yaml"
    words = ("plan", "--data", own_folder, *SMALL, "train.epochs=1", "--out", file)
    code, out, err = run_cli(*words)
    assert code == 0, err
    assert re.search(r"1 epoch about [\d.]+ s, 1 epoch about [\d.]+ s with 1 validation of", out)
    assert out.endswith(f"recipe  {file}\nNext: tessella train {file}\n")
    assert "note: CLASSES ARE GUESSED" in err
    assert "# CLASSES ARE GUESSED" in file.read_text()
    assert run_cli("train", file, "--out", tmp_path / "run")[0] == 0


def test_train_without_a_recipe_plans_one_shows_it_and_trains_it(
    run_cli,  # noqa: ANN001
    own_folder: Path,
    tmp_path: Path,
) -> None:
    place = tmp_path / "run"
    code, out, err = run_cli(
        "train", "--data", own_folder, *SMALL, "train.epochs=2", "--out", place
    )
    assert code == 0, err
    assert out.index("1 epoch about") < out.index(f"Next: tessella evaluate {place}")
    assert "note: CLASSES ARE GUESSED" in err
    text = (place / "recipe.yaml").read_text()
    assert "# as you said" in text
    assert Run(place).recipe() == read_recipe(text, where="run")


def test_a_recipe_is_measured(run_cli, own_folder: Path) -> None:  # noqa: ANN001
    code, out, _ = run_cli("plan", own_folder / "tiny.yaml", "--data", own_folder)
    assert code == 0
    assert "1 epoch about" in out


def test_a_budget_sets_the_epochs_of_a_recipe_too(
    run_cli,  # noqa: ANN001
    own_folder: Path,
    tmp_path: Path,
) -> None:
    file = tmp_path / "longer.yaml"
    words = ("--data", own_folder, "--budget", "1m", "--out", file)
    code, out, err = run_cli("plan", own_folder / "tiny.yaml", *words)
    assert code == 0, err
    assert re.search(r"train.epochs +\d+ +as many as end within 60 s", out)
    assert read_recipe(file.read_text(), where="written").train.epochs > 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--budget", "soon"], "budget 'soon' is no length of time; write a number with s, m, h"),
        (["--out", "plan.txt"], "--out plan.txt: a recipe is a YAML file; end its name in .yaml."),
        (["train.epochz=1"], "train.epochz: unknown key; did you mean 'epochs'?"),
        (["camvit"], "no recipe is called 'camvit'; did you mean 'camvid'"),
    ],
)
def test_wrong_words_end_with_2(
    run_cli,  # noqa: ANN001
    own_folder: Path,
    words: list[str],
    message: str,
) -> None:
    code, _, err = run_cli("plan", "--data", own_folder, *words)
    assert code == 2
    assert message in err


def test_a_folder_without_data_ends_with_1_and_advice(run_cli, tmp_path: Path) -> None:  # noqa: ANN001
    code, _, err = run_cli("train", "--data", tmp_path)
    assert code == 1
    assert f"`tessella data check {tmp_path}` looks closer." in err


def test_a_planned_run_cannot_be_resumed_with_another_budget(run_cli, tiny_run: Run) -> None:  # noqa: ANN001
    code, _, err = run_cli("train", "--resume", tiny_run.path, "--budget", "3m")
    assert code == 2
    assert "--resume goes on with the run's own recipe; leave out budget." in err


@pytest.mark.parametrize(
    ("recipe", "name", "words"),
    [
        (None, None, ["a.b=1"]),
        ("camvid", "camvid", ["a.b=1"]),
        ("train.epochs=3", None, ["train.epochs=3", "a.b=1"]),
    ],
)
def test_the_first_word_is_a_recipe_unless_it_is_an_override(
    recipe: str | None, name: str | None, words: list[str]
) -> None:
    assert split_words(recipe, ["a.b=1"], weights=None) == (name, words)


def test_a_file_of_weights_is_an_override(tmp_path: Path) -> None:
    file = tmp_path / "it's.pth"
    _, words = split_words(None, [], weights=str(file))
    recipe = read_recipe("name: a\ndata: {name: a}\nmodel: {name: a}", where="x", overrides=words)
    assert recipe.model.encoder_weights == str(file)


@pytest.mark.slow
def test_every_command_about_plans_runs_as_written(
    run_cli,  # noqa: ANN001
    own_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(own_folder.parent)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = "".join(blocks).splitlines()
    assert len(lines) == 4
    for line in lines:
        code, _, err = run_cli(*shlex.split(line)[1:])
        assert code == 0, f"{line}\n{err}"
    assert "# CLASSES ARE GUESSED" in Path("mine.yaml").read_text()
