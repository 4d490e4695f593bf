"""A run that was killed, anywhere, goes on to the weights of one that was not."""

import ctypes
import filecmp
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from tessella.recipe import Recipe
from tessella.run import Run
from tessella.stop import StoppedError
from tessella.train import resume, train
from tessella.train.history import read_history

pytestmark = pytest.mark.processes

MakeRecipe = Callable[..., Recipe]

# dropout draws from the global generator at every step; three steps of two batches an epoch
WORDS = (
    *("model.name=plain_unet", "model.options={depth: 2, base_channels: 4, dropout: 0.3}"),
    *("data.options={count: 24, height: 33, width: 47}", "train.epochs=3", "train.ema_decay=0.9"),
    *("train.accumulate=2", "train.validate_every=1"),
)
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1  # prctl(2), capabilities(7)
TIMES = ("seconds", "images_per_second")


@pytest.fixture(scope="module")
def recipe(recipe_of: MakeRecipe) -> Recipe:
    return recipe_of(*WORDS)


@pytest.fixture(scope="module")
def whole(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run that nobody stopped; tests read it and never write into it."""
    return train(recipe, out=tmp_path_factory.mktemp("whole") / "run")


def content(path: Path) -> dict[str, object]:
    return torch.load(path, weights_only=True)


def assert_same(left: object, right: object, *, where: str = "") -> None:
    assert type(left) is type(right), where
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right), where  # type: ignore[arg-type]
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), where  # type: ignore[attr-defined]
        for key in left:
            assert_same(left[key], right[key], where=f"{where}.{key}")  # type: ignore[index]
    elif isinstance(left, list):
        assert len(left) == len(right), where  # type: ignore[arg-type]
        for number, pair in enumerate(zip(left, right, strict=True)):  # type: ignore[call-overload]
            assert_same(*pair, where=f"{where}[{number}]")
    else:
        assert left == right or (left != left and right != right), where


def assert_as_never_stopped(run: Run, whole: Run) -> None:
    """Every number of the state but how long things took, the model, and the history."""
    for name in ("last_checkpoint", "best_checkpoint"):
        states = [content(getattr(one, name)) for one in (run, whole)]
        for state in states:
            state["rows"] = [row[:-2] for row in state["rows"]]  # type: ignore[index, attr-defined]
        assert_same(states[0], states[1], where=name)
    for file in ("model.safetensors", "card.json"):
        if (whole.model_folder / file).exists():
            assert filecmp.cmp(run.model_folder / file, whole.model_folder / file, shallow=False)
    histories = [read_history(one.history_file) for one in (run, whole)]
    for row in (row for history in histories for row in history):
        for name in TIMES:
            del row[name]
    assert histories[0] == histories[1]
    assert not list(run.path.rglob("*.partial"))


class Asking:
    """A Track that sends a signal in the middle of a pass."""

    def __init__(self, number: signal.Signals, *, about: str, turn: int, item: int) -> None:
        self.number, self.about, self.turn, self.item = number, about, turn, item
        self.turns = 0

    def __call__(self, items, *, about, total, size):  # noqa: ANN001, ANN204, ARG002
        self.turns += about == self.about
        for index, item in enumerate(items):
            if (about, self.turns, index) == (self.about, self.turn, self.item):
                os.kill(os.getpid(), self.number)
            yield item


@pytest.fixture
def _signals_arrive():  # noqa: ANN202
    """Where tests run in the background, the shell has them ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_signals_arrive")
@pytest.mark.parametrize(
    ("number", "about", "turn", "item", "said"),
    [
        (signal.SIGINT, "train", 1, 0, "after epoch 0 of 3 and 1 steps of the next"),
        (signal.SIGTERM, "train", 2, 3, "after epoch 1 of 3 and 2 steps of the next"),
        (signal.SIGUSR1, "train", 3, 5, "after epoch 2 of 3 and 3 steps of the next"),
        (signal.SIGTERM, "validate", 2, 0, "after epoch 1 of 3 and 3 steps of the next"),
    ],
)
def test_a_signal_saves_within_the_epoch_and_the_run_goes_on_bit_for_bit(
    number: signal.Signals,
    about: str,
    turn: int,
    item: int,
    said: str,
    recipe: Recipe,
    whole: Run,
    tmp_path: Path,
) -> None:
    """S0-B04, S3-B09: optimiser, schedule, random state, position and history, not the weights."""
    track = Asking(number, about=about, turn=turn, item=item)
    with pytest.raises(StoppedError, match=f"stopped by {number.name} {said}; nothing is lost"):
        train(recipe, out=tmp_path / "run", track=track)
    torch.manual_seed(99)  # what the process did since must not matter
    assert_as_never_stopped(resume(tmp_path / "run"), whole)


def test_a_run_with_nothing_saved_starts_with_the_first_epoch(
    recipe: Recipe, whole: Run, tmp_path: Path
) -> None:
    class KilledError(Exception):
        pass

    def die(items, *, about, total, size):  # noqa: ANN001, ANN202
        if about == "train":
            raise KilledError
        yield from items

    with pytest.raises(KilledError):
        train(recipe, out=tmp_path / "run", track=die)
    run = Run(tmp_path / "run")
    run.leaks_file.unlink()  # as if the process had been killed even before
    run.labels_file.unlink()
    (run.path / ".labels.json.0a1b2c3d.partial").touch()
    assert_as_never_stopped(resume(run.path), whole)
    assert run.labels_file.is_file()


def test_the_recipe_is_the_first_thing_in_a_run(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is killed before it leaves a folder that is as good as empty, after it can resume."""
    written: list[list[str]] = []

    class KilledError(Exception):
        pass

    def die(path: Path, _content: str) -> None:
        written.append(sorted(one.name for one in path.parent.iterdir()))
        (path.parent / f".{path.name}.0a1b2c3d.partial").touch()
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("tessella.run.write_text", die)
        for _ in range(2):  # the second time into what the first left
            with pytest.raises(KilledError):
                train(recipe, out=tmp_path / "run")
    assert written == [[".lock"], [".lock"]]


@pytest.fixture
def two_epochs(recipe: Recipe, tmp_path: Path) -> Run:
    """Stopped when two of three epochs were done."""
    track = Asking(signal.SIGTERM, about="validate", turn=3, item=0)
    with pytest.raises(StoppedError):
        train(recipe, out=tmp_path / "run", track=track)
    return Run(tmp_path / "run")


@pytest.mark.parametrize("left", [0, 100, -1])
def test_a_damaged_last_state_is_told_and_the_one_before_is_taken(
    left: int, two_epochs: Run, whole: Run, caplog: pytest.LogCaptureFixture
) -> None:
    last = two_epochs.last_checkpoint
    kept = last.read_bytes()
    last.unlink()
    last.write_bytes(kept[:left])
    resume(two_epochs.path)
    assert "last.pt: the checkpoint is damaged" in caplog.text
    assert "Going on from previous.pt instead." in caplog.text
    assert_as_never_stopped(two_epochs, whole)


def test_where_every_state_is_damaged_the_last_is_named(two_epochs: Run) -> None:
    for path in two_epochs.last_checkpoint.parent.iterdir():
        path.unlink()
        path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"last\.pt: the checkpoint is damaged"):
        resume(two_epochs.path)


def test_where_the_states_are_gone_but_epochs_were_trained_nothing_is_begun_anew(
    two_epochs: Run,
) -> None:
    """It would overwrite the model and the history of what was trained."""
    shutil.rmtree(two_epochs.last_checkpoint.parent)
    history = two_epochs.history_file.read_text()
    with pytest.raises(ValueError, match=r"holds no state, but history\.csv has epochs"):
        resume(two_epochs.path)
    assert two_epochs.history_file.read_text() == history


def test_data_that_was_moved_is_found_where_it_is_now(
    recipe_of: MakeRecipe, tmp_path: Path
) -> None:
    recipe = recipe_of("train.epochs=1", f"data.root={tmp_path / 'old'}")
    run = train(recipe, out=tmp_path / "run")
    resume(run.path, more_epochs=1, root=tmp_path / "new")
    assert run.recipe().data.root == tmp_path / "new"
    assert run.environment()["lengthened"] == [{"after": 1, "from": 1, "to": 2}]


def test_what_was_being_written_after_the_state_is_written_again(
    recipe_of: MakeRecipe, tmp_path: Path
) -> None:
    """As if the process had been killed between `last.pt` and all that follows from it."""
    run = train(recipe_of(*WORDS[:-2], "train.epochs=1"), out=tmp_path / "run")
    twin = Run(shutil.copytree(run.path, tmp_path / "twin"))
    for path in (twin.best_checkpoint, twin.history_file):
        path.unlink()
    shutil.rmtree(twin.model_folder)
    (twin.last_checkpoint.parent / ".best.pt.0a1b2c3d.partial").write_bytes(b"half")
    resume(twin.path)
    assert_as_never_stopped(twin, run)


def test_a_rate_that_dropped_at_an_epochs_end_is_that_of_the_next_step_resumed_or_not(
    recipe_of: MakeRecipe, tmp_path: Path
) -> None:
    still = ("optimizer.lr=1e-30", "model.options.norm=group")
    plateau = "schedule={name: plateau, patience: 1, gamma: 0.1}"
    run = train(recipe_of(*WORDS, *still, plateau), out=tmp_path / "run")
    rates = [row[8] for row in content(run.last_checkpoint)["rows"]]  # type: ignore[attr-defined]
    # the second epoch brought nothing better
    assert rates == pytest.approx([1e-30, 1e-30, 1e-31], rel=1e-9, abs=0)
    twin = Run(shutil.copytree(run.path, tmp_path / "twin"))
    twin.last_checkpoint.write_bytes(b"")  # the state after the second is taken
    resume(twin.path)
    assert_as_never_stopped(twin, run)


def test_disk_holds_three_states_at_most(whole: Run) -> None:
    names = sorted(path.name for path in whole.last_checkpoint.parent.iterdir())
    assert names == ["best.pt", "last.pt", "previous.pt"]


COMMAND = """
import sys
from tessella.cli import main
sys.argv = ["tessella", *sys.argv[1:]]
main()
"""


def command(*words: object) -> list[str]:
    return [sys.executable, "-c", COMMAND, *map(str, words)]


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_with_the_same_weights(
    recipe: Recipe, whole: Run, tmp_path: Path
) -> None:
    """SIGKILL leaves no time to save; the moments fall into steps, saves and validation alike."""
    file, out = tmp_path / "recipe.yaml", tmp_path / "run"
    file.write_text(recipe.to_yaml())
    rng = random.Random(0)
    kills = 0
    for _ in range(40):
        begun = (out / "recipe.yaml").exists()
        words = ("--resume", out) if begun else (file, "--out", out)
        process = subprocess.Popen(
            command("train", *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        wait_for_start(process, out)
        try:
            printed, _ = process.communicate(timeout=rng.uniform(0.0, 0.6) if kills < 8 else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            continue
        assert process.returncode == 0, printed
        break
    assert kills >= 3
    assert_as_never_stopped(Run(out), whole)


def wait_for_start(process: subprocess.Popen[str], out: Path) -> None:
    """Until the process says what it trains; loading takes longer than training here."""
    assert process.stdout is not None
    for line in process.stdout:
        if "training and" in line:
            return


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_the_command_ends_with_one_line_that_says_how_to_go_on(
    number: signal.Signals, recipe_of: MakeRecipe, tmp_path: Path
) -> None:
    file, out = tmp_path / "recipe.yaml", tmp_path / "run"
    file.write_text(recipe_of("train.epochs=5000").to_yaml())
    process = subprocess.Popen(
        command("train", file, "--out", out),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # in the background of a shell Ctrl-C is ignored, and a child inherits that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    wait_for_start(process, out)
    time.sleep(0.5)
    process.send_signal(number)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"tessella train --resume {out}" in printed.splitlines()[-1]
    assert "Traceback" not in printed


@pytest.mark.slow
def test_a_full_disk_ends_the_run_and_what_was_kept_is_kept(
    recipe_of: MakeRecipe, tmp_path: Path
) -> None:
    """The system lets no file grow as large as a state is, as on a full disk."""
    file, out = tmp_path / "recipe.yaml", tmp_path / "run"
    file.write_text(recipe_of(*WORDS, "train.epochs=1").to_yaml())
    subprocess.run(command("train", file, "--out", out), check=True, capture_output=True)
    before = (out / "checkpoints" / "last.pt").read_bytes()
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) - 1000},) * 2)"
    limited = f"import resource; {limit}\n{COMMAND}"
    words = [sys.executable, "-c", limited, "train", "--resume", str(out), "--more", "1"]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1].endswith("last.pt: File too large.")
    assert (out / "checkpoints" / "last.pt").read_bytes() == before
    assert not list(out.rglob("*.partial"))
    subprocess.run(command("train", "--resume", out), check=True, capture_output=True)


def without_root() -> None:
    """Modes of files count for the process that comes, even where root starts it (Linux)."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that processes of `without_root` cannot write into."""
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o555)
    words = [sys.executable, "-c", "import os, sys; sys.exit(os.access(sys.argv[1], os.W_OK))"]
    if subprocess.run([*words, folder], preexec_fn=without_root, check=False).returncode:  # noqa: PLW1509
        pytest.skip("this system cannot take from root the right to write anywhere")
    yield folder
    folder.chmod(0o755)


BECOMES_READ_ONLY = """
import os
from tessella.train import loop
keep = loop.keep_epoch
loop.keep_epoch = lambda *given: (keep(*given), os.chmod({folder!r}, 0o555))
"""


def train_without_root(*words: object, before: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"{before}{COMMAND}", "train", *map(str, words)],
        preexec_fn=without_root,  # noqa: PLW1509
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_read_only_folder_is_told_before_training(recipe: Recipe, read_only: Path) -> None:
    file, out = read_only.parent / "recipe.yaml", read_only / "run"
    file.write_text(recipe.to_yaml())
    found = train_without_root(file, "--out", out)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.splitlines() == [f"error: {out}: Permission denied."]


@pytest.mark.slow
@pytest.mark.parametrize("inner", [".", "checkpoints"])
def test_a_run_that_became_read_only_loses_nothing(
    inner: str, recipe: Recipe, whole: Run, read_only: Path
) -> None:
    file, out = read_only.parent / "recipe.yaml", read_only.parent / "run"
    file.write_text(recipe.to_yaml())
    becomes = BECOMES_READ_ONLY.format(folder=str(out / inner))
    found = train_without_root(file, "--out", out, before=becomes)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1].endswith(": Permission denied.")
    assert len(read_history(Run(out).history_file)) == 1
    before = Run(out).last_checkpoint.read_bytes()
    again = train_without_root("--resume", out)
    assert again.returncode == 1
    assert again.stderr.splitlines()[-1].endswith(": Permission denied.")
    assert Run(out).last_checkpoint.read_bytes() == before
    (out / inner).chmod(0o755)
    last = train_without_root("--resume", out)
    assert last.returncode == 0, last.stderr
    assert_as_never_stopped(Run(out), whole)
