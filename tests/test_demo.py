"""The demo as a newcomer runs it, to its score: the proof that the whole path works."""

import json
import time
from pathlib import Path

import pytest
from PIL import Image

from tessella.demo import demo


@pytest.mark.slow
def test_the_demo_reaches_its_score_on_held_out_scenes(tmp_path: Path) -> None:
    started = time.perf_counter()
    result = demo(tmp_path / "run")
    assert result.evaluation.scores["mean_iou"] >= 0.75
    assert result.evaluation.trivial["mean_iou"] < 0.15
    assert result.report.stat().st_size > 50_000
    overlays = sorted(result.pictures.glob("*_overlay.png"))
    assert len(overlays) == 6
    with Image.open(overlays[0]) as picture:
        assert min(picture.size) >= 128
    card = json.loads((result.run.model_folder / "card.json").read_text())
    assert card["labels"]["names"] == list(result.evaluation.labels.names)
    print(f"{time.perf_counter() - started:.0f} s")  # noqa: T201 - for the log, not a claim
