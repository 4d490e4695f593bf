"""When a file may be given away: paper-and-pencil cases of what agrees and what does not."""

import numpy as np
import pytest
import torch
from torch import nn

from tessella.backends.torch import TorchBackend
from tessella.export.parity import Parity, at_size, compare, rows, sizes_that_fail
from tessella.labels import LabelMap
from tessella.predictor import Predictor
from tessella.sample import Sample

LABELS = LabelMap.from_names(["red", "green", "blue"])
CPU = torch.device("cpu")


class Channels(nn.Module):
    """Logits are the channels, with a little or a lot taken from the first."""

    def __init__(self, less: float = 0, *, only: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.less, self.only = less, only

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.only and images.shape[2:] != self.only:
            raise ValueError("another size")
        logits = images.float()
        logits[:, 0] -= self.less
        return logits


def predictor(module: nn.Module) -> Predictor:
    return Predictor(TorchBackend(module, device=CPU, precision="fp32"), LABELS)


def parity(differing: int = 0, away: int = 0, file_diagonal: tuple[int, int] = (50, 50)) -> Parity:
    run = np.diag([50, 50]).astype(np.int64)
    file = np.diag(file_diagonal).astype(np.int64)
    file[0, 1] = 50 - file_diagonal[0]
    labels = LabelMap.from_names(["a", "b"])
    return Parity(labels, 1, 10_000, differing, away, run, file)


def test_the_same_everywhere_is_no_problem() -> None:
    assert parity().problem() == ""
    assert parity(differing=10).problem() == ""


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (parity(differing=11), r"11 of 10000 pixels (0.110%) have another class; at most 0.1% may"),
        (parity(differing=3, away=2), "2 pixels have another class although the run was not"),
        # class a: 49/50, class b: 50/51; the mean falls from 1 by about 2 points
        (parity(file_diagonal=(49, 50)), "the mean IoU differs by 1.98 points"),
    ],
)
def test_what_differs_is_said_with_its_number(found: Parity, message: str) -> None:
    assert message in found.problem()


def test_a_tie_may_be_decided_either_way() -> None:
    image = np.full((4, 5, 3), 7, np.uint8)  # all channels alike: the first of the classes wins
    found = compare(
        predictor(Channels()), predictor(Channels(1e-6)), [Sample(image, None, "tie")], total=1
    )
    assert (found.differing, found.away_from_ties, found.pixels) == (20, 0, 20)


def test_a_difference_away_from_a_tie_is_counted() -> None:
    image = np.full((4, 5, 3), 7, np.uint8)
    image[0, 0, 0] = 9  # red by two: exp(2) times likelier
    mask = np.zeros((4, 5), np.uint8)
    found = compare(
        predictor(Channels()), predictor(Channels(3)), [Sample(image, mask, "red")], total=1
    )
    assert (found.differing, found.away_from_ties) == (20, 1)
    assert found.run_counts.tolist() == [[20, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert found.file_counts.tolist() == [[0, 20, 0], [0, 0, 0], [0, 0, 0]]


def test_nothing_to_compare_on_is_refused() -> None:
    with pytest.raises(ValueError, match="the split is empty; there is nothing to compare"):
        compare(predictor(Channels()), predictor(Channels()), [], total=0)


def test_sizes_at_which_a_file_is_wrong_or_refuses_are_found() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    run = predictor(Channels())
    sizes = [(40, 60), (33, 50), (90, 100)]
    assert not sizes_that_fail(run, predictor(Channels()), image, sizes=sizes)
    only_one = sizes_that_fail(run, predictor(Channels(only=(40, 60))), image, sizes=sizes)
    assert list(only_one) == [(33, 50), (90, 100)]
    wrong = sizes_that_fail(run, predictor(Channels(200)), image, sizes=sizes[:1])
    assert "of the pixels differ" in wrong[40, 60]


def test_an_image_is_cut_or_mirrored_to_a_size() -> None:
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    assert at_size(image, (1, 2))[..., 0].tolist() == [[0, 1]]
    assert at_size(image, (3, 5))[..., 0].tolist() == [
        [0, 1, 2, 2, 1],
        [3, 4, 5, 5, 4],
        [3, 4, 5, 5, 4],
    ]


def test_a_class_that_is_absent_has_no_figure() -> None:
    counts = np.diag([5, 0]).astype(np.int64)
    found = rows(LabelMap.from_names(["a", "b"]), counts, counts)
    assert found == [
        {"class": "a", "run": 1.0, "file": 1.0},
        {"class": "b", "run": None, "file": None},
    ]
