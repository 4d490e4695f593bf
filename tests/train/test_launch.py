"""Several processes train as one would, and end together."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tessella.recipe import Recipe
from tessella.run import Run

pytestmark = [pytest.mark.slow, pytest.mark.processes]

MakeRecipe = Callable[..., Recipe]

# 25 images are 3 steps of 8 and one left out, and 13 + 12 to validate; group norm, because batch
# norm takes each process's own images; dropout is none, because each process draws its own
WORDS = (
    "data.options={count: 25, height: 33, width: 47}",
    "model.options={depth: 2, base_channels: 4, norm: group}",
    "train.epochs=2",
    "optimizer.clip_norm=1",
)
FEW = "data.options={count: 1, height: 33, width: 47}"
# long enough to be met in the middle
LONG = (
    *("train.devices=2", "train.epochs=4", "data.options={count: 200, height: 33, width: 47}"),
    *("model.options={depth: 2, base_channels: 4, dropout: 0.3}", "train.ema_decay=0.9"),
)


class Folder:
    """Runs `tessella train` as a process of its own, as a user does."""

    def __init__(self, path: Path, recipe_of: MakeRecipe) -> None:
        self.path, self._recipe_of = path, recipe_of
        self.started: list[subprocess.Popen[str]] = []

    def start(self, name: str, *words: str) -> subprocess.Popen[str]:
        file = self.path / f"{name}.yaml"
        file.write_text(self._recipe_of(*WORDS, *words).to_yaml())
        return self._command("train", file, "--out", self.path / name)

    def resume(self, name: str, *words: str) -> subprocess.Popen[str]:
        return self._command("train", "--resume", self.path / name, *words)

    def _command(self, *words: object, module: tuple[str, ...] = ("tessella",)) -> Any:
        process = subprocess.Popen(
            [sys.executable, "-m", *module, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # in the background of a shell Ctrl-C is ignored, and a child inherits that
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )
        self.started.append(process)
        return process

    def trained(self, name: str, *words: str) -> Run:
        return self.ended(name, self.start(name, *words))

    def ended(self, name: str, process: subprocess.Popen[str]) -> Run:
        printed, _ = process.communicate(timeout=300)
        assert process.returncode == 0, printed
        return Run(self.path / name)

    def torchrun(self, name: str, *words: str) -> Run:
        file = self.path / f"{name}.yaml"
        file.write_text(self._recipe_of(*WORDS, *words).to_yaml())
        module = ("torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "tessella")
        process = self._command("train", file, "--out", self.path / name, module=module)
        return self.ended(name, process)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, recipe_of: MakeRecipe) -> Iterator[Folder]:
    folder = Folder(tmp_path_factory.mktemp("ranks"), recipe_of)
    yield folder
    for process in folder.started:  # of a test that failed; those that it started end by themselves
        if process.poll() is None:
            process.kill()


@pytest.fixture(scope="module")
def alone(folder: Folder) -> Run:
    """One process, batches of 8."""
    return folder.trained("alone", "train.batch_size=8")


@pytest.fixture(scope="module")
def whole(folder: Folder) -> Run:
    """Two processes that nobody stopped, with all that draws at random."""
    return folder.trained("whole", *LONG)


def state_of(run: Run) -> dict[str, Any]:
    return torch.load(run.last_checkpoint, weights_only=True)


def figures_of(run: Run) -> list[list[float]]:
    """Every figure of every epoch but the two that are times."""
    return [row[:-2] for row in state_of(run)["rows"]]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ddp", ["train.batch_size=4"]),
        ("in-parts", ["train.batch_size=2", "train.accumulate=2"]),
        ("fsdp", ["train.batch_size=4", "train.strategy=fsdp"]),
    ],
)
def test_two_processes_with_batches_of_four_are_one_with_batches_of_eight(
    name: str, words: list[str], folder: Folder, alone: Run
) -> None:
    """The loss of both is divided by the labelled pixels of both, however these are spread."""
    run = folder.trained(name, "train.devices=2", *words)
    found, expected = state_of(run)["segmenter"], state_of(alone)["segmenter"]
    for key, tensor in expected.items():
        torch.testing.assert_close(found[key], tensor, rtol=1e-4, atol=2e-5)
    for row, wanted in zip(figures_of(run), figures_of(alone), strict=True):
        assert row == pytest.approx(wanted, rel=2e-3)
    environment = json.loads(run.environment_file.read_text())
    assert environment["processes"] == 2


FROZEN = ("model.freeze=['network.encoder.*']", "model.unfreeze_epoch=2", "train.epochs=3")


@pytest.fixture(scope="module")
def unfrozen(folder: Folder) -> Run:
    """One process, batches of 8, the encoder from the second epoch on."""
    return folder.trained("unfrozen", "train.batch_size=8", *FROZEN)


def test_what_is_unfrozen_later_learns_from_the_images_of_all(
    folder: Folder, unfrozen: Run
) -> None:
    """DDP adds up what has a gradient at its beginning."""
    run = folder.trained("unfrozen-2", "train.devices=2", "train.batch_size=4", *FROZEN)
    found, expected = state_of(run)["segmenter"], state_of(unfrozen)["segmenter"]
    for key, tensor in expected.items():
        torch.testing.assert_close(found[key], tensor, rtol=1e-4, atol=2e-5)


def test_torchrun_starts_what_we_would(folder: Folder, alone: Run) -> None:
    run = folder.torchrun("torchrun", "train.batch_size=4")
    for row, wanted in zip(figures_of(run), figures_of(alone), strict=True):
        assert row == pytest.approx(wanted, rel=2e-3)


def test_validation_counts_every_image_once_however_many_processes_share_them(
    folder: Folder,
) -> None:
    """S3: a sampler that pads counts 25 images as 26. The weights stay as they are drawn."""
    still = ("optimizer.lr=1e-38", "optimizer.weight_decay=0", "train.epochs=1")
    rows = [
        figures_of(folder.trained(f"still-{count}", *still, f"train.devices={count}"))[0]
        for count in (1, 2)
    ]
    validation = slice(5, 8)  # mean IoU, macro F1 and pixel accuracy, as they were counted
    assert rows[0][validation] == rows[1][validation]
    assert rows[0][4] == pytest.approx(rows[1][4], rel=1e-6)  # the loss, a sum of floats


def wait_for(process: subprocess.Popen[str], line: str) -> str:
    assert process.stdout is not None
    said = ""
    for one in process.stdout:
        said += one
        if re.search(line, one):
            return said
    raise AssertionError(said)


def assert_same_weights(run: Run, whole: Run) -> None:
    for key in ("segmenter", "average"):
        for name, tensor in state_of(whole)[key].items():
            # the second process's own statistics of norm layers count nowhere
            assert torch.equal(state_of(run)[key][name], tensor), f"{key}.{name}"
    assert figures_of(run) == figures_of(whole)


def test_a_signal_to_the_command_saves_what_all_have_done(folder: Folder, whole: Run) -> None:
    """The same step in both, and then the same weights, bit for bit."""
    process = folder.start("stopped", *LONG)
    wait_for(process, "epoch 1/4")
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM, printed
    last = printed.strip().splitlines()[-1]
    assert last.startswith("stopped by SIGTERM after epoch"), printed
    assert printed.count("SIGTERM: saving") == 1
    assert_same_weights(folder.ended("stopped", folder.resume("stopped")), whole)


def children_of(pid: int) -> list[int]:
    """Those that train, the first rank first."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(pid)],
        capture_output=True,
        text=True,
        check=False,  # 1: there are none
    )
    lines = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
    return [int(number) for number, arguments in lines if "spawn_main" in arguments]


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.parametrize("moment", ["they start", "they train"])
def test_ctrl_c_is_no_success_and_no_traceback(moment: str, folder: Folder) -> None:
    process = folder.start(f"when {moment}", *LONG, "train.epochs=9999")
    if moment == "they train":
        wait_for(process, "epoch 1/9999")
    while len(ranks := children_of(process.pid)) < 2:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGINT, printed
    last = "stopped by SIGINT before training" if moment == "they start" else "train --resume"
    assert last in printed.strip().splitlines()[-1], printed
    assert "Traceback" not in printed
    assert "Next: " not in printed
    assert not any(map(is_running, ranks))


