"""A shard is predicted once, by one model, and the whole is the sum of its shards."""

import filecmp
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tessella.atomic import leftovers
from tessella.errors import UsageError
from tessella.predict import predict
from tessella.predict.bulk import ShardResult, predict_shard
from tessella.predict.plain_engine import PlainEngine
from tessella.predict.shard import Shard
from tessella.predict.write import Wanted
from tessella.predictor import Predictor, load
from tessella.run import Run

Listed = Callable[..., Path]

MASK = Wanted(("mask",))


@pytest.fixture
def predict_part(tiny_run: Run, predictor: Predictor) -> Callable[..., ShardResult]:
    """Predicts a shard of inputs by the tiny run, into a folder."""

    def predict_part(
        *inputs: Path, out: Path, shard: str = "0/1", wanted: Wanted = MASK
    ) -> ShardResult:
        index, count = map(int, shard.split("/"))
        return predict_shard(
            PlainEngine(predictor),
            tiny_run.path,
            [str(one) for one in inputs],
            out=out,
            wanted=wanted,
            shard=Shard(index, count),
        )

    return predict_part


Part = Callable[..., ShardResult]


def names_in(out: Path) -> list[list[str]]:
    """The images that each manifest says are done, in the order of shards."""
    return [
        [line["name"] for line in map(json.loads, path.read_text().splitlines()[1:])]
        for path in sorted((out / "manifest").iterdir())
    ]


