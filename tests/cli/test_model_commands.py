"""The commands around a model, called as a user would."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tessella.run import Run


def test_recipes_lists_each_with_what_it_is(run_cli) -> None:  # noqa: ANN001
    _, out, _ = run_cli("recipes")
    assert {line.split()[0] for line in out.splitlines()} >= {"demo", "camvid", "folder"}
    assert all(len(line.split()) > 3 for line in out.splitlines())


def test_a_printed_recipe_is_a_recipe_file(run_cli, tmp_path: Path) -> None:  # noqa: ANN001
    _, out, _ = run_cli("recipes", "demo")
    (tmp_path / "mine.yaml").write_text(out)
    code, _, err = run_cli(
        "train", tmp_path / "mine.yaml", "train.epochz=1", "--out", tmp_path / "run"
    )
    assert (code, err) == (
        2,
        "error: override 'train.epochz=1': train.epochz: unknown key; did you mean 'epochs'?\n",
    )


def test_the_whole_path_on_ones_own_folder(run_cli, own_folder: Path, tmp_path: Path) -> None:  # noqa: ANN001
    run, out = tmp_path / "run", tmp_path / "out"
    assert run_cli("train", own_folder / "tiny.yaml", "--data", own_folder, "--out", run)[0] == 0
    code, table, _ = run_cli("evaluate", run)
    assert code == 0
    assert re.search(r"mean iou +\d\.\d{3} +\d\.\d{3}", table)
    code, text, _ = run_cli("evaluate", run, "--split", "val", "--json")
    assert 0 <= json.loads(text)["scores"]["mean_iou"] <= 1
    assert run_cli("predict", run, own_folder / "images", "--out", out)[0] == 0
    assert len(list(out.glob("*_mask.png"))) == len(list(out.glob("*_overlay.png"))) == 10
    code, place, _ = run_cli("report", run)
    assert code == 0
    assert Path(place.strip()).read_text().startswith("<!doctype html>")


def test_resume_goes_on_with_the_runs_own_recipe(run_cli, tiny_run: Run) -> None:  # noqa: ANN001
    code, out, _ = run_cli("train", "--resume", tiny_run.path)
    assert code == 0
    assert str(tiny_run.path) in out


def test_without_torch_recipes_are_still_listed() -> None:
    code = "import sys; sys.modules['torch'] = None\nfrom tessella.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "recipes"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_audit_lists_the_tutorials(run_cli) -> None:  # noqa: ANN001
    code, out, _ = run_cli("audit")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        *("voc2007", "camseq", "flowers17", "stanford2d3ds", "cityscapes")
    ]


def test_audit_sets_the_tutorials_number_beside_the_right_one(run_cli, tiny_run: Run) -> None:  # noqa: ANN001
    code, out, _ = run_cli("audit", "cityscapes", tiny_run.path)
    assert code == 0
    assert re.search(r"Validation Loss +\d+\.\d{3} +loss +\d\.\d{3}", out)
    assert re.search(r"IoU +n/a +mean iou +\d\.\d{3}", out)
    assert "S4-B02" in out


def test_audit_as_json_is_one_document(run_cli, tiny_run: Run) -> None:  # noqa: ANN001
    code, out, _ = run_cli("audit", "voc2007", tiny_run.path, "--json")
    assert code == 0
    assert json.loads(out)["tutorial"] == "voc2007"


def test_audit_without_a_run_says_how_to_get_one(run_cli) -> None:  # noqa: ANN001
    code, _, err = run_cli("audit", "camseq")
    assert code == 2
    assert "tessella audit camseq runs/demo" in err


def test_a_finished_run_goes_on_for_more_epochs(
    run_cli,  # noqa: ANN001
    own_folder: Path,
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    assert run_cli("train", own_folder / "tiny.yaml", "--data", own_folder, "--out", run)[0] == 0
    assert run_cli("train", "--resume", run, "--more", 2)[0] == 0
    assert len((run / "history.csv").read_text().splitlines()) == 4


@pytest.mark.parametrize("words", [["--more", "2"], ["--resume", "x", "--more", "-1"]])
def test_more_epochs_need_a_run_and_a_number(run_cli, words: list[str]) -> None:  # noqa: ANN001
    code, _, err = run_cli("train", *words)
    assert code == 2
    assert "give epochs to add, from 1 up, and --resume RUN" in err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ("--data", "mine", "--out", "run"),
            "write the recipe first by `tessella plan --data ROOT",
        ),
        (("demo", "--budget", "5m", "--out", "run"), "write the recipe first by"),
        (("demo",), "several processes need one name for the run; give it by --out RUN"),
    ],
)
def test_what_processes_that_torchrun_started_would_disagree_on_is_refused(
    words: tuple[str, ...],
    reason: str,
    run_cli,  # noqa: ANN001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    for name, value in {**started, "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, value)
    code, _, said = run_cli("train", *words)
    assert code == 2
    assert reason in said