def test_a_process_that_is_killed_ends_the_others_with_a_message_and_the_run_goes_on(
    folder: Folder, whole: Run
) -> None:
    process = folder.start("killed", *LONG)
    wait_for(process, "epoch 1/4")
    ranks = children_of(process.pid)
    assert len(ranks) == 2
    os.kill(ranks[0], signal.SIGKILL)  # the one that writes
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 1, printed
    assert "of 2 was ended by SIGKILL and the others with it" in printed
    assert "Traceback" not in printed
    assert not any(map(is_running, ranks))
    assert_same_weights(folder.ended("killed", folder.resume("killed")), whole)


@pytest.fixture
def endless(folder: Folder) -> Iterator[subprocess.Popen[str]]:
    process = folder.start("endless", "train.devices=2", "train.epochs=90000")
    wait_for(process, "epoch 1/")
    yield process
    process.kill()
    process.communicate()


def test_when_the_command_is_killed_the_others_save_and_end(
    endless: subprocess.Popen[str], folder: Folder
) -> None:
    ranks = children_of(endless.pid)
    second = folder.resume("endless")  # somebody is impatient
    printed, _ = second.communicate(timeout=120)
    assert second.returncode == 2
    assert "another process is training in it" in printed
    endless.kill()
    end = time.monotonic() + 60
    while any(map(is_running, ranks)):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert state_of(Run(folder.path / "endless"))["rows"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["train.devices=2", FEW], 1, "1 training images cannot be shared by 2 processes"),
        (["train.devices=2", "optimizer.lr=1e30"], 1, "the loss became (nan|inf) at"),
        (["train.nodes=2"], 2, "start the processes on each machine by torchrun or Slurm"),
        (["train.devices=2", "train.sync_norm=true"], 2, "on GPUs only"),
    ],
)
def test_what_one_process_finds_wrong_is_said_once(
    words: list[str], code: int, said: str, folder: Folder
) -> None:
    process = folder.start("wrong" + "".join(filter(str.isalnum, words[-1])), *words)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == code, printed
    assert len(re.findall(f"error: .*{said}", printed)) == 1, printed
    assert "Traceback" not in printed


