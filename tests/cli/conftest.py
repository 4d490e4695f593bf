"""A command line to call, and a small folder of one's own."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella import cli

TINY = """
name: tiny
data: {name: folder, options: {classes: [ground, thing]}}
model: {name: plain_unet, options: {depth: 1, base_channels: 2}}
augment: {crop: [16, 16]}
train: {epochs: 1, batch_size: 2, precision: fp32, device: cpu, workers: 0}
"""


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):  # noqa: ANN201
    """Runs `tessella WORDS...` here; gives (exit code, stdout, stderr)."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tessella", *map(str, words)])
        capfd.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0
        out, err = capfd.readouterr()
        return code, out, err

    return run


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    """Ten images of a bright square on dark ground, with masks 0 and 1."""
    root = tmp_path / "mine"
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for number in range(10):
        mask = np.zeros((24, 30), np.uint8)
        top, left = rng.integers(0, 12, 2)
        mask[top : top + 10, left : left + 10] = 1
        image = (mask[..., None] * 150 + rng.integers(0, 60, (24, 30, 3))).astype(np.uint8)
        Image.fromarray(image).save(root / "images" / f"{number}.png")
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
    (root / "tiny.yaml").write_text(TINY)
    return root
