"""What processes that train together add up; with several, see test_launch."""

import pytest
import torch

from tessella.rank import Rank
from tessella.train.ranks import ElsewhereError, Ranks, elsewhere, is_lost_connection


def test_one_process_is_the_first_and_adds_up_to_itself() -> None:
    ranks = Ranks()
    assert (ranks.index, ranks.count, ranks.is_first) == (0, 1, True)
    tensor = torch.tensor([1.0, 2.0])
    assert ranks.sum(tensor) is tensor
    assert ranks.largest(7) == 7
    assert ranks.agree(True, False) == [True, False]
    ranks.settle()
    ranks.wait()
    assert [one.tolist() for one in ranks.gather(tensor)] == [[1.0, 2.0]]


def test_summing_copies_leaves_what_was_given_alone() -> None:
    given = torch.tensor([3])
    summed = Ranks().summed({"a": given, "b": 4})
    summed["a"] += 1
    assert given.tolist() == [3]
    assert int(summed["b"]) == 4


@pytest.mark.parametrize(
    ("error", "is_lost"),
    [
        (RuntimeError("[..] Connection closed by peer [127.0.0.1]:1234"), True),
        (RuntimeError("NCCL communicator was aborted on rank 1"), True),
        (RuntimeError("size mismatch"), False),
        (ElsewhereError("gloo"), False),
    ],
)
def test_a_lost_connection_is_told_from_other_errors(error: Exception, *, is_lost: bool) -> None:
    assert is_lost_connection(error) == is_lost


def test_who_lost_the_others_says_by_what() -> None:
    error = RuntimeError("NCCL error: no socket interface found")
    assert str(elsewhere(Rank(1, 4), error)) == (
        "process 2 of 4: another one has ended; it says why (NCCL error: no socket interface "
        "found)."
    )
