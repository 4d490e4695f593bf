"""Predicting as a user does it: a few images, a list, a shard, and what is said about each."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tessella.run import Run


@pytest.fixture
def image_list(own_folder: Path) -> Path:
    """Ten images, one a line."""
    file = own_folder / "list.txt"
    file.write_text("".join(f"images/{number}.png\n" for number in range(10)))
    return file


def test_predict_names_broken_images_and_ends_with_1(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    own_folder: Path,
    tmp_path: Path,
) -> None:
    truncated = own_folder / "images" / "3.png"
    truncated.write_bytes(truncated.read_bytes()[:50])
    code, out, err = run_cli("predict", tiny_run.path, own_folder / "images", "--out", tmp_path)
    assert code == 1
    assert err.count("error:") == 1
    assert "3.png: cannot read the image" in err
    assert out.startswith("18 files in ")


def test_a_few_images_leave_no_manifest(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    own_folder: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    for _ in range(2):
        code, text, _ = run_cli("predict", tiny_run.path, own_folder / "images", "--out", out)
        assert (code, text) == (0, f"20 files in {out}\n")
    assert not (out / "manifest").exists()


def test_a_list_is_predicted_once(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    image_list: Path,
    tmp_path: Path,
) -> None:
    words = ("predict", tiny_run.path, image_list, "--out", tmp_path / "out", "--save", "mask")
    manifest = tmp_path / "out" / "manifest" / "0-of-1.jsonl"
    assert run_cli(*words)[:2] == (
        0,
        f"shard 0/1: 10 images, 0 done before, 10 done now, 0 failed\nmanifest: {manifest}\n",
    )
    assert "10 images, 10 done before, 0 done now, 0 failed" in run_cli(*words)[1]
    assert len(list((tmp_path / "out" / "images").glob("*_mask.png"))) == 10


def test_each_shard_says_how_far_all_are(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    own_folder: Path,
    tmp_path: Path,
) -> None:
    said = [
        run_cli(
            *("predict", tiny_run.path, own_folder / "images", "--save", "mask"),
            *("--shard", f"{index}/3", "--out", tmp_path / "out"),
        )[1].splitlines()[:2]
        for index in range(3)
    ]
    assert said == [
        [f"shard {index}/3: {mine} images, 0 done before, {mine} done now, 0 failed", total]
        for index, mine, total in (
            (0, 4, "all shards: 4 of 10 images done"),
            (1, 3, "all shards: 7 of 10 images done"),
            (2, 3, "all shards: 10 of 10 images done"),
        )
    ]


def test_images_of_a_list_that_fail_are_told_and_it_ends_with_1(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    image_list: Path,
    tmp_path: Path,
) -> None:
    (image_list.parent / "images" / "3.png").unlink()
    (image_list.parent / "images" / "4.png").write_bytes(b"nothing")
    code, out, err = run_cli("predict", tiny_run.path, image_list, "--out", tmp_path / "out")
    assert code == 1
    assert "10 images, 0 done before, 8 done now, 2 failed" in out
    assert [line.partition(": cannot read the image")[0] for line in err.splitlines()] == [
        f"error: {image_list.parent / 'images' / name}" for name in ("3.png", "4.png")
    ]


def test_results_of_another_command_are_not_mixed_in(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    image_list: Path,
    tmp_path: Path,
) -> None:
    words = ("predict", tiny_run.path, image_list, "--out", tmp_path / "out")
    assert run_cli(*words, "--save", "mask")[0] == 0
    code, _, err = run_cli(*words, "--save", "mask,polygons")
    assert code == 2
    assert re.fullmatch(
        r"error: \S+0-of-1\.jsonl: is of a run that saved mask, and now it is mask,polygons; "
        r"repeat the first command to go on, give another --out, or delete \S+manifest to begin "
        r"anew\.\n",
        err,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shard", "3/3"], "--shard 3/3: shards count from 0, so those of 3 are 0/3 to 2/3"),
        (["--shard", "/4"], "--shard /4: expected i/n"),
        (["--workers", "2"], "--workers 2: give 1 or more, and --engine ray"),
        (["--workers", "0", "--engine", "ray"], "--workers 0: give 1 or more"),
        (["--save", "masks"], "cannot save 'masks'; known: mask, color"),
        (["--opacity", "2"], "opacity is 2.0; expected 0..1"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_written(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    image_list: Path,
    tmp_path: Path,
    words: list[str],
    message: str,
) -> None:
    out = tmp_path / "out"
    code, _, err = run_cli("predict", tiny_run.path, image_list, "--out", out, *words)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert not out.exists()


def test_without_ray_the_error_names_the_extra(tiny_run: Run, tmp_path: Path) -> None:
    code = "import sys; sys.modules['ray'] = None\nfrom tessella.cli import main; main()"
    words = ("predict", tiny_run.path, tmp_path, "--out", tmp_path / "out", "--engine", "ray")
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: ray is not installed; this needs: pip install 'tessella[ray]'.\n"
    )


def test_processes_that_were_started_together_share_the_images_or_are_refused(
    run_cli,  # noqa: ANN001
    tiny_run: Run,
    own_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    for name, value in {**started, "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, value)
    words = ("predict", tiny_run.path, own_folder / "images", "--out", tmp_path / "out")
    code, _, said = run_cli(*words)
    assert code == 2
    assert "give each a part of them by --shard I/2" in said
    assert run_cli(*words, "--shard", "1/2")[0] == 0
