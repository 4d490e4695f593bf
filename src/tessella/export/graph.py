"""What an exported file computes: the whole way from the pixels of an image to its class map."""

from collections.abc import Sequence

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from tessella.model_card import CLASSES, IMAGES, LOGITS, PROBABILITIES
from tessella.models.segmenter import Segmenter

OUTPUTS = (CLASSES, PROBABILITIES, LOGITS)


class ShippedGraph(nn.Module):
    """Images as they are in the file to class maps; probabilities or logits on request."""

    def __init__(self, segmenter: Segmenter, outputs: Sequence[str]) -> None:
        """Wrap a segmenter.

        Args:
            segmenter: trained, in fp32 on the CPU; set to evaluation mode.
            outputs: some of `OUTPUTS`, `CLASSES` first.
        """
        super().__init__()
        # channels-last weights would be exported with strides that no other engine knows
        self.segmenter = segmenter.float().to(memory_format=torch.contiguous_format).eval()
        self.outputs = tuple(outputs)

    def forward(self, images: UInt8[Tensor, "n c h w"]) -> tuple[Tensor, ...]:
        """The outputs, in order: classes uint8 (n, h, w), the others float32 (n, k, h, w)."""
        logits = self.segmenter(images)
        computed = {
            CLASSES: lambda: logits.argmax(1).to(torch.uint8),
            PROBABILITIES: lambda: logits.softmax(1),
            LOGITS: lambda: logits,
        }
        return tuple(computed[name]() for name in self.outputs)


def traced(
    graph: ShippedGraph, *, size: tuple[int, int], is_fixed: bool
) -> torch.export.ExportedProgram:
    """The graph as torch.export sees it.

    Args:
        graph: what to compute.
        size: height and width of the example.
        is_fixed: the size is the only one that it will take. Otherwise any from 1 pixel up;
            the number of images is free either way.

    Raises:
        ValueError: the network cannot be traced.
    """
    free = {0: torch.export.Dim("batch", min=1)}
    if not is_fixed:
        free |= {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    # two images: a batch of one would be taken for a constant
    example = torch.zeros((2, graph.segmenter.in_channels, *size), dtype=torch.uint8)
    try:
        program = torch.export.export(graph, (example,), dynamic_shapes={IMAGES: free})
    except (RuntimeError, ValueError, torch._dynamo.exc.TorchDynamoException) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ValueError(
            f"{type(graph.segmenter.network).__name__}: torch cannot trace this network "
            f"({reason}); export another one, or report it."
        ) from error
    # where each operation stands in the source, with the paths of this machine
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program
