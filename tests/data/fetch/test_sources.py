"""The table of sources is in order: addresses, digests, places. Nothing here uses the network."""

import hashlib
import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pytest

from tessella.data import DATASETS
from tessella.data.fetch.sources import SOURCES, Closed, Part, Source

OPEN = {name: source for name, source in SOURCES.items() if isinstance(source, Source)}
PARTS = [
    pytest.param(part, id=f"{name}-{part.file.name}")
    for name, source in OPEN.items()
    for part in source.parts
]


@pytest.mark.parametrize("name", SOURCES)
def test_what_can_be_fetched_can_be_read(name: str) -> None:
    assert name in DATASETS


def test_the_sets_of_the_tutorials_are_here() -> None:
    assert {"voc2007", "voc2012", "flowers17", "camvid", "camseq"} <= set(OPEN)


@pytest.mark.parametrize("name", ["cityscapes", "stanford2d3ds"])
def test_what_needs_a_login_says_where_and_what(name: str) -> None:
    closed = SOURCES[name]
    assert isinstance(closed, Closed)
    assert closed.page.startswith("https://")
    assert closed.files
    assert closed.places


@pytest.mark.parametrize("part", PARTS)
def test_every_address_is_a_web_address_of_that_file(part: Part) -> None:
    for url in part.file.urls:
        assert urlsplit(url).scheme in ("http", "https")
        assert part.file.name.endswith(url.rsplit("/", 1)[1])


@pytest.mark.parametrize("part", PARTS)
def test_every_digest_has_its_form_and_its_origin(part: Part) -> None:
    digest = part.file.digest
    if digest is not None:
        length = {"sha256": 64, "md5": 32}[digest.algorithm]
        assert re.fullmatch(f"[0-9a-f]{{{length}}}", digest.value)
        assert digest.origin.startswith("published by ")


@pytest.mark.parametrize("part", PARTS)
def test_every_file_lands_below_the_root_in_a_folder_of_its_own(part: Part) -> None:
    place = PurePosixPath(part.into)
    assert not place.is_absolute()
    assert ".." not in place.parts
    assert place.parts


@pytest.mark.parametrize("part", PARTS)
def test_a_tar_unpacks_to_no_more_than_its_size(part: Part) -> None:
    if part.file.name.endswith(".tar"):
        assert part.archive is not None
        assert part.archive.max_bytes == part.file.size


# tensorflow_datasets/url_checksums/voc.txt
@pytest.mark.parametrize(
    ("name", "size", "begin"),
    [
        ("VOCtrainval_06-Nov-2007.tar", 460_032_000, "7d8cd951101b0957"),
        ("VOCtest_06-Nov-2007.tar", 451_020_800, "6836888e2e01dca8"),
        ("VOCtrainval_11-May-2012.tar", 1_999_639_040, "e14f763270cf193d"),
    ],
)
def test_the_voc_files_are_those_that_others_verified(name: str, size: int, begin: str) -> None:
    (file,) = (p.file for s in OPEN.values() for p in s.parts if p.file.name == name)
    assert file.size == size
    assert file.digest is not None
    assert file.digest.value.startswith(begin)


def test_the_camvid_digests_are_those_of_the_tutorials_files(real_data: Path) -> None:
    (part,) = OPEN["camvid"].parts
    assert part.archive is not None
    home = real_data / "camvid/mini/CamVid"
    found = {n: hashlib.sha256((home / n).read_bytes()).hexdigest() for n in part.archive.sha256}
    assert found == part.archive.sha256
    assert len(found) == 6
