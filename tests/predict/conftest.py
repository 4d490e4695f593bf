"""A predictor, and pictures of any kind to give it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.export.export import export
from tessella.predictor import Predictor, load
from tessella.run import Run


@pytest.fixture(scope="session")
def predictor(tiny_run: Run) -> Predictor:
    """That of the tiny run."""
    return load(tiny_run.path, device="cpu")


def draw(path: Path, *, mode: str = "RGB", size: tuple[int, int] = (31, 22), seed: int = 1) -> Path:
    """Write a picture of noise, (width, height), of any mode of Pillow or 16-bit grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    if mode == "I;16":
        Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(path)
    else:
        Image.fromarray(pixels).convert(mode).save(path)
    return path


@pytest.fixture(scope="session")
def picture() -> Callable[..., Path]:
    """Writes a picture of noise to a path."""
    return draw


@pytest.fixture(scope="session")
def listed() -> Callable[..., Path]:
    """Writes so many different pictures into a folder, and a list of them beside it."""

    def write(folder: Path, count: int, *, size: tuple[int, int] = (31, 22)) -> Path:
        for number in range(count):
            draw(folder / "images" / f"{number:03d}.png", size=size, seed=number)
        file = folder / "list.txt"
        file.write_text("".join(f"images/{number:03d}.png\n" for number in range(count)))
        return file

    return write


@pytest.fixture(scope="session")
def exported_scores(tiny_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run as a file that gives probabilities too, and opens without torch."""
    path = tmp_path_factory.mktemp("exported") / "scores.onnx"
    return export(tiny_run.path, to="onnx", out=path, add=("probabilities",)).path


@pytest.fixture(scope="session")
def exported_classes(tiny_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run as a file that gives class maps only."""
    path = tmp_path_factory.mktemp("exported") / "tiny.onnx"
    return export(tiny_run.path, to="onnx", out=path).path
