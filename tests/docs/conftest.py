"""The console of a reader: every command of a page, run as written."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


class Console:
    """Runs what pages show."""

    def commands(self, page: str) -> list[str]:
        """The `tessella` lines of a page's console blocks, those with a shown answer left out."""
        text = (ROOT / page).read_text(encoding="utf-8")
        blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
        lines = [line.strip() for block in blocks for line in block.splitlines()]
        return [line for line in lines if line.startswith("tessella ")]

    def tessella(self, line: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a command in a folder."""
        words = [sys.executable, "-m", "tessella", *shlex.split(line)[1:]]
        return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)

    def run(self, page: str, folder: Path, *, least: int, but: str = "") -> None:
        """Run every command of a page, in order; there are `least` or more.

        Args:
            page: from the root of the repository.
            folder: to run in.
            least: commands; fewer, and the page is not read as it should be.
            but: this one is left out.
        """
        lines = self.commands(page)
        assert len(lines) >= least
        for line in lines:
            if line != but:
                done = self.tessella(line, folder)
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="session")
def console() -> Console:
    """Runs what pages show."""
    return Console()


@pytest.fixture(scope="session")
def own_images() -> Callable[..., None]:
    """Makes the folder `mine` of the documents: 20 photographs with masks 0 and 1."""
    return write_own_images


def write_own_images(root: Path, *, with_classes: bool) -> None:
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for number in range(20):
        mask = np.zeros((90, 120), np.uint8)
        mask[rng.integers(0, 60) :, rng.integers(0, 80) :] = 1
        image = (mask[..., None] * 120 + rng.integers(0, 99, (90, 120, 3))).astype(np.uint8)
        Image.fromarray(image).save(root / "images" / f"{number}.jpg")
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
    if with_classes:
        (root / "classes.txt").write_text("background\ncrack\n")
