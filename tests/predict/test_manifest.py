"""What is done is known whatever was cut off, and belongs to one job and one process."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessella.errors import UsageError
from tessella.predict.find import NamedImage
from tessella.predict.manifest import Job, Manifest, open_manifest, totals
from tessella.predict.shard import Shard
from tessella.predict.write import Outcome

JOB = Job(
    shards=2,
    images=9,
    images_sha256="list",
    model_sha256="model",
    save=("mask", "overlay"),
    opacity=0.6,
    tile=2048,
)
SHARD = Shard(1, 2)  # the images 1, 3, 5 and 7
IMAGES = [NamedImage(index, f"{index}", f"/in/{index}.png") for index in range(9)]
MINE = list(SHARD.of(IMAGES))


def do_the_rest(folder: Path, *, failing: frozenset[int] = frozenset()) -> list[int]:
    """Record all that is not done; give what that was."""
    with open_manifest(folder, JOB, SHARD) as manifest:
        todo = [image for image in MINE if not manifest.is_done(image)]
        for image in todo:
            manifest.add(Outcome(image, error="broken" if image.index in failing else None))
    return [image.index for image in todo]


def lines(folder: Path, shard: Shard = SHARD) -> list[dict[str, object]]:
    text = (folder / f"{shard.index}-of-{shard.count}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@contextmanager
def a_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "manifest"


def test_a_manifest_is_a_head_and_a_line_an_image(tmp_path: Path) -> None:
    do_the_rest(tmp_path, failing=frozenset({5}))
    head, *rest = lines(tmp_path)
    assert head["shard"] == "1/2"
    assert (head["images"], head["tile"], head["save"]) == (9, 2048, ["mask", "overlay"])
    assert rest == [
        {"index": 1, "image": "/in/1.png", "name": "1"},
        {"index": 3, "image": "/in/3.png", "name": "3"},
        {"index": 5, "image": "/in/5.png", "name": "5", "error": "broken"},
        {"index": 7, "image": "/in/7.png", "name": "7"},
    ]


def test_what_is_done_is_left_and_what_failed_is_tried_again(tmp_path: Path) -> None:
    assert do_the_rest(tmp_path, failing=frozenset({5})) == [1, 3, 5, 7]
    assert do_the_rest(tmp_path) == [5]
    assert do_the_rest(tmp_path) == []
    assert [line["index"] for line in lines(tmp_path)[1:] if "error" not in line] == [1, 3, 7, 5]


@given(st.data())
def test_a_manifest_cut_off_anywhere_ends_like_one_that_was_not(data: st.DataObject) -> None:
    with a_folder() as folder:
        do_the_rest(folder)
        path = folder / "1-of-2.jsonl"
        whole = path.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:cut])
        done_before = max(0, whole[:cut].count(b"\n") - 1)
        assert do_the_rest(folder) == [1, 3, 5, 7][done_before:]
        assert path.read_bytes() == whole


@pytest.mark.parametrize("damage", [b"\0" * 300, b'{"index": 3\n', b'{"index": 2}\n', b"[]\n"])
def test_what_follows_a_damaged_line_is_not_believed(tmp_path: Path, damage: bytes) -> None:
    """A file may end in zeros after a power cut."""
    do_the_rest(tmp_path)
    path = tmp_path / "1-of-2.jsonl"
    whole = path.read_bytes()
    kept = b"".join(whole.splitlines(keepends=True)[:2])
    path.write_bytes(kept + damage + whole[len(kept) :])
    assert do_the_rest(tmp_path) == [3, 5, 7]
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (replace(JOB, shards=3), r"1-of-2\.jsonl: is one of 2 shards, and this is one of 3"),
        (replace(JOB, images=8), "is about another list of images, or the list was changed since"),
        (
            replace(JOB, images_sha256="other"),
            "is about another list of images, or the list was changed since",
        ),
        (replace(JOB, model_sha256="other"), "is by another model"),
        (replace(JOB, save=("mask",)), "saved mask,overlay, and now it is mask"),
        (replace(JOB, opacity=0.5), r"with opacity 0\.6, and now it is 0\.5"),
        (replace(JOB, tile=512), "with tile 2048, and now it is 512"),
        (replace(JOB, manifest=2), "with manifest 1, and now it is 2"),
    ],
)
def test_another_job_is_refused_and_changes_nothing(
    tmp_path: Path, other: Job, message: str
) -> None:
    do_the_rest(tmp_path)
    before = (tmp_path / "1-of-2.jsonl").read_bytes()
    with (
        pytest.raises(UsageError, match=f"{message}; repeat the first command to go on, give"),
        open_manifest(tmp_path, other, Shard(0, other.shards)),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["1-of-2.jsonl"]
    assert (tmp_path / "1-of-2.jsonl").read_bytes() == before


def test_a_second_worker_at_one_shard_is_refused(tmp_path: Path) -> None:
    with (
        open_manifest(tmp_path, JOB, SHARD),
        pytest.raises(ValueError, match="another process is computing shard 1/2; wait for it"),
        open_manifest(tmp_path, JOB, SHARD),
    ):
        pass
    assert do_the_rest(tmp_path) == [1, 3, 5, 7]


def test_workers_at_two_shards_do_not_meet(tmp_path: Path) -> None:
    with open_manifest(tmp_path, JOB, SHARD), open_manifest(tmp_path, JOB, Shard(0, 2)):
        pass
    assert len(list(tmp_path.iterdir())) == 2


def finish(manifest: Manifest, images: list[NamedImage], *, error: str | None = None) -> None:
    for image in images:
        manifest.add(Outcome(image, error=error))


def test_all_shards_are_counted_together(tmp_path: Path) -> None:
    do_the_rest(tmp_path, failing=frozenset({5}))
    assert totals(tmp_path, JOB)[:2] == (3, 1)
    with open_manifest(tmp_path, JOB, Shard(0, 2)) as manifest:
        finish(manifest, IMAGES[0:4:2])
        assert totals(tmp_path, JOB) == (5, 1, False)
        finish(manifest, IMAGES[4::2])
        assert totals(tmp_path, JOB) == (8, 1, False)  # somebody is still at work
    assert totals(tmp_path, JOB) == (8, 1, True)


def test_an_image_that_failed_and_then_did_not_counts_once(tmp_path: Path) -> None:
    with open_manifest(tmp_path, JOB, SHARD) as manifest:
        finish(manifest, MINE[:1], error="broken")
        assert (manifest.num_done, manifest.num_failed) == (0, 1)
        finish(manifest, MINE[:1])
        assert (manifest.num_done, manifest.num_failed) == (1, 0)
    assert totals(tmp_path, JOB)[:2] == (1, 0)


def test_a_copy_that_somebody_made_does_not_count(tmp_path: Path) -> None:
    do_the_rest(tmp_path)
    (tmp_path / "1-of-2 copy.jsonl").write_bytes((tmp_path / "1-of-2.jsonl").read_bytes())
    assert totals(tmp_path, JOB)[:2] == (4, 0)
