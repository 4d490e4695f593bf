"""A sheet of the worst leaks between splits: the two images side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import UInt8

from tessella.data.dataset import Dataset
from tessella.data.leaks import Leak, Leaks, Place
from tessella.labels import LabelMap
from tessella.palette import Color, distinct_colors
from tessella.pictures import WRONG_COLOR, legend, thumbnail

CELL = 320
"""Width of one image with its caption, and the most height of the image, in pixels."""

_REMARK_COLOR: Color = (128, 136, 148)
_GAP = 12  # pixels between pairs
_CHARACTERS = 34  # of the caption's font in one cell


def worst_pairs(
    leaks: Leaks, datasets: Mapping[str, Dataset], *, count: int = 6
) -> UInt8[np.ndarray, "h w 3"]:
    """The worst leaks on one white sheet, two pairs a row.

    Below each image its split (as a colour and in words) and name, below the pair the kind of leak
    and the likeness, marked vermillion where it is refused and grey where it is a remark.

    Args:
        leaks: what was found, the worst first.
        datasets: split name -> its data set, as they were searched.
        count: how many pairs at most, 1 or more.

    Raises:
        ValueError: there is no leak to show, the count is below 1, or a sample cannot be read.
    """
    if count < 1 or not leaks.found:
        raise ValueError(
            f"worst_pairs: {count} of {len(leaks.found)} leaks asked for; expected at least one "
            "of both; draw no sheet where nothing was found."
        )
    colors = dict(zip(datasets, distinct_colors(len(datasets)), strict=True))
    pairs = [_pair(leak, datasets, colors) for leak in leaks.found[:count]]
    num_columns = min(2, len(pairs))
    rows = [_beside(pairs[i : i + num_columns]) for i in range(0, len(pairs), num_columns)]
    sheet = _white(sum(row.shape[0] for row in rows), max(row.shape[1] for row in rows))
    top = 0
    for row in rows:
        sheet[top : top + row.shape[0], : row.shape[1]] = row
        top += row.shape[0]
    return sheet


def _pair(leak: Leak, datasets: Mapping[str, Dataset], colors: Mapping[str, Color]) -> np.ndarray:
    cells = [_cell(place, datasets, colors) for place in (leak.first, leak.second)]
    color = WRONG_COLOR if leak.refused else _REMARK_COLOR
    words = f"{leak.kind}, {leak.likeness:.2f} alike"
    if leak.about:
        words += f", {leak.about}"
    line = _caption(words, color, width=2 * CELL)
    height = max(cell.shape[0] for cell in cells)
    picture = _white(height + line.shape[0] + _GAP, 2 * CELL + _GAP)
    for number, cell in enumerate(cells):
        # standing on one line, so that the captions of a tall and a flat image meet
        left = number * CELL
        picture[height - cell.shape[0] : height, left : left + CELL] = cell
    picture[height : height + line.shape[0], : 2 * CELL] = line
    return picture


def _cell(place: Place, datasets: Mapping[str, Dataset], colors: Mapping[str, Color]) -> np.ndarray:
    dataset = datasets[place.split]
    small = thumbnail(dataset[list(dataset.names).index(place.name)].image, max_side=CELL - 8)
    strip = _caption(_shortened(place), colors[place.split], width=CELL)
    height, width = small.shape[:2]
    cell = _white(height + strip.shape[0], CELL)
    left = (CELL - width) // 2
    cell[:height, left : left + width] = small
    cell[height:] = strip
    return cell


def _shortened(place: Place) -> str:
    """Split and name; of a long name the end is kept, where its number is."""
    room = max(8, _CHARACTERS - len(place.split) - 1)
    cut = place.name if len(place.name) <= room else "..." + place.name[3 - room :]
    return f"{place.split}/{cut}"


def _caption(words: str, color: Color, *, width: int) -> np.ndarray:
    # the font of legends draws ASCII only
    plain = words.encode("ascii", "replace").decode()
    return legend(LabelMap.from_names([plain], colors=[color]), [0], width=width)


def _beside(pictures: Sequence[np.ndarray]) -> np.ndarray:
    height = max(picture.shape[0] for picture in pictures)
    row = _white(height, sum(picture.shape[1] for picture in pictures))
    left = 0
    for picture in pictures:
        row[: picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1]
    return row


def _white(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 255, np.uint8)
