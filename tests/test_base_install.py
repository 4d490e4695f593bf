"""The base package alone, in a new environment: no torch, and exported files work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tessella.data.synthetic.scenes import read_drawn_scenes

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment with the base package and nothing else."""
    folder = tmp_path_factory.mktemp("base") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ROOT]
    subprocess.run([folder / "bin" / "python", *words, "-c", ROOT / "constraints.txt"], check=True)
    return folder / "bin" / "tessella"


def run(base: Path, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [base, *map(str, words)], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.slow
def test_the_base_package_scores_and_predicts_with_an_exported_file(
    base: Path, exported_files: dict[str, Path], tmp_path: Path
) -> None:
    scored = run(base, "evaluate", exported_files["onnx"], "--split", "val")
    assert scored.returncode == 0, scored.stderr
    assert "mean iou" in scored.stdout
    image = read_drawn_scenes(None, "test", count=1)[0].image
    Image.fromarray(image).save(tmp_path / "street.png")
    out = tmp_path / "out"
    predicted = run(base, "predict", exported_files["onnx"], tmp_path / "street.png", "--out", out)
    assert predicted.returncode == 0, predicted.stderr
    assert (out / "street_mask.png").is_file()


@pytest.mark.slow
def test_the_base_package_holds_no_torch_and_says_what_needs_it(
    base: Path, exported_files: dict[str, Path], tmp_path: Path
) -> None:
    listed = subprocess.run(
        [base.parent / "python", "-m", "pip", "list"], capture_output=True, text=True, check=True
    ).stdout
    assert "torch" not in listed
    model = tmp_path / "model"
    model.mkdir()
    (model / "card.json").write_text("{}")
    for path, extra in ((model, "train"), (exported_files["openvino"], "openvino")):
        done = run(base, "predict", path, tmp_path, "--out", tmp_path / "out")
        assert done.returncode == 1
        assert f"this needs: pip install 'tessella[{extra}]'" in done.stderr
        assert "Traceback" not in done.stderr
