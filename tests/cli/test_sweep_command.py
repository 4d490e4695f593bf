"""`tessella sweep` as a person types it."""

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tessella.run import Run

pytestmark = pytest.mark.processes

LOADED = """
import sys
from tessella import cli
sys.argv = ["tessella", *sys.argv[1:]]
try:
    cli.main()
except SystemExit as stop:
    print(stop.code)
print("loaded", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def loaded_by(*words: str) -> tuple[str, set[str]]:
    """All that was printed, and the libraries that were loaded."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words], capture_output=True, text=True, check=True
    )
    *_, last = done.stdout.splitlines()
    return done.stdout + done.stderr, set(last.split()[1:])


def test_help_loads_nothing_heavy() -> None:
    text, libraries = loaded_by("sweep", "--help")
    assert "KEY.PATH=A,B,C" in text
    assert not {"torch", "optuna", "numpy"} & libraries


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["optimizer.lrr=1,2"], "optimizer.lrr: unknown key; did you mean 'lr'?"),
        (["optimizer.lr=1e-4..1e-2"], "say how many combinations to try, for example --trials 20"),
        (["optimizer.lr=1,2", "--out", "."], ".: is not empty; choose another --out"),
    ],
)
def test_what_is_wrong_with_the_words_is_told_before_torch_is_loaded(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.txt").touch()
    monkeypatch.chdir(tmp_path)
    text, libraries = loaded_by("sweep", "demo", *words)
    assert message in text
    assert text.splitlines()[0] == "2"
    assert not {"torch", "optuna"} & libraries


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no recipe given; write it before the choices"),
        (["optimizer.lr=1,2"], "no recipe given; write it before the choices"),
        (["demmo", "optimizer.lr=1,2"], "no recipe is called 'demmo'; did you mean 'demo'?"),
        (["demo"], "nothing varies; give a key several values or a range"),
        (["demo", "optimizer.lr=1"], "nothing varies"),
        (["demo", "optimizer.lr"], "'optimizer.lr' is not key.path=values"),
        (["demo", "optimizer.lr=1,x"], "override 'optimizer.lr=x': optimizer.lr: Input should be"),
        (["demo", "optimizer.lr=1,2", "--trials", "0"], "--trials 0: give a whole number from 1"),
        (["demo", "optimizer.lr=1,2", "--warm-up", "0"], "--warm-up 0: give a whole number from 1"),
        (["demo", "optimizer.lr=1,2", "--seed", "-1"], "--seed -1: give a whole number from 0 up"),
        (
            ["--resume", "absent"],
            "absent: does not exist; expected the folder that `tessella sweep`",
        ),
        (["--resume", "."], ".: is no sweep (it has no sweep.yaml)"),
        (
            ["demo", "optimizer.lr=1,2", "--resume", "absent", "--seed", "0"],
            "--resume goes on with the sweep's own recipe and choices; leave out recipe, choices, "
            "seed.",
        ),
        (["demo", "optimizer.lr=1,2", "--give-up", "3"], "--give-up is about a trial of a sweep"),
        (["demo", "optimizer.lr=1,2", "--retry", "3"], "--retry is about a trial of a sweep"),
        (["--resume", "absent", "--no-prune"], "--resume goes on with the sweep's own way of"),
    ],
)
def test_wrong_usage_ends_with_2_and_one_line(
    run_cli,  # noqa: ANN001
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run_cli("sweep", *words)
    assert code == 2
    assert err.startswith(f"error: {message}")
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_sweep_ends_with_a_table_the_best_and_what_to_type(
    run_cli,  # noqa: ANN001
    own_folder: Path,
    tmp_path: Path,
) -> None:
    code, out, err = run_cli(
        *("sweep", own_folder / "tiny.yaml", "--data", own_folder, "--out", tmp_path / "a sweep"),
        *("optimizer.lr=1e-2,1e-3", "augment.crop=[16, 16],[8, 8]", "augment.flip=0"),
    )
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split() == [
        *("rank", "lr", "crop", "mean", "IoU", "trial", "epoch", "epochs", "time", "state"),
    ]
    assert len(lines[1 : lines.index("")]) == 4
    (again,) = (line.removeprefix("again     ") for line in lines if line.startswith("again"))
    words = shlex.split(again)
    assert words[:6] == [
        *("tessella", "train", str(own_folder / "tiny.yaml")),
        *("--data", str(own_folder), "augment.flip=0"),
    ]
    # the words that are to be typed train the very recipe of the best run
    (run,) = (line.removeprefix("run       ") for line in lines if line.startswith("run"))
    code, out, _ = run_cli(*words[1:], "--out", tmp_path / "again")
    assert code == 0
    assert Run(tmp_path / "again").recipe() == Run(Path(run)).recipe()
    (evaluate,) = (line.removeprefix("Next: ") for line in lines if line.startswith("Next"))
    assert run_cli(*shlex.split(evaluate)[1:], "--split", "val")[0] == 0


def test_a_sweep_that_ended_shows_its_table_again(
    run_cli,  # noqa: ANN001
    own_folder: Path,
    tmp_path: Path,
) -> None:
    words = ("sweep", own_folder / "tiny.yaml", "--data", own_folder, "optimizer.lr=1e-2,1e-3")
    code, out, _ = run_cli(*words, "--out", tmp_path / "sweep")
    assert code == 0
    assert run_cli("sweep", "--resume", tmp_path / "sweep")[:2] == (0, out)


def test_without_out_it_lies_below_runs(
    run_cli,  # noqa: ANN001
    own_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("sweep", own_folder / "tiny.yaml", "--data", own_folder, "optimizer.lr=1e-2,1e-3")
    assert run_cli(*words)[0] == 0
    (place,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"tiny-sweep-\d{8}-\d{6}", place.name)


def test_when_all_trials_fail_the_exit_code_is_1_and_each_says_why(
    run_cli,  # noqa: ANN001
    own_folder: Path,
    tmp_path: Path,
) -> None:
    code, out, err = run_cli(
        *("sweep", own_folder / "tiny.yaml", "--data", own_folder, "--out", tmp_path / "sweep"),
        *("optimizer.lr=1e30,1e31", "train.epochs=9"),
    )
    assert code == 1
    assert [line.split()[-1] for line in out.splitlines()[1:3]] == ["failed", "failed"]
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert [line[:31] for line in errors] == [
        f"error: trial {number}: the loss became" for number in (1, 2)
    ]


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(own_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "sweep"
    words = [sys.executable, "-m", "tessella", "sweep", own_folder / "tiny.yaml"]
    options = ["--data", own_folder, "--out", path, "train.epochs=500", "optimizer.lr=1e-2,1e-3"]
    process = subprocess.Popen(
        [*map(str, [*words, *options])],
        stderr=subprocess.PIPE,
        text=True,
        # in the background of a shell tests inherit that Ctrl-C is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch 2/"):
            break
    process.send_signal(signal.SIGINT)
    said = process.stderr.read()
    assert process.wait() == 130
    assert "SIGINT: saving" in said
    last = said.splitlines()[-1]
    assert last.startswith("stopped by SIGINT in trial 1 of 2, after epoch ")
    assert last.endswith(f"nothing is lost, go on by: tessella sweep --resume {path}")
