"""The command that lists runs, called as a user would."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tessella.run import Run

RunCli = Callable[..., tuple[int, str, str]]


def test_runs_are_listed_below_the_folder_runs(
    run_cli: RunCli, tiny_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_run.path, tmp_path / "runs" / "first")
    monkeypatch.chdir(tmp_path)
    code, out, err = run_cli("runs")
    head, line = out.splitlines()
    assert (code, err) == (0, "")
    assert head.split()[:4] == ["run", "state", "epochs", "recipe"]
    assert line.split()[:5] == ["runs/first", "finished", "2/2", "tiny", "plain_unet"]


def test_other_folders_can_be_named_and_one_document_printed(
    run_cli: RunCli, tiny_run: Run, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        shutil.copytree(tiny_run.path, tmp_path / name / "run")
    (tmp_path / "b" / "other").mkdir()
    (tmp_path / "b" / "other" / "recipe.yaml").write_text("soup")
    code, out, _ = run_cli("runs", tmp_path / "a", tmp_path / "b", "--sort", "name", "--json")
    document = json.loads(out)
    assert code == 0
    assert [row["path"] for row in document["runs"]] == [f"{tmp_path}/{n}/run" for n in "ab"]
    assert document["unreadable"][0]["path"] == f"{tmp_path}/b/other"


def test_without_any_run_that_is_said(run_cli: RunCli, tmp_path: Path) -> None:
    assert run_cli("runs", tmp_path) == (0, "", f"no runs below {tmp_path}\n")
    assert json.loads(run_cli("runs", tmp_path, "--json")[1]) == {"runs": [], "unreadable": []}


def test_a_folder_that_is_not_there_is_wrong_usage(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_cli("runs") == (
        2,
        "",
        "error: runs: there is no such folder; name the one that holds your runs.\n",
    )


def test_an_order_that_is_unknown_is_wrong_usage(run_cli: RunCli, tmp_path: Path) -> None:
    code, _, err = run_cli("runs", tmp_path, "--sort", "size")
    assert code == 2
    assert "'score', 'date', 'name'" in err
