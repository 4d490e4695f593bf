"""Pixels counted on the device that predicts them, without waiting for it."""

import numpy as np
import torch
from jaxtyping import Float32, Int, Int64, UInt8
from torch import Tensor

from tessella.metrics.counts import check_classes, select_classes


class PixelCounter:
    """The confusion matrix of a whole split, summed where the class maps are.

    Nothing is read back before `read`: a GPU never waits. One counter serves one pass over one
    split; the next pass takes a new one.
    """

    counts: Int64[Tensor, "256 columns"]
    """Rows: every value a mask can hold. Columns: the classes, then "no class". Counters of
    several ranks are joined by summing these."""

    def __init__(self, num_classes: int, ignore_index: int, device: torch.device | str) -> None:
        """Nothing counted yet.

        Args:
            num_classes: 1..254.
            ignore_index: 0..255; mask pixels with this value count nowhere.
            device: where the class maps will be.

        Raises:
            ValueError: a number is outside its range.
        """
        check_classes(num_classes, ignore_index)
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.counts = torch.zeros((256, num_classes + 1), dtype=torch.int64, device=device)

    @torch.no_grad()
    def add(
        self, class_maps: UInt8[Tensor, "n h w"], masks: UInt8[Tensor, "n h w"]
    ) -> Float32[Tensor, " n"]:
        """Count a batch.

        Args:
            class_maps: predictions, 0..num_classes-1.
            masks: class indices 0..num_classes-1, or `ignore_index`; moved to the device.

        Returns:
            Each image's own mean IoU (0..1), on the device; NaN where nothing is labelled.

        Raises:
            ValueError: the shapes differ, or a tensor is not uint8.
        """
        _check_pair(class_maps, masks)
        device = self.counts.device
        class_maps = class_maps.to(device, non_blocking=True)
        masks = masks.to(device, non_blocking=True)
        # bincount waits for a GPU to tell the largest index; on a CPU it is 3 times faster
        tally = count_by_bincount if device.type == "cpu" else count_by_scatter
        tables = self.counts.new_zeros((len(masks), *self.counts.shape))
        for table, class_map, mask in zip(tables, class_maps, masks, strict=True):
            index = pair_index(class_map, mask, num_classes=self.num_classes)
            table += tally(index, num_cells=table.numel()).view_as(table)
        tables[:, self.ignore_index, : self.num_classes] = 0
        self.counts += tables.sum(0)
        return _mean_iou_per_table(tables[:, : self.num_classes, : self.num_classes])

    def read(self) -> Int64[np.ndarray, "k k"]:
        """The counts so far, rows mask, columns prediction; waits for the device.

        Raises:
            ValueError: a mask held a value that is neither a class nor ignored, or a class map
                held one that is no class.
        """
        table = self.counts.cpu().numpy()
        if strays := int(table[:, self.num_classes].sum()):
            raise ValueError(
                f"{strays} pixels were predicted as {self.num_classes} or above, but "
                f"classes are 0..{self.num_classes - 1}; "
                "count with the number of classes that the model predicts."
            )
        return select_classes(table, num_classes=self.num_classes, ignore_index=self.ignore_index)


def pair_index(
    class_map: UInt8[Tensor, "h w"], mask: UInt8[Tensor, "h w"], *, num_classes: int
) -> Int[Tensor, " pixels"]:
    """Where in a table of 256 rows and `num_classes` + 1 columns each pixel counts.

    Class-map values that are no class count in the last column.
    """
    columns = num_classes + 1
    # 1024x2048 pixels: 2.1 ms with 16-bit indices, 2.9-3.6 ms with 32-bit ones (CPU, one thread)
    dtype = torch.int16 if 256 * columns <= 1 << 15 else torch.int32
    index = mask.to(dtype).mul_(columns).add_(class_map.clamp(max=num_classes))
    return index.reshape(-1)


def count_by_bincount(index: Int[Tensor, " pixels"], *, num_cells: int) -> Int64[Tensor, " cells"]:
    """How often each of 0..num_cells-1 occurs; the fast way on a CPU."""
    return torch.bincount(index, minlength=num_cells)


def count_by_scatter(index: Int[Tensor, " pixels"], *, num_cells: int) -> Int64[Tensor, " cells"]:
    """How often each of 0..num_cells-1 occurs, without a word from the device."""
    one = torch.ones(1, dtype=torch.int64, device=index.device)
    counts = torch.zeros(num_cells, dtype=torch.int64, device=index.device)
    return counts.scatter_add_(0, index.long(), one.expand(len(index)))


def _mean_iou_per_table(counts: Tensor) -> Tensor:
    both = counts.diagonal(dim1=1, dim2=2)
    iou = both / (counts.sum(1) + counts.sum(2) - both)  # 0/0, absent from both, is NaN
    return iou.nanmean(1).float()


def _check_pair(class_maps: Tensor, masks: Tensor) -> None:
    if class_maps.shape != masks.shape or masks.ndim != 3:
        raise ValueError(
            f"PixelCounter.add: class maps have shape {tuple(class_maps.shape)} and masks "
            f"{tuple(masks.shape)}; give both as n h w, at the masks' size."
        )
    if not class_maps.dtype == masks.dtype == torch.uint8:
        raise ValueError(
            f"PixelCounter.add: class maps are {class_maps.dtype} and masks {masks.dtype}; "
            "give class indices as uint8."
        )
