"""Exact Euclidean distances up to a radius, on the device that holds the mask."""

import torch
from jaxtyping import Int16, Integer
from torch import Tensor

from tessella.losses.inputs import class_index, labelled_pixels

MAX_RADIUS = 127
"""Twice its square is the largest sum that 16 bits must hold."""


def squared_distances(
    mask: Integer[Tensor, "n h w"], *, num_classes: int, ignore_index: int, radius: int
) -> Int16[Tensor, "n c h w"]:
    """For each pixel and class the squared distance to the class's nearest pixel, in px^2.

    For a pixel's own class it is that to the nearest labelled pixel of any other class: together
    the two sides of each class's boundary. Ignored pixels are of no class.

    Two passes, along rows and along columns, each of 2 `radius` steps that act on whole images
    (Felzenszwalb and Huttenlocher 2012, "Distance transforms of sampled functions", section 2,
    with the parabolas cut off at the radius). One image at a time.

    Args:
        mask: class indices 0..num_classes-1, or `ignore_index`.
        num_classes: c.
        ignore_index: pixels with this value are not labelled.
        radius: in px, 1..127; larger distances, or to what is nowhere, are given as the radius.
    """
    num_images, height, width = mask.shape
    far = radius * radius
    shape = (num_images, num_classes, height, width)
    distances = torch.full(shape, far, dtype=torch.int16, device=mask.device)
    labelled = labelled_pixels(mask, ignore_index=ignore_index)
    for image, of_mask, known in zip(distances, mask, labelled, strict=True):
        index = class_index(of_mask, known).unsqueeze(0)
        known = known.unsqueeze(0)
        image.scatter_(0, index, torch.where(known, 0, far).to(torch.int16))
        # a CPU keeps one class's plane in its cache, and may look which classes are there
        planes = [p for p in image if p.min() < far] if mask.device.type == "cpu" else [image]
        for plane in planes:
            along_rows = _spread(plane, dim=-1, radius=radius)
            plane.copy_(_spread(along_rows, dim=-2, radius=radius))
        others = image.scatter(0, index, far).amin(0, keepdim=True)
        image.scatter_(0, index, others)
    return distances


def _spread(squares: Int16[Tensor, "*n h w"], *, dim: int, radius: int) -> Int16[Tensor, "*n h w"]:
    """The least of a pixel and its neighbours, each plus its squared distance along `dim`."""
    least = squares.clone()
    length = squares.shape[dim]
    for step in range(1, min(radius, length - 1) + 1):
        farther = squares + step * step
        for start, neighbour in ((0, step), (step, 0)):
            here = least.narrow(dim, start, length - step)
            torch.minimum(here, farther.narrow(dim, neighbour, length - step), out=here)
    return least
