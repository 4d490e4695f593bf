"""Problems of the files themselves and of images with their masks: broken, lonely, misaligned."""

from collections import defaultdict
from collections.abc import Iterator
from math import gcd
from pathlib import Path

from tessella.check.evidence import Evidence, counted, problem
from tessella.check.findings import Problem
from tessella.check.observe import Ailment, Failure, ImageSeen, MaskSeen
from tessella.data.header import MAX_PIXELS, Size

_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap height and width
_FEW_SHARE, _MANY_VALUES, _MOST = 0.8, 64, 0.5

_AILMENTS: dict[Ailment, tuple[str, str, str]] = {
    "missing": (
        "is not there or may not be read",
        "are not there or may not be read",
        "Add the files, or remove their names from the lists.",
    ),
    "empty": ("is empty (0 bytes)", "are empty (0 bytes)", "Copy or export them again."),
    "truncated": (
        "is cut short, as by a broken download",
        "are cut short, as by a broken download",
        "Copy or download them again.",
    ),
    "bomb": (
        f"is larger than {MAX_PIXELS / 1e6:.0f} megapixels",
        f"are larger than {MAX_PIXELS / 1e6:.0f} megapixels",
        "Cut them into pieces; a small file that unpacks to so much can fill the memory.",
    ),
    "unreadable": ("cannot be read", "cannot be read", "Export them again, or remove them."),
}


def file_problems(evidence: Evidence) -> Iterator[Problem]:
    """Files that are broken or oddly named, and images and masks that lack each other."""
    yield from _failures(evidence)
    yield from _odd_names(evidence)
    yield from _without_pairs(evidence)
    yield from _unpaired(evidence)


def _failures(evidence: Evidence) -> Iterator[Problem]:
    found: dict[Ailment, list[tuple[str, str]]] = defaultdict(list)
    for place, seen in enumerate(evidence.seen):
        for what, file in ((seen.image, evidence.image_file), (seen.mask, evidence.mask_file)):
            if isinstance(what, Failure):
                found[what.ailment].append((file(place), what.message))
    for ailment, files in found.items():
        one, many, advice = _AILMENTS[ailment]
        summary = f"{counted(len(files), 'file')} {one if len(files) == 1 else many}"
        if ailment == "unreadable":
            first = files[0][1].removesuffix("Export it again, or remove it.")  # as we advise
            summary += f"{'' if len(files) == 1 else '; the first'}: {first.rstrip(' .')}"
        summary += "."
        yield problem(ailment, "error", summary, files=[file for file, _ in files], advice=advice)


def _odd_names(evidence: Evidence) -> Iterator[Problem]:
    paths = [
        path
        for _, pair in evidence.pairs
        for path in (pair.image, pair.mask)
        if isinstance(path, Path)
    ]
    paths += [*evidence.lonely_images, *evidence.lonely_masks]
    if odd := [str(path) for path in paths if not _is_text(str(path))]:
        yield problem(
            "file_name",
            "error",
            f"{counted(len(odd), 'file')} {_have(odd)} a path that is no UTF-8 text, so that no "
            "list, report or JSON can name it.",
            files=odd,
            advice="Rename files and folders, with plain letters or in UTF-8; old zips often hold "
            "names in another encoding.",
        )


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without_pairs(evidence: Evidence) -> Iterator[Problem]:
    """Files, but not one image with its mask: the patterns of the options fit nothing, say."""
    masks = [str(path) for path in evidence.lonely_masks]
    if evidence.pairs or not masks:
        return
    yield problem(
        "no_pairs",
        "error",
        f"No image has a mask: there {_are(len(evidence.lonely_images))} "
        f"{counted(len(evidence.lonely_images), 'image')} and {counted(len(masks), 'mask')}.",
        files=[*map(str, evidence.lonely_images[:2]), *masks[:2]],
        count=len(evidence.lonely_images) + len(masks),
        advice="Say how the names go together, for example "
        "'data.options.images=images/{name}.jpg' and 'data.options.masks=masks/{name}_mask.png'.",
    )


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _unpaired(evidence: Evidence) -> Iterator[Problem]:
    bare = {split: evidence.without_mask(split) for split in evidence.splits}
    unmasked: list[str] = []
    for split, places in bare.items():
        files = [evidence.image_file(place) for place in places]
        if files and len(files) == sum(split == other for other, _ in evidence.pairs):
            yield problem(
                "split_without_masks",
                "remark",
                f"None of the {counted(len(files), 'image')} of {split} has a mask.",
                files=files,
                advice="They can be predicted, but not learned from or scored.",
            )
        else:
            unmasked += files
    if lonely := [*map(str, evidence.lonely_images), *unmasked]:
        total = len(evidence.pairs) + len(evidence.lonely_images)
        is_wanted = evidence.options.get("missing_masks") == "skip"
        yield problem(
            "unpaired_image",
            "remark" if is_wanted else "warning",
            f"{len(lonely)} of {counted(total, 'image')} {_have(lonely)} no mask.",
            files=lonely,
            advice="They are left out, as data.options.missing_masks=skip says."
            if is_wanted
            else "Add the masks, or leave images without one out with "
            "data.options.missing_masks=skip.",
        )
    if lonely := [str(path) for path in evidence.lonely_masks]:
        yield problem(
            "unpaired_mask",
            "warning",
            f"{counted(len(lonely), 'mask')} {_have(lonely)} no image.",
            files=lonely,
            advice="Add the images, or remove masks without one; a mask goes by the name of its "
            "image.",
        )


