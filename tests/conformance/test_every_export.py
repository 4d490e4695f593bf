"""Every model of the table is exported to a file that says what the model says, at any size."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from tessella.export.conversion import Setting, converted, opened
from tessella.export.formats import find_format
from tessella.export.parity import compare
from tessella.labels import LabelMap
from tessella.model_card import ModelCard
from tessella.models import MODELS
from tessella.models.segmenter import Segmenter
from tessella.sample import Sample
from tessella.source import Source

LABELS = LabelMap.from_names(["a", "b", "c", "d", "e"])
ONE_SIZE_ONLY = {"pspnet", "upernet"}
"""Their pyramids pool to fixed grids, which no exporter expresses for any size."""


class Noise:
    """Smooth random images without masks."""

    labels = LABELS
    names = groups = tuple("ab")

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Sample:
        generator = np.random.default_rng(index)
        coarse = generator.integers(0, 256, (12, 12, 3))
        image = np.kron(coarse, np.ones((9, 11, 1)))[:101, :123].astype(np.uint8)
        return Sample(image, None, self.names[index])


def setting(name: str, segmenter: Segmenter) -> Setting:
    # random weights answer one class nearly everywhere; statistics of real images spread them
    segmenter.train()
    with torch.no_grad():
        for _ in range(3):
            segmenter(torch.randint(0, 256, (2, 3, 128, 128), dtype=torch.uint8))
    card = ModelCard({"name": name}, 3, LABELS, "fp32", name=name)
    indices: Sequence[int] = (0, 1)
    return Setting(segmenter.eval(), card, Source("synthetic"), "train", Noise(), indices)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_file_says_what_the_model_says(name: str, build: Callable[..., Segmenter]) -> None:
    given = setting(name, build(name))
    form = find_format("onnx")
    made = converted(given, form, outputs=("classes",), size=None, where=f"{name}.onnx")
    assert (made.size is not None) == (name in ONE_SIZE_ONLY), made.why_fixed
    found = compare(
        given.run_predictor(made.size),
        opened(made, form, where=f"{name}.onnx"),
        given.samples(),
        total=2,
    )
    assert found.agreement >= 0.999
    assert found.away_from_ties == 0
