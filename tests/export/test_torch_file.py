"""The PyTorch program: the card beside it, put there without touching the program."""

import zipfile
from pathlib import Path

import torch

from tessella.export.torch_file import with_card
from tessella.labels import LabelMap
from tessella.model_card import ModelCard, card_from_json


def test_the_card_is_an_extra_file_of_the_archive(exported_files: dict[str, Path]) -> None:
    extra = {"card.json": ""}
    torch.export.load(exported_files["torch"], extra_files=extra)
    assert card_from_json(extra["card.json"], where="x").name == "tiny"


def test_a_card_is_added_without_a_change_to_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "x.pt2"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data", b"numbers")
    card = ModelCard({}, 3, LabelMap.from_names(["a", "b"]), "fp32")
    file.write_bytes(with_card(file.read_bytes(), card))
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == ["archive/data", "archive/extra/card.json"]
        assert archive.read("archive/data") == b"numbers"
