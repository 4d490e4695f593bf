"""Names of other tools' tensors within our networks."""

import pytest
import torch

from tessella.models.foreign_names import names_within_network

T = torch.zeros(1)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (["encoder.a", "decoder.b"], ["encoder.a", "decoder.b"]),
        (["network.encoder.a", "mean", "std"], ["encoder.a"]),
        (["module.encoder.a", "module.decoder.b"], ["encoder.a", "decoder.b"]),
        (["module.network.encoder.a", "module.mean", "module.std"], ["encoder.a"]),
        (["model._orig_mod.encoder.a"], ["encoder.a"]),
        (
            ["backbone.conv1.weight", "classifier.4.bias", "aux_classifier.4.bias"],
            ["encoder.conv1.weight", "decoder.4.bias", "auxiliary_head.4.bias"],
        ),
        # a classifier of torchvision is no segmentation model: its names stay
        (["features.0.weight", "classifier.1.bias"], ["features.0.weight", "classifier.1.bias"]),
        # a prefix that only some names have is part of the name
        (["model.a", "head.b"], ["model.a", "head.b"]),
        ([], []),
    ],
)
def test_tensors_get_the_names_within_the_network(theirs, ours):
    assert list(names_within_network(dict.fromkeys(theirs, T))) == ours
