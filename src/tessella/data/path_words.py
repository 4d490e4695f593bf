"""What the names of folders and files say: image or mask, which split, and what is left of them.

The words are those of public data sets and of the exports of labelling tools.
"""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

Role = Literal["image", "mask", "extra"]
"""`extra` is a picture that belongs to an image but is neither it nor its classes: depth, edges."""

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "eval", "evaluation"), "test"),
}
"""How folders and lists spell the splits, lower case."""

USUAL_MASK_FOLDERS = ("masks", "mask", "labels", "label", "annotations", "SegmentationClass")
"""Mask folders of these very names are preferred to all others but hand-drawn ones (DRIVE)."""

SHORT_SPLIT_WORDS = {"tr": "train", "ts": "test"}
"""How nnU-Net spells them, in imagesTr and labelsTs, never alone."""

_IMAGE_WORDS = {
    *("image", "images", "img", "imgs", "im", "ims", "photo", "photos", "picture", "pictures"),
    *("input", "inputs", "rgb", "frame", "frames", "org", "original", "sat", "jpegimages"),
}
_MASK_WORDS = {
    *("mask", "masks", "label", "labels", "annotation", "annotations", "ann", "anns", "anno"),
    *("annos", "annot", "annots", "gt", "gts", "groundtruth", "groundtruths", "truth", "seg"),
    *("segs", "segm", "segmentation", "segmentations", "segmentationclass", "semantic", "trimap"),
    *("semantics", "trimaps", "target", "targets", "manual", "parsing", "stuffthingmaps"),
    *("labelmap", "labelmaps", "colormap", "colormaps"),
}
_EXTRA_WORDS = {
    *("instance", "instances", "depth", "depths", "disparity", "edge", "edges", "boundary"),
    *("boundaries", "contour", "contours", "overlay", "overlays", "vis", "viz", "visualization"),
    *("visualizations", "visualisation", "preview", "previews", "panoptic", "prediction", "pred"),
    *("predictions", "preds", "heatmap", "heatmaps", "thumbnails", "polygons", "confidence"),
    *("segmentationobject",),
}
# These say "extra" only beside a word for images or masks: a folder objects/ may hold photographs.
_EXTRA_BESIDE_OTHERS = {"object", "objects", "right", "part", "parts", "nir", "thermal", "weight"}
# These say nothing about what else a folder holds.
_EMPTY_WORDS = {
    *("dir", "folder", "set", "split", "data", "dataset", "class", "jpeg", "jpg", "png", "tif"),
    *("tiff", "gif", "bmp", "left", "bit", "ground", "raw", "st", "the", "of", "and", "files"),
}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
_GLUED = re.compile(rf"({'|'.join(sorted(SPLIT_WORDS, key=len, reverse=True))})(.+)")


class FolderName(NamedTuple):
    """What the name of one folder says."""

    role: Role | None
    """What lies in it; None when the name does not tell."""

    rank: int
    """Of mask folders: which to take when several hold a mask of one image, lowest first."""

    split: str | None
    """train, val or test."""

    form: str
    """The name with `{split}` where its split stood."""

    rest: str
    """The words and numbers that say neither role nor split, lower case: "b" of images_b."""


@lru_cache(maxsize=65536)
def read_folder_name(name: str) -> FolderName:
    """The words of a folder's name, at CamelCase humps, digits and signs: imagesTr, train_masks."""
    pieces = _pieces(name)
    words = [word for word, _, _ in pieces]
    role = _role(words)
    if "manual" in words and "2" in words:  # DRIVE: the second person's drawing of the test images
        role = "extra"
    split, form = None, name
    for word, start, end in pieces:
        found = SPLIT_WORDS.get(word) or (SHORT_SPLIT_WORDS.get(word) if role else None)
        if found:
            split, form = found, f"{name[:start]}{{split}}{name[end:]}"
            break
    said = _IMAGE_WORDS | _MASK_WORDS | _EXTRA_WORDS | _EMPTY_WORDS | set(SPLIT_WORDS)
    rest = [w for w in words if w not in said and not (role and w in SHORT_SPLIT_WORDS)]
    return FolderName(role, _rank(name, words), split, form, " ".join(rest))


def _pieces(name: str) -> list[tuple[str, int, int]]:
    """(word in lower case, start, end); trainannot is two words."""
    found: list[tuple[str, int, int]] = []
    known = _IMAGE_WORDS | _MASK_WORDS
    for match in _WORD.finditer(name):
        word, start, end = match[0].lower(), match.start(), match.end()
        glued = _GLUED.fullmatch(word)
        if glued and glued[2] in known:
            middle = start + len(glued[1])
            found += [(glued[1], start, middle), (glued[2], middle, end)]
        else:
            found.append((word, start, end))
    return found


