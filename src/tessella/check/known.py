"""The palettes of the field that our readers know, recognised by their colours or their greys."""

from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import NamedTuple

from tessella.data import camvid, camvid32, cityscapes, voc
from tessella.labels import pack

_BLACK, _WHITE = 0x000000, 0xFFFFFF

_LAST_OF_SMALL_IDS = 35  # Cityscapes, for one, has sparse ids up to 33


class Palette(NamedTuple):
    """Classes and the colours that a data set draws them in."""

    about: str
    """As in a sentence: "the colours of Pascal VOC"."""

    classes: Mapping[str, int]
    """Name -> 0xRRGGBB, in the order of the classes."""

    ignored: frozenset[int]
    """Colours of pixels that count nowhere."""

    @property
    def colors(self) -> frozenset[int]:
        """All colours, with those that are ignored."""
        return self.ignored | frozenset(self.classes.values())


def _cityscapes() -> Palette:
    labels = cityscapes.labels_of(19)
    colors = dict(zip(labels.names, (pack(color) for color in labels.colors), strict=True))
    others = {pack(color) for color in cityscapes.labels_of(34).colors} - set(colors.values())
    return Palette("the colours of Cityscapes", colors, frozenset(others | {_BLACK}))


def _packed(names: Collection[str], colors: Collection[tuple[int, int, int]]) -> dict[str, int]:
    return {name: pack(color) for name, color in zip(names, colors, strict=True)}


VOC = Palette(
    "the colours of Pascal VOC",
    _packed(voc.NAMES, voc.LABELS.colors),
    frozenset({pack(voc.voc_color(255))}),
)
PALETTES = (
    VOC,
    Palette(
        "the colours of CamVid, 11 classes",
        _packed(camvid.LABELS.names, camvid.LABELS.colors),
        frozenset({_BLACK}),
    ),
    Palette(
        "the colours of CamVid, 32 classes",
        {name: pack(color) for name, color in camvid32.COLORS.items() if name != "Void"},
        frozenset({_BLACK}),
    ),
    _cityscapes(),
)
_ENOUGH = 3  # colours beside black and white; two could be a coincidence


def palette_of(colors: Collection[int]) -> Palette | None:
    """The palette that all of these colours belong to; None when none does, or several do.

    Annotation tools paint anybody's classes 1, 2, 3 in the first colours of VOC. So VOC's colours
    mean VOC's classes only where some of the first are passed over, or all 20 occur.

    Args:
        colors: 0xRRGGBB; three of them at least must be neither black nor white.
    """
    seen = set(colors)
    if len(seen - {_BLACK, _WHITE}) < _ENOUGH:
        return None
    fitting = [palette for palette in PALETTES if seen <= palette.colors | {_BLACK}]
    if not fitting or (fitting == [VOC] and _are_first_of_voc(seen)):
        return None
    smallest = min(fitting, key=lambda palette: len(palette.classes))
    # CamVid's 11 are among its 32; VOC shares some colours with both, for other things
    is_clear = all(smallest.colors <= palette.colors for palette in fitting)
    return smallest if is_clear else None


def _are_first_of_voc(seen: set[int]) -> bool:
    order = list(VOC.classes.values())
    places = [order.index(color) for color in seen - {_BLACK} - VOC.ignored]
    return max(places) == len(places) < len(order) - 1


def grey_of(color: int) -> int:
    """The grey that a program makes of a colour, 0..255.

    ITU-R BT.601: 0.299 red + 0.587 green + 0.114 blue, in 1/65536 and rounded.
    """
    red, green, blue = color >> 16, color >> 8 & 255, color & 255
    return (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16


def palette_of_greys(values: Collection[int], stated: Mapping[str, int]) -> Palette | None:
    """The palette whose colours, turned to grey, give exactly these values.

    Args:
        values: grey values of masks; fewer than two beside 0 and 255, values that are evenly
            spread, and small ones could be a coincidence.
        stated: colours that the user's class list gives, tried first; empty for none.
    """
    seen = set(values)
    telling = seen - {0, 255}
    steps = {high - low for low, high in pairwise(sorted(seen))}
    if len(telling) < 2 or len(steps) == 1 or max(telling) <= _LAST_OF_SMALL_IDS:
        return None
    own = (Palette("the colours of the class list", stated, frozenset()),) if stated else ()
    for palette in (*own, *(PALETTES if len(telling) >= _ENOUGH else (VOC,))):
        greys = {grey_of(color) for color in palette.colors}
        if seen <= greys | {0, 255}:
            return palette
    return None