WATCHING = """
import sys
from pathlib import Path
from tessella.recipe import read_recipe
from tessella.train import train

class EnoughError(Exception):
    pass

def main():
    told = []
    def watch(row):
        told.append(row.epoch)
        if row.epoch == 2:
            raise EnoughError
    text = Path(sys.argv[1]).read_text()
    try:
        train(read_recipe(text, where="x"), out=Path(sys.argv[2]), after_epoch=watch)
    except EnoughError:
        print("told", *told)

if __name__ == "__main__":
    main()
"""


def test_who_watches_is_told_each_epoch_and_may_end_the_training(
    folder: Folder, recipe_of: MakeRecipe
) -> None:
    recipe = recipe_of(*WORDS, "train.devices=2", "train.epochs=9999")
    (folder.path / "watched.yaml").write_text(recipe.to_yaml())
    script = folder.path / "watching.py"
    script.write_text(WATCHING)
    done = subprocess.run(
        [sys.executable, script, folder.path / "watched.yaml", folder.path / "watched"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert done.stdout == "told 1 2\n"


def test_a_script_that_a_new_process_cannot_import_is_told(
    folder: Folder, recipe_of: MakeRecipe
) -> None:
    recipe = recipe_of(*WORDS, "train.devices=2")
    (folder.path / "unguarded.yaml").write_text(recipe.to_yaml())
    script = folder.path / "unguarded.py"
    script.write_text(WATCHING.replace('if __name__ == "__main__":\n    main()', "main()"))
    done = subprocess.run(
        [sys.executable, script, folder.path / "unguarded.yaml", folder.path / "unguarded"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 1
    assert "ended with exit code 1 and said nothing" in done.stderr.splitlines()[-1]
    assert "`if __name__ == '__main__':`" in done.stderr.splitlines()[-1]
