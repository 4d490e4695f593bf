"""What is exported: from pixels to class maps, traced for any size or for one."""

import pytest
import torch
from torch import Tensor, nn

from tessella.export.graph import OUTPUTS, ShippedGraph, traced
from tessella.models.segmenter import Segmenter


class Half(nn.Module):
    """Logits at half the size, from channels."""

    def forward(self, images: Tensor) -> Tensor:
        return images[..., ::2, ::2]


class Undecided(nn.Module):
    """Does what no tracer follows: it looks at the values."""

    def forward(self, images: Tensor) -> Tensor:
        return images if float(images.sum()) > 0 else -images


def segmenter(network: nn.Module) -> Segmenter:
    return Segmenter(network, num_classes=3, in_channels=3, stride=8, mean=(0, 0, 0), std=(1, 1, 1))


def images(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (2, 3, height, width), generator=generator, dtype=torch.uint8)


def test_outputs_come_in_order_and_fit_one_another() -> None:
    graph = ShippedGraph(segmenter(Half()), OUTPUTS)
    classes, probabilities, logits = graph(images(13, 21))
    assert classes.dtype == torch.uint8
    assert torch.equal(classes.long(), logits.argmax(1))
    torch.testing.assert_close(probabilities, logits.softmax(1))


@pytest.mark.parametrize("size", [(16, 24), (13, 21), (1, 1), (40, 9)])
def test_a_program_for_any_size_computes_what_the_graph_does(size: tuple[int, int]) -> None:
    graph = ShippedGraph(segmenter(Half()), ("classes",))
    program = traced(graph, size=(19, 27), is_fixed=False).module(check_guards=False)
    (classes,) = program(images(*size))
    assert torch.equal(classes, graph(images(*size))[0])


def test_a_program_for_one_size_takes_any_number_of_images() -> None:
    graph = ShippedGraph(segmenter(Half()), ("classes",))
    program = traced(graph, size=(16, 24), is_fixed=True).module()
    assert program(images(16, 24)[:1])[0].shape == (1, 16, 24)
    assert program(torch.cat([images(16, 24)] * 3))[0].shape == (6, 16, 24)


def test_a_network_that_cannot_be_traced_is_named() -> None:
    graph = ShippedGraph(segmenter(Undecided()), ("classes",))
    with pytest.raises(ValueError, match="Undecided: torch cannot trace this network"):
        traced(graph, size=(19, 27), is_fixed=False)
