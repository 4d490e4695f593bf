"""What several tests share: a tiny trained run, and where the real data lies."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # test processes share the cores

import pytest
import torch
from hypothesis import settings

from tessella.export.export import export
from tessella.export.formats import FORMATS
from tessella.recipe import Recipe, read_recipe
from tessella.run import Run
from tessella.train import train

# the same examples each time where a failure must mean a change; new ones at a developer's desk
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)
settings.load_profile("steady" if os.environ.get("CI") else "searching")

TINY = """
name: tiny
data:
  name: synthetic
  options: {count: 8, height: 33, width: 47}
model:
  name: plain_unet
  options: {depth: 1, base_channels: 4}
augment: {crop: [32, 32]}
optimizer: {lr: 1e-2}
train: {epochs: 2, batch_size: 4, precision: fp32, device: cpu, workers: 0, seed: 3}
"""


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def tiny_recipe(*overrides: str) -> Recipe:
    """Two epochs of a tiny U-Net on eight drawn scenes of odd size: about a second."""
    return read_recipe(TINY, where="tiny", overrides=overrides)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run; tests read it and never write into it."""
    return train(tiny_recipe(), out=tmp_path_factory.mktemp("tiny") / "run")


@pytest.fixture(scope="session")
def exported_files(tiny_run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny run in every format, with class maps and probabilities; read, never written."""
    folder = tmp_path_factory.mktemp("exported")
    return {
        name: export(
            tiny_run.path, to=name, out=folder / f"tiny{entry.ending}", add=("probabilities",)
        ).path
        for name, entry in FORMATS.items()
        if not entry.is_repository
    }


@pytest.fixture(scope="session")
def recipe_of() -> object:
    """`tiny_recipe`, for tests that change it."""
    return tiny_recipe


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data beside the repository; the test is skipped where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data (shared/data beside the repository) is not here")
    return folder
