"""The data sets that a recipe can name. Adding one is a file beside this and a line here.

A reader is a function `(root, split, *, options...)` that returns a dataset: `len`, `[i]` ->
`Sample` with `IndexError` past the end, `.labels`, and `.names` and `.groups`, one for each sample.
"""

from tessella.data import camvid, folder
from tessella.data.dataset import DatasetEntry
from tessella.data.synthetic import scenes

DATASETS: dict[str, DatasetEntry] = {
    "camvid": camvid.ENTRY,
    "folder": folder.ENTRY,
    "synthetic": scenes.ENTRY,
}
