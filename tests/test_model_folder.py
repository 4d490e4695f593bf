"""A model on disk: weights and card, and nothing that can run code."""

import json

import torch
from safetensors.torch import load_file

from tessella.model_folder import read_model
from tessella.run import Run


def test_a_stored_model_holds_the_checkpoints_weights_bit_for_bit(tiny_run: Run) -> None:
    stored = load_file(tiny_run.model_folder / "model.safetensors")
    best = torch.load(tiny_run.best_checkpoint, weights_only=True)["segmenter"]
    assert stored.keys() == best.keys()
    assert all(torch.equal(stored[name], best[name]) for name in stored)


def test_the_card_alone_rebuilds_the_network(tiny_run: Run) -> None:
    model = read_model(tiny_run.model_folder)
    images = torch.zeros(1, 3, 20, 30, dtype=torch.uint8)
    assert model.segmenter.eval()(images).shape == (1, 8, 20, 30)


def test_the_card_names_the_classes_as_written_masks_hold_them(tiny_run: Run) -> None:
    card = json.loads((tiny_run.model_folder / "card.json").read_text())
    labels = read_model(tiny_run.path).card.labels
    assert card["labels"]["names"] == list(labels.names)
    assert card["labels"]["file_values"][:2] == [[0, 0], [1, 1]]


def test_the_normalisation_travels_with_the_weights(tiny_run: Run) -> None:
    """S3-B14, S4-B14: a model without its preprocessing is half a model."""
    assert {"mean", "std"} <= load_file(tiny_run.model_folder / "model.safetensors").keys()
