"""What an export starts from: the model, and images of the data that it learnt from."""

import json
import shutil
from pathlib import Path

import pytest

from tessella.export.conversion import commonest_size, converted, open_setting
from tessella.export.formats import find_format
from tessella.run import Run


def test_the_data_may_lie_elsewhere_but_must_have_the_same_classes(
    tiny_run: Run, tmp_path: Path
) -> None:
    setting = open_setting(tiny_run.path, root=None, images=3)
    assert len(setting.indices) == 3
    assert commonest_size(setting) == (33, 47)
    copy = Path(shutil.copytree(tiny_run.model_folder, tmp_path / "a" / "model-copy"))
    card = json.loads((copy / "card.json").read_text())
    card["labels"]["names"][0] = "heaven"
    (copy / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="knows the classes heaven, .* but the data has sky"):
        open_setting(copy, root=None, images=3)


def test_paths_of_this_machine_stay_out_of_a_file_that_is_given_away(
    tiny_run: Run, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(tiny_run.model_folder, tmp_path / "a" / "model-copy"))
    card = json.loads((copy / "card.json").read_text())
    weights = {"name": "/home/me/w.pth", "source": "/home/me/w.pth", "licence": "mit"}
    card |= {"encoder_weights": "/home/me/w.pth", "pretrained": weights}
    (copy / "card.json").write_text(json.dumps(card))
    setting = open_setting(copy, root=None, images=1)
    made = converted(
        setting, find_format("onnx"), outputs=("classes",), size=(32, 32), where="x.onnx"
    )
    assert "/home/me" not in made.card.to_json()
    assert made.card.licence == "mit (pretrained weights w.pth)"
