"""The command that draws figures, called as a user would."""

import re
import shutil
from pathlib import Path

import pytest

from tessella.run import Run

PAGE = Path(__file__).parents[2] / "docs" / "figures.md"


def commands() -> list[list[str]]:
    """The words after `tessella` of every command on the page about figures."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [line.split()[1:] for block in blocks for line in block.splitlines()]


def test_every_command_of_the_page_about_figures_runs_as_written(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(tiny_run.path, tmp_path / "runs" / "demo")
    monkeypatch.chdir(tmp_path)
    assert len(commands()) >= 4
    for words in commands():
        code, out, err = run_cli(*words)
        assert code == 0, f"{words}\n{err}"
        assert all(Path(line).is_file() for line in out.splitlines())
        assert out.strip()


def test_the_page_names_every_figure_that_is_drawn_by_default(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    tmp_path: Path,
) -> None:
    run_cli("figures", tiny_run.path, "--out", tmp_path, "--index", "0")
    listed = set(re.findall(r"^\| `([\w-]+\.\w+)` \|", PAGE.read_text(), re.MULTILINE))
    (sample,) = [p.stem.removeprefix("panel-") for p in tmp_path.glob("panel-*.png")]
    assert {path.name.replace(sample, "NAME") for path in tmp_path.iterdir()} == listed


def test_help_names_every_figure(run_cli) -> None:  # noqa: ANN001
    from tessella.figures.figures import FIGURES

    _, out, _ = run_cli("figures", "--help")
    assert [name for name in FIGURES if name not in out] == []


@pytest.mark.parametrize(
    "words", [("--index", "0,1"), ("--index", "0", "--index", "1"), ("--index", "0, 1")]
)
def test_indices_come_with_commas_or_one_by_one(
    words: tuple[str, ...],
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    tmp_path: Path,
) -> None:
    code, out, _ = run_cli(
        "figures", tiny_run.path, "--only", "panel", *words, "--out", tmp_path, "--device", "cpu"
    )
    assert code == 0
    assert len(out.splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--index", "two"), "--index: 'two' is no whole number; give numbers from 0 up with comm"),
        (("--index", "-1"), "there is no -1; give one of these."),
        (("--index", "77"), "samples, 0..7; there is no 77; give one of these."),
        (("--name", "vol-00003"), "is called 'vol-00003'; did you mean 'val-00003'"),
        (("--only", "histogramm"), "no figure is called 'histogramm'; did you mean 'histogram'?"),
        (("--only", ","), "none is named; name some of classes, curves"),
        (("--split", "vall"), "did you mean 'val'"),
    ],
)
def test_a_wrong_choice_is_wrong_usage(
    words: tuple[str, ...],
    error: str,
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    tmp_path: Path,
) -> None:
    code, out, err = run_cli("figures", tiny_run.path, *words, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert error in err
    assert not (tmp_path / "out").exists()


def test_what_a_model_folder_lacks_is_said_on_stderr(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    tmp_path: Path,
) -> None:
    code, out, err = run_cli(
        *("figures", tiny_run.model_folder, "--recipe", tiny_run.recipe_file),
        *("--index", "0", "--out", tmp_path),
    )
    assert code == 0
    assert err.startswith(f"left out: {tiny_run.model_folder}: has no epoch in history.csv")
    assert "curves" not in out
