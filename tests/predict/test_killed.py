"""Workers that are killed, stopped, or run out of disk: nothing is lost, nothing is done twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tessella.atomic import leftovers
from tessella.predict import predict
from tessella.predict.write import OUTPUTS
from tessella.predictor import load

pytestmark = pytest.mark.processes

Listed = Callable[..., Path]

NUM_IMAGES = 60


@pytest.fixture(scope="module")
def image_list(listed: Listed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return listed(tmp_path_factory.mktemp("in"), NUM_IMAGES, size=(150, 110))


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tessella", "predict", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # in the background of a shell Ctrl-C is ignored, and a child inherits that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )


def wait_for_lines(process: subprocess.Popen[str], manifest: Path, count: int) -> None:
    """Until the manifest has so many lines, or the process has ended."""
    while process.poll() is None:
        if manifest.is_file() and manifest.read_bytes().count(b"\n") >= count:
            return
        time.sleep(0.001)


def num_lines(manifest: Path) -> int:
    return manifest.read_bytes().count(b"\n") if manifest.is_file() else 0


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def indices(manifest: Path) -> list[int]:
    return [json.loads(line)["index"] for line in manifest.read_text().splitlines()[1:]]


@pytest.mark.slow
def test_a_worker_killed_again_and_again_loses_and_duplicates_nothing(
    exported_classes: Path, image_list: Path, tmp_path: Path
) -> None:
    save = [output for output in OUTPUTS if output != "probabilities"]
    predict(load(exported_classes), [str(image_list)], out=tmp_path / "whole", save=save)
    out, rng, kills = tmp_path / "out", random.Random(0), 0
    manifest = out / "manifest" / "0-of-1.jsonl"
    words = (exported_classes, image_list, "--out", out, "--save", ",".join(save))
    while True:
        process = start(*words)
        if kills < 8:  # soon after it has begun, at any moment of its work
            wait_for_lines(process, manifest, num_lines(manifest) + 1)
            time.sleep(rng.uniform(0, 0.05))
            if process.poll() is None:
                process.kill()
                process.communicate()
                kills += 1
                continue
        printed, errors = process.communicate()
        assert process.returncode == 0, errors
        break
    assert kills >= 3
    assert f"shard 0/1: {NUM_IMAGES} images, " in printed
    assert indices(manifest) == list(range(NUM_IMAGES))
    written = content(out)
    del written["manifest/0-of-1.jsonl"]
    assert written == content(tmp_path / "whole")
    assert not [left for folder in (out, out / "images") for left in leftovers(folder)]


@pytest.mark.slow
def test_shards_at_work_at_once_make_up_the_whole(
    exported_classes: Path, image_list: Path, tmp_path: Path
) -> None:
    predict(load(exported_classes), [str(image_list)], out=tmp_path / "whole", save=["mask"])
    out = tmp_path / "out"
    words = (exported_classes, image_list, "--out", out, "--save", "mask", "--shard")
    workers = [start(*words, f"{index}/3") for index in range(3)]
    said = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert any(f"all shards: {NUM_IMAGES} of {NUM_IMAGES} images done" in text for text in said)
    assert {name: text for name, text in content(out).items() if "manifest" not in name} == content(
        tmp_path / "whole"
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_worker_that_is_asked_to_leave_says_how_to_go_on(
    number: signal.Signals, exported_classes: Path, image_list: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    manifest = out / "manifest" / "0-of-1.jsonl"
    words = (exported_classes, image_list, "--out", out)
    process = start(*words)
    wait_for_lines(process, manifest, 3)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    done = len(indices(manifest))
    assert errors.splitlines()[-1] == (
        f"stopped by {number.name} after {done} of {NUM_IMAGES} images; the same command goes on "
        "from there."
    )
    assert not leftovers(out / "images")
    rest = start(*words)
    assert f"{done} done before, {NUM_IMAGES - done} done now" in rest.communicate()[0]
    assert indices(manifest) == list(range(NUM_IMAGES))


def test_a_full_disk_ends_it_and_what_was_done_is_kept(
    exported_classes: Path, listed: Listed, picture: Callable[..., Path], tmp_path: Path
) -> None:
    """The system lets no file grow beyond 300 kB, as on a full disk; the third overlay would."""
    file, out = listed(tmp_path, 4), tmp_path / "out"
    picture(tmp_path / "images" / "002.png", size=(700, 500))
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000,) * 2)\n"
        "from tessella.cli import main; main()"
    )
    words = ["predict", exported_classes, file, "--out", out, "--save", "overlay"]
    process = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1] == (
        f"error: {out / 'images' / '002_overlay.png'}: File too large."
    )
    manifest = out / "manifest" / "0-of-1.jsonl"
    assert indices(manifest) == [0, 1]
    again = start(*words[1:])
    assert "4 images, 2 done before, 2 done now" in again.communicate()[0]
    assert indices(manifest) == [0, 1, 2, 3]


def test_a_shard_that_is_being_computed_is_refused_to_a_second_worker(
    exported_classes: Path, image_list: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = (exported_classes, image_list, "--out", out)
    first = start(*words)
    wait_for_lines(first, out / "manifest" / "0-of-1.jsonl", 2)
    os.kill(first.pid, signal.SIGSTOP)
    second = start(*words)
    _, errors = second.communicate()
    assert second.returncode == 1
    assert "0-of-1.jsonl: another process is computing shard 0/1; wait for it" in errors
    os.kill(first.pid, signal.SIGCONT)
    assert f"{NUM_IMAGES} done now" in first.communicate()[0]
    assert indices(out / "manifest" / "0-of-1.jsonl") == list(range(NUM_IMAGES))
