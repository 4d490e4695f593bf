"""Every model of the table is exported to a file that says what the model says, at any size."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch

from tessella.export.conversion import Setting, converted, opened
from tessella.export.formats import find_format
from tessella.export.parity import compare
from tessella.labels import LabelMap
from tessella.model_card import ModelCard
from tessella.models import MODELS
from tessella.models.build import build_segmenter
from tessella.sample import Sample
from tessella.source import Source

LABELS = LabelMap.from_names(["a", "b", "c", "d", "e"])
ONE_SIZE_ONLY = {"pspnet", "upernet"}
"""Their pyramids pool to fixed grids, which no exporter expresses for any size."""

ENCODERS = {name: "tu-test_resnet" for name, entry in MODELS.items() if entry.takes_encoder}
ENCODERS |= dict.fromkeys(("dpt", "vit"), "tu-test_vit")
ENCODERS |= dict.fromkeys(("torchvision_deeplabv3", "torchvision_lraspp"), "mobilenet_v3_large")
ENCODERS["torchvision_fcn"] = "resnet50"

OPTIONS: Mapping[str, Mapping[str, object]] = {
    **{name: {"depth": 3, "base_channels": 8} for name in ("plain_unet", "segnet", "vnet2d")},
    "vit": {"decoder_channels": 16},
    "dpt": {"decoder_intermediate_channels": [8, 16, 24, 32], "decoder_fusion_channels": 16},
}


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


def setting(name: str) -> Setting:
    torch.manual_seed(0)
    options = dict(OPTIONS.get(name, {}))
    segmenter = build_segmenter(name, num_classes=5, encoder=ENCODERS.get(name), options=options)
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
def test_the_file_says_what_the_model_says(name: str) -> None:
    given = setting(name)
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