def _role(words: list[str]) -> Role | None:
    has_image, has_mask = not _IMAGE_WORDS.isdisjoint(words), not _MASK_WORDS.isdisjoint(words)
    if not _EXTRA_WORDS.isdisjoint(words):
        return "extra"
    if (has_image or has_mask) and not _EXTRA_BESIDE_OTHERS.isdisjoint(words):
        return "extra"
    return "mask" if has_mask else "image" if has_image else None


def _rank(name: str, words: list[str]) -> int:
    if "manual" in words:  # beside it, DRIVE's folder mask/ holds the field of view
        return 0
    return 1 if name in USUAL_MASK_FOLDERS else 2


# --- files --------------------------------------------------------------------------------------

_IMAGE_TAILS = {
    *("image", "img", "im", "rgb", "sat", "color", "colour", "photo", "orig", "original", "input"),
    *("leftimg8bit",),
}
# Never a head, and never a reason to take a file for an image.
_IMAGE_TAILS_ONLY = {"training", "test", "0000"}  # DRIVE; 0000 is nnU-Net's first channel
_MASK_TAILS = {
    *("mask", "masks", "label", "labels", "lab", "gt", "gts", "seg", "segm", "segmentation"),
    *("groundtruth", "truth", "manual", "manual1", "1stho", "annotation", "anno", "ann", "annot"),
    *("semantic", "trimap", "target", "gtfine", "gtcoarse"),
}
_VARIANT_TAILS = {"labelids", "labeltrainids", "trainids", "labelid", "colormap"}
_EXTRA_TAILS = {
    *("instance", "instances", "instanceids", "depth", "disparity", "edges", "boundary", "contour"),
    *("overlay", "vis", "viz", "visualization", "preview", "panoptic", "polygons", "2ndho"),
    *("manual2", "prediction", "pred", "normals", "rightimg8bit"),
}
_PIECE = re.compile(r"[^_\-. ]+")


class FileStem(NamedTuple):
    """What the name of one file, without its ending, says."""

    role: Role | None
    """None when the name does not tell."""

    cores: tuple[str, ...]
    """The name without those words, least taken off first; empty when it has none."""

    is_variant: bool
    """One of several codings of a mask: X_labelIds beside X_labelTrainIds, X_gtFine_color."""


_PLAIN = FileStem(None, (), is_variant=False)


def read_stem(stem: str) -> FileStem:
    """The words for image and mask at either end of a name, or the only one inside it."""
    pieces = list(_PIECE.finditer(stem))
    kinds = [_kind(piece[0]) for piece in pieces]
    if not any(kinds):
        return _PLAIN
    tail = len(kinds)
    while tail and (kinds[tail - 1] or (tail < len(kinds) and pieces[tail - 1][0] == "ground")):
        tail -= 1
    heads = 1 if tail and kinds[0] not in (None, "tail") else 0
    used = [n for n in range(len(kinds)) if n < heads or n >= tail]
    if not used:
        inside = [n for n, kind in enumerate(kinds) if kind not in (None, "tail")]
        if len(inside) != 1:
            return _PLAIN
        (at,) = inside
        core = stem[: pieces[at].start()] + stem[pieces[at + 1].start() :]
        return _as_stem((core,), [kinds[at]], [pieces[at][0]])
    start = pieces[heads].start() if heads else 0
    cores = [stem[start:]] if heads else []
    cores += [stem[: pieces[n].start()].rstrip("_-. ") for n in reversed(range(tail, len(kinds)))]
    if heads and tail < len(kinds):
        cores.append(stem[start : pieces[tail - 1].end()] if tail > heads else "")
    return _as_stem(tuple(cores), [kinds[n] for n in used], [pieces[n][0] for n in used])


def _as_stem(cores: tuple[str, ...], kinds: list[str | None], words: list[str]) -> FileStem:
    lowered = [word.lower() for word in words]
    if "extra" in kinds:
        return FileStem("extra", cores, is_variant=False)
    if "mask" in kinds:
        varies = any(word in _VARIANT_TAILS or word in _IMAGE_TAILS for word in lowered)
        return FileStem("mask", cores, varies)
    return FileStem("image" if "image" in kinds else None, cores, is_variant=False)


def _kind(piece: str) -> str | None:
    word = piece.lower()
    if piece == "L" or word in _MASK_TAILS or word in _VARIANT_TAILS:  # CamVid's X_L.png
        return "mask"
    if word in _EXTRA_TAILS:
        return "extra"
    if word in _IMAGE_TAILS_ONLY:
        return "tail"
    return "image" if word in _IMAGE_TAILS else None
