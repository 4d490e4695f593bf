"""Facts about data and machines to plan for, and folders to plan from."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.plan.look import DataFacts
from tessella.plan.machine import Machine
from tessella.stats.numbers import Sizes


def facts_of(
    *,
    num_train: int = 300,
    sizes: dict[tuple[int, int], int] | None = None,
    pixels: Sequence[int] = (50, 30, 20),
) -> DataFacts:
    """Facts about a data set that was never drawn."""
    sizes = sizes or {(360, 480): num_train}
    return DataFacts(
        num_train=num_train,
        num_val=max(1, num_train // 4),
        num_measured=num_train,
        names=tuple(f"class_{index}" for index in range(len(pixels))),
        pixels=tuple(pixels),
        ignored_share=0.0,
        sizes=Sizes(sizes),
        largest_size=max(sizes, key=lambda size: size[0] * size[1]),
        is_grouped=False,
        seconds_per_sample=0.01,
    )


@pytest.fixture(autouse=True)
def _without_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test asks a network, and none finds weights that happen to be in somebody's cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "no-cache"))


@pytest.fixture
def facts() -> Callable[..., DataFacts]:
    """`facts_of`, for tests that vary it."""
    return facts_of


@pytest.fixture
def cpu() -> Machine:
    """Eight gigabytes, no GPU."""
    return Machine("cpu", "2 cores", 8_000_000_000, "fp32")


@pytest.fixture
def gpu() -> Machine:
    """Twenty-four gigabytes of GPU memory."""
    return Machine("cuda", "a GPU", 24_000_000_000, "bf16")


def draw_folder(
    root: Path,
    count: int,
    sizes: Sequence[tuple[int, int]],
    *,
    side: int = 10,
    stated: bool = True,
) -> Path:
    """Images with a bright square and masks 0 and 1, of the sizes given in turn."""
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for number in range(count):
        height, width = sizes[number % len(sizes)]
        mask = np.zeros((height, width), np.uint8)
        top, left = rng.integers(0, height - side), rng.integers(0, width - side)
        mask[top : top + side, left : left + side] = 1
        noise = rng.integers(0, 60, (height, width, 3))
        image = (mask[..., None] * 150 + noise).astype(np.uint8)
        Image.fromarray(image).save(root / "images" / f"{number:03}.png")
        Image.fromarray(mask).save(root / "masks" / f"{number:03}.png")
    if stated:
        (root / "classes.txt").write_text("ground\nthing\n")
    return root


@pytest.fixture
def drawn_folder(tmp_path: Path) -> Callable[..., Path]:
    """`draw_folder` into a new folder."""
    return partial(draw_folder, tmp_path / "drawn")


@pytest.fixture(scope="session")
def eight_drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of eight drawn images that tests only read."""
    return draw_folder(tmp_path_factory.mktemp("eight") / "drawn", 8, [(20, 24)])
