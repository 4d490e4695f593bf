"""The data sets that a recipe can name. Adding one is a file beside this and a line here.

A reader is a function `(root, split, *, options...)` that returns a dataset: `len`, `[i]` ->
`Sample` with `IndexError` past the end, `.labels`, and `.names` and `.groups`, one for each sample.
"""

from tessella.data import (
    camseq,
    camvid,
    camvid32,
    cityscapes,
    coco,
    flowers17,
    folder,
    labelme,
    manifest,
    stanford2d3ds,
    voc,
)
from tessella.data.dataset import DatasetEntry
from tessella.data.synthetic import scenes

DATASETS: dict[str, DatasetEntry] = {
    "camseq": camseq.ENTRY,
    "camvid": camvid.ENTRY,
    "camvid32": camvid32.ENTRY,
    "cityscapes": cityscapes.ENTRY,
    "coco": coco.ENTRY,
    "flowers17": flowers17.ENTRY,
    "folder": folder.ENTRY,
    "labelme": labelme.ENTRY,
    "manifest": manifest.ENTRY,
    "stanford2d3ds": stanford2d3ds.ENTRY,
    "synthetic": scenes.ENTRY,
    "voc2007": voc.VOC2007,
    "voc2012": voc.VOC2012,
}