def files_in(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*_mask.png")}


def test_all_shards_together_write_what_one_command_writes(
    listed: Listed, predictor: Predictor, predict_part: Part, tmp_path: Path
) -> None:
    file = listed(tmp_path, 10)
    for shard in ("2/3", "0/3", "1/3"):
        result = predict_part(file, out=tmp_path / "parts", shard=shard)
    assert result.all_shards == (10, 0, True)
    predict(predictor, [str(file)], out=tmp_path / "whole", save=["mask"])
    assert files_in(tmp_path / "parts") == files_in(tmp_path / "whole")
    _, different, missing = filecmp.cmpfiles(
        tmp_path / "parts",
        tmp_path / "whole",
        [*files_in(tmp_path / "whole"), "labels.json"],
        shallow=False,
    )
    assert (different, missing) == ([], [])
    assert names_in(tmp_path / "parts") == [
        [f"images/{number:03d}" for number in range(first, 10, 3)] for first in range(3)
    ]


def test_names_do_not_depend_on_the_shard(
    predict_part: Part, listed: Listed, tmp_path: Path
) -> None:
    """`x.png` and `x.jpg` go to different shards, and neither takes the other's name."""
    listed(tmp_path, 1)
    (tmp_path / "images" / "000.jpg").write_bytes((tmp_path / "images" / "000.png").read_bytes())
    for shard in ("0/2", "1/2"):
        predict_part(tmp_path / "images", out=tmp_path / "out", shard=shard)
    assert files_in(tmp_path / "out") == {"000_png_mask.png", "000_jpg_mask.png"}


def test_the_same_command_again_does_nothing(
    listed: Listed, predict_part: Part, tmp_path: Path
) -> None:
    file, out = listed(tmp_path, 5), tmp_path / "out"
    first = predict_part(file, out=out)
    assert (first.images, first.before, first.failed) == (5, 0, 0)
    masks = [out / name for name in files_in(out)]
    before = [mask.stat().st_mtime_ns for mask in masks]
    again = predict_part(file, out=out)
    assert (again.images, again.before, again.failed) == (5, 5, 0)
    assert [mask.stat().st_mtime_ns for mask in masks] == before


def test_images_that_failed_are_told_and_tried_again(
    listed: Listed, predict_part: Part, tmp_path: Path
) -> None:
    file, out = listed(tmp_path, 5), tmp_path / "out"
    late = tmp_path / "images" / "003.png"
    content = late.read_bytes()
    late.unlink()
    first = predict_part(file, out=out)
    assert (first.before, first.failed) == (0, 1)
    assert "003.png: cannot read the image: No such file" in first.errors[0]
    late.write_bytes(content)
    again = predict_part(file, out=out)
    assert (again.before, again.failed, again.errors) == (4, 0, ())
    assert again.all_shards == (5, 0, True)


def test_of_many_failures_the_first_are_told(
    listed: Listed, predict_part: Part, tmp_path: Path
) -> None:
    file = listed(tmp_path, 1)
    file.write_text("".join(f"missing/{number}.png\n" for number in range(50)))
    result = predict_part(file, out=tmp_path / "out")
    assert result.failed == 50
    assert len(result.errors) == 20


def test_a_shard_may_be_empty(listed: Listed, predict_part: Part, tmp_path: Path) -> None:
    result = predict_part(listed(tmp_path, 2), out=tmp_path / "out", shard="3/5")
    assert (result.images, result.failed) == (0, 0)


def test_another_model_is_refused_and_nothing_is_changed(
    listed: Listed, predict_part: Part, tiny_run: Run, exported_classes: Path, tmp_path: Path
) -> None:
    file, out = listed(tmp_path, 2), tmp_path / "out"
    predict_part(file, out=out)
    (out / "labels.json").unlink()
    with pytest.raises(UsageError, match=r"0-of-1\.jsonl: is by another model; repeat the first"):
        predict_shard(
            PlainEngine(load(exported_classes)),
            exported_classes,
            [str(file)],
            out=out,
            wanted=MASK,
            shard=Shard(),
        )
    assert not (out / "labels.json").exists()


def test_a_model_trained_anew_in_the_same_place_is_another(
    listed: Listed, tiny_run: Run, predictor: Predictor, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for path in tiny_run.model_folder.iterdir():
        (model / path.name).write_bytes(path.read_bytes())
    engine, inputs = PlainEngine(predictor), [str(listed(tmp_path, 1))]
    options = {"out": tmp_path / "out", "wanted": MASK, "shard": Shard()}
    predict_shard(engine, model, inputs, **options)
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (model / "model.safetensors").write_bytes(weights)
    with pytest.raises(UsageError, match="is by another model"):
        predict_shard(engine, model, inputs, **options)


def test_the_order_of_outputs_does_not_matter(
    listed: Listed, predict_part: Part, tmp_path: Path
) -> None:
    file, out = listed(tmp_path, 2), tmp_path / "out"
    wanted = Wanted(("overlay", "mask"))
    predict_part(file, out=out, wanted=wanted)
    again = predict_part(file, out=out, wanted=replace(wanted, outputs=("mask", "overlay")))
    assert again.before == 2


def test_the_opacity_of_an_overlay_that_is_not_written_does_not_matter(
    listed: Listed, predict_part: Part, tmp_path: Path
) -> None:
    file, out = listed(tmp_path, 2), tmp_path / "out"
    predict_part(file, out=out)
    assert predict_part(file, out=out, wanted=replace(MASK, opacity=0.1)).before == 2


def test_a_list_that_has_grown_is_refused(
    listed: Listed, predict_part: Part, tmp_path: Path
) -> None:
    file, out = listed(tmp_path, 2), tmp_path / "out"
    predict_part(file, out=out, shard="0/2")
    with file.open("a") as stream:
        stream.write("images/new.png\n")
    with pytest.raises(UsageError, match="another list of images, or the list was changed since"):
        predict_part(file, out=out, shard="1/2")


def test_who_finishes_last_clears_away_what_killed_processes_were_writing(
    listed: Listed, predict_part: Part, tmp_path: Path
) -> None:
    file, out = listed(tmp_path, 4), tmp_path / "out"
    predict_part(file, out=out, shard="0/2")
    half = out / "images" / ".001_mask.png.0a1b2c3d.partial"
    half.write_bytes(b"half")
    predict_part(file, out=out, shard="0/2")
    assert leftovers(half.parent) == [half]  # it may be another shard's, at work now
    predict_part(file, out=out, shard="1/2")
    assert not leftovers(half.parent)


def test_a_folder_has_shards_too(listed: Listed, predict_part: Part, tmp_path: Path) -> None:
    listed(tmp_path, 3)
    for shard in ("0/2", "1/2"):
        predict_part(tmp_path / "images", out=tmp_path / "out", shard=shard)
    assert names_in(tmp_path / "out") == [["000", "002"], ["001"]]


def test_the_manifest_names_images_whatever_folder_one_is_in(
    listed: Listed, predict_part: Part, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(tmp_path, 1)
    monkeypatch.chdir(tmp_path)
    predict_part(Path("list.txt"), out=Path("out"))
    monkeypatch.chdir(tmp_path / "images")
    again = predict_part(Path("../list.txt"), out=Path("../out"))
    assert again.before == 1
    text = (tmp_path / "out" / "manifest" / "0-of-1.jsonl").read_text()
    assert re.findall(r'"image": "(.*?)"', text) == [str(tmp_path / "images" / "000.png")]
