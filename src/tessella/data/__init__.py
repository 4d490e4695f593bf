"""The data sets that a recipe can name. Adding one is a file beside this and a line here.

A reader is a function `(root, split, *, options...)` that returns a dataset: `len`, `[i]` ->
`Sample` with `IndexError` past the end, `.labels`, and `.names` and `.groups`, one for each sample.
"""

from tessella.data.camvid import read_camvid
from tessella.data.dataset import Reader
from tessella.data.folder import read_folder
from tessella.data.synthetic.scenes import read_drawn_scenes

DATASETS: dict[str, Reader] = {
    "camvid": read_camvid,
    "folder": read_folder,
    "synthetic": read_drawn_scenes,
}
