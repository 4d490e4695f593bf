"""Decoding an RGB mask of 32 classes: one look-up a pixel against one comparison a class.

    OMP_NUM_THREADS=1 python benchmarks/mask_decode.py --out benchmarks/results/mask-decode.json

The mask is 1024x2048, patches of 16x16 pixels. "One comparison a class" is how tutorials decode:
`np.all(mask == color, axis=-1)` for each colour; "by channel" is the same with the three channels
compared one by one in uint8, about the best that comparisons can do.
"""

import numpy as np

from result_file import best_times, parse_out, print_table, write_result
from tessella.labels import LabelMap
from tessella.palette import distinct_colors

NUM_CLASSES = 32
OURS = "LabelMap.decode"


def drawn_mask(labels: LabelMap) -> np.ndarray:
    """Patches of random classes, as a colour picture."""
    patches = np.random.default_rng(0).integers(0, NUM_CLASSES, (64, 128), dtype=np.uint8)
    return labels.colorize(np.kron(patches, np.ones((16, 16), np.uint8)))


def compare_classes(picture: np.ndarray, labels: LabelMap) -> np.ndarray:
    """What a tutorial does."""
    classes = np.zeros(picture.shape[:2], np.int64)
    for index, color in enumerate(labels.colors):
        classes += np.all(picture == color, axis=-1) * index
    return classes


def compare_channels(picture: np.ndarray, labels: LabelMap) -> np.ndarray:
    """The same without its three wide temporaries."""
    classes = np.zeros(picture.shape[:2], np.uint8)
    red, green, blue = np.moveaxis(picture, -1, 0)
    for index, (r, g, b) in enumerate(labels.colors):
        classes[(red == r) & (green == g) & (blue == b)] = index
    return classes


def main() -> None:
    arguments = parse_out(__doc__)
    colors = distinct_colors(NUM_CLASSES)
    labels = LabelMap.from_colors({f"class {i}": color for i, color in enumerate(colors)})
    picture = drawn_mask(labels)
    expected = compare_classes(picture, labels)
    assert np.array_equal(labels.decode(picture, where="mask"), expected)
    assert np.array_equal(compare_channels(picture, labels), expected)

    times = best_times(
        {
            OURS: lambda: labels.decode(picture, where="mask"),
            "one comparison a class": lambda: compare_classes(picture, labels),
            "one comparison a class, by channel": lambda: compare_channels(picture, labels),
        },
        repeats=5,
    )
    figures = print_table("1024x2048 RGB mask, 32 classes", times, ours=OURS)
    if arguments.out:
        write_result(
            arguments.out,
            claim="Decoding a colour mask is at least 100x faster than one comparison a class.",
            figures=figures,
            command="OMP_NUM_THREADS=1 python benchmarks/mask_decode.py",
        )


if __name__ == "__main__":
    main()
