"""Small folders of images and masks, right ones and wrong ones, for the tests of the check."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tessella.check.examine import check
from tessella.check.findings import Findings, Problem
from tessella.source import Source
from tessella.yaml_text import parse_scalar

HEIGHT, WIDTH = 48, 64
Picture = np.ndarray | Image.Image | bytes


def photo(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A soft picture of many colours, another for each seed."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def areas(values: Sequence[int], seed: int = 0, *, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Any:
    """A mask of the first value with one disc of each other value, none hidden."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    mask = np.full(size, values[0], np.int64)
    others = values[1:]
    for number, value in enumerate(others):
        center = (size[0] // 2 + seed % 3, int((number + 0.5) * size[1] / len(others)))
        radius = min(size[0] / 3, 0.4 * size[1] / len(others))
        mask[(rows - center[0]) ** 2 + (columns - center[1]) ** 2 <= radius**2] = value
    return mask.astype(np.uint8 if max(values) < 256 else np.uint16)


def save(path: Path, picture: Picture, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(picture, bytes):
        path.write_bytes(picture)
        return path
    made = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    made.save(path, **options)
    return path


Writer = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Writer:
    """Writes images/0.png, masks/0.png, ... and gives the folder; images are made where left out.

    `split` puts them into images/SPLIT and masks/SPLIT.
    """

    def write(
        masks: Sequence[Picture],
        images: Sequence[Picture] | None = None,
        *,
        suffix: str = ".png",
        image_suffix: str = ".png",
        split: str = "",
        first: int = 0,
        **options: Any,
    ) -> Path:
        for number, mask in enumerate(masks, first):
            height, width = mask.shape[:2] if isinstance(mask, np.ndarray) else (HEIGHT, WIDTH)
            image = photo(number, height, width) if images is None else images[number - first]
            save(tmp_path / "images" / split / f"{number}{image_suffix}", image)
            save(tmp_path / "masks" / split / f"{number}{suffix}", mask, **options)
        return tmp_path

    return write


def checked(root: Path, **options: Any) -> Findings:
    """The findings about a folder with these options."""
    return check(Source("folder", root, options))


def kinds(findings: Findings) -> set[str]:
    """All kinds of problems but that a folder is too small to be split."""
    return {problem.kind for problem in findings.problems} - {"split_not_read"}


def the(findings: Findings, kind: str) -> Problem:
    """The one problem of a kind."""
    (found,) = [problem for problem in findings.problems if problem.kind == kind]
    return found


def advised(problem: Problem) -> dict[str, Any]:
    """The options that a problem's advice tells to state, as the reader would get them."""
    found = re.findall(r"'data\.options\.(\w+)=([^']*)'", problem.advice)
    return {key: parse_scalar(value, where=key) for key, value in found}


@pytest.fixture
def tools() -> Any:
    """The functions above, for tests in other files."""

    class Tools:
        photo = staticmethod(photo)
        areas = staticmethod(areas)
        save = staticmethod(save)
        checked = staticmethod(checked)
        kinds = staticmethod(kinds)
        the = staticmethod(the)
        advised = staticmethod(advised)

    return Tools
