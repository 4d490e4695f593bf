"""The command line as a person types it: what it prints, its exit codes, its one-line errors."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def test_help_names_every_verb(run_cli) -> None:  # noqa: ANN001
    code, out, _ = run_cli("--help")
    assert code == 0
    for verb in ("demo", "recipes", "train", "evaluate", "predict", "report"):
        assert re.search(rf"^  {verb} ", out, re.MULTILINE)


def test_version_is_printed(run_cli) -> None:  # noqa: ANN001
    assert run_cli("--version")[:2] == (0, "tessella 0.1.0\n")


def break_mask(root: Path, name: str = "3.png") -> Path:
    return root / "masks" / name


def remove_mask(root: Path) -> None:
    break_mask(root).unlink()


def shrink_mask(root: Path) -> None:
    Image.fromarray(np.zeros((5, 6), np.uint8)).save(break_mask(root))


def odd_value(root: Path) -> None:
    for path in (root / "masks").iterdir():
        Image.fromarray(np.full((24, 30), 7, np.uint8)).save(path)


def truncate_image(root: Path) -> None:
    for path in (root / "images").iterdir():
        path.write_bytes(path.read_bytes()[:-300])


def empty_split(root: Path) -> None:
    (root / "train.txt").write_text("1\n2\n3\n4\n")
    (root / "val.txt").write_text("")


def remove_images(root: Path) -> None:
    for path in (root / "images").iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove_mask, r"1 of 10 images have no mask: 3; expected each at masks/\{name\}"),
        (odd_value, r"masks/\d\.png: 100\.00% of the mask's pixels hold values that are neither"),
        (truncate_image, r"images/\d\.png: cannot read the image"),
        (empty_split, "mine: the val split is empty"),
        (remove_images, "mine: no images: 10 masks and 1 other files"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_unusable_data_gives_one_line_and_exit_code_1(  # noqa: PLR0913
    run_cli,  # noqa: ANN001
    own_folder: Path,
    tmp_path: Path,
    spoil,  # noqa: ANN001
    message: str,
) -> None:
    spoil(own_folder)
    code, _, err = run_cli(
        "train", own_folder / "tiny.yaml", "--data", own_folder, "--out", tmp_path / "run"
    )
    errors = [line for line in err.splitlines() if line.startswith("error:")]
    assert code == 1
    assert len(errors) == 1
    assert re.search(message, errors[0])
    assert "Traceback" not in err


def test_a_mask_of_another_size_is_named_with_both_sizes(  # noqa: PLR0913
    run_cli,  # noqa: ANN001
    own_folder: Path,
    tmp_path: Path,
) -> None:
    for path in (own_folder / "masks").iterdir():
        Image.fromarray(np.zeros((5, 6), np.uint8)).save(path)
    code, _, err = run_cli(
        "train", own_folder / "tiny.yaml", "--data", own_folder, "--out", tmp_path / "run"
    )
    assert code == 1
    assert re.search(r"mask is 5x6 \(height x width\) but its image \d\.png is 24x30", err)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "camvit"], "no recipe is called 'camvit'; did you mean 'camvid'"),
        (["train"], "no recipe given; `tessella recipes` lists them"),
        (["train", "missing.yaml"], "missing.yaml: cannot read the recipe"),
        (["train", "camvid"], "camvid: no folder given; say where it is with --data ROOT"),
        (["train", "demo", "epochs"], "override 'epochs' is not key.path=value"),
        (["evaluate", "nowhere"], "nowhere: does not exist"),
        (["report", "nowhere"], "nowhere: does not exist"),
        (["train", "demo", "--resume", "x"], "--resume goes on with the run's own recipe"),
    ],
)
def test_wrong_usage_gives_one_line_and_exit_code_2(  # noqa: ANN001
    run_cli, words: list[str], message: str
) -> None:
    code, _, err = run_cli(*words)
    assert code == 2
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_place_that_cannot_be_written_is_named(run_cli, tmp_path: Path) -> None:  # noqa: ANN001
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    code, _, err = run_cli("train", "demo", "--out", blocked / "run")
    assert code == 1
    assert err.splitlines()[-1] == f"error: {blocked / 'run'}: Not a directory."


def test_debug_shows_the_traceback(run_cli) -> None:  # noqa: ANN001
    with pytest.raises(ValueError, match="does not exist"):
        run_cli("evaluate", "nowhere", "--debug")


def test_a_full_disk_gives_one_line_and_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    """The system refuses every file beyond 100 kB, as a full disk would, in a real process."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "from tessella.cli import main; main()"
    )
    recipe = tmp_path / "large.yaml"
    recipe.write_text(
        "name: large\n"
        "data: {name: synthetic, options: {count: 2, height: 32, width: 32}}\n"
        "model: {name: plain_unet, options: {depth: 2, base_channels: 16}}\n"
        "augment: {crop: [32, 32]}\n"
        "train: {epochs: 1, batch_size: 2, precision: fp32, device: cpu, workers: 0}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "train", str(recipe), "--out", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert done.returncode == 1
    assert len(errors) == 1
    assert re.search(r"last\.pt: File too large\.$", errors[0])
    assert "Traceback" not in done.stderr
    left = {path.name for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert not {"last.pt", "best.pt", "model.safetensors"} & left
    assert not [name for name in left if "partial" in name]


def test_without_torch_the_error_names_the_extra() -> None:
    code = "import sys; sys.modules['torch'] = None\nfrom tessella.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "train", "demo"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: torch is not installed; this needs: pip install 'tessella[train]'. A file "
        "made by `tessella export` needs none of it.\n"
    )