def _have(files: list[str]) -> str:
    return "has" if len(files) == 1 else "have"


def alignment_problems(evidence: Evidence) -> Iterator[Problem]:
    """Masks that do not lie on their images: of another size, or turned otherwise."""
    unlike: dict[str, list[int]] = defaultdict(list)
    turned: list[int] = []
    unclear: list[int] = []
    for place, mask in evidence.masks():
        image = evidence.seen[place].image
        if isinstance(image, Failure):
            continue
        if image.size != mask.size and _is_turned_by_exif(image, mask):
            turned.append(place)
        elif image.size != mask.size:
            unlike[_difference(image.size, mask.size)].append(place)
        elif _could_be_turned(image, mask):
            unclear.append(place)
    for how, places in unlike.items():
        yield _size_mismatch(evidence, how, places)
    if turned:
        yield problem(
            "exif_rotation",
            "error",
            f"{counted(len(turned), 'pair')}: an EXIF entry turns the image but not its mask, or "
            "the other way round; as stored they have one size, upright they do not.",
            files=[evidence.mask_file(place) for place in turned],
            advice="Save the turned file upright without an EXIF orientation, so that image and "
            "mask lie alike in every program.",
        )
    if unclear:
        yield problem(
            "exif_rotation",
            "warning",
            f"{counted(len(unclear), 'pair')}: EXIF turns the image and its mask differently, and "
            "their sizes do not tell whether they match.",
            files=[evidence.image_file(place) for place in unclear],
            advice="Look at some of these pairs, and save their files upright without an EXIF "
            "orientation.",
        )


def _is_turned_by_exif(image: ImageSeen, mask: MaskSeen) -> bool:
    is_sideways = image.turn in _SIDEWAYS or mask.turn in _SIDEWAYS
    return is_sideways and image.turn != mask.turn and image.stored == mask.stored


def _could_be_turned(image: ImageSeen, mask: MaskSeen) -> bool:
    """Whether the turns differ in a way that equal sizes do not settle."""
    if image.turn == mask.turn:
        return False
    is_square = image.size.height == image.size.width
    swaps = (image.turn in _SIDEWAYS) != (mask.turn in _SIDEWAYS)
    return is_square or not swaps


def _difference(image: Size, mask: Size) -> str:
    if (mask.width, mask.height) == (image.height, image.width):
        return "have height and width swapped"
    if image.height * mask.width == image.width * mask.height:
        if image.height % mask.height == 0:
            return f"are smaller than their images by a factor of {image.height // mask.height}"
        if mask.height % image.height == 0:
            return f"are larger than their images by a factor of {mask.height // image.height}"
        common = gcd(mask.height, image.height)
        return (
            f"are scaled to {mask.height // common}/{image.height // common} of their images' size"
        )
    return "have another size and shape than their images"


def _size_mismatch(evidence: Evidence, how: str, places: list[int]) -> Problem:
    seen = evidence.seen[places[0]]
    assert isinstance(seen.image, ImageSeen)
    assert isinstance(seen.mask, MaskSeen)
    (ih, iw), (mh, mw) = seen.image.size, seen.mask.size
    verb = how if len(places) > 1 else _of_one(how)
    return problem(
        "size_mismatch",
        "error",
        f"{counted(len(places), 'mask')} {verb}: the first is {mh}x{mw} (height x width), its "
        f"image {ih}x{iw}.",
        files=[evidence.mask_file(place) for place in places],
        advice="Export the masks at the images' size; where they have to be resized, take the "
        "nearest value and never mix values.",
    )


def _of_one(how: str) -> str:
    """What is said of several masks, said of one."""
    one = how.replace("are ", "is ", 1).replace("have ", "has ", 1)
    return one.replace("their images'", "its image's").replace("their images", "its image")


def content_problems(evidence: Evidence) -> Iterator[Problem]:
    """Images that look like masks: flat, with a few values."""
    images = list(evidence.images())
    few = [place for place, image in images if image.has_few_levels]
    if not few:
        return
    masks = [mask for _, mask in evidence.masks()]
    many = sum(mask.values.count > _MANY_VALUES for mask in masks)
    files = [evidence.image_file(place) for place in few]
    if len(few) >= _FEW_SHARE * len(images) and masks and many >= _MOST * len(masks):
        yield problem(
            "image_has_few_values",
            "error",
            f"{len(few)} of {counted(len(images), 'image')} hold a few flat values and {many} of "
            f"{counted(len(masks), 'mask')} hold over {_MANY_VALUES}: images and masks are "
            "swapped.",
            files=files,
            advice="Swap the two folders, or the patterns data.options.images and masks.",
        )
        return
    yield problem(
        "image_has_few_values",
        "remark",
        f"{len(few)} of {counted(len(images), 'image')} hold a few flat values, as drawings, "
        "blank frames and masks do.",
        files=files,
        advice="Look at some of them; remove blank ones.",
    )
