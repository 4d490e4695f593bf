"""Where training computes; several processes are in test_launch."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from tessella.errors import UsageError
from tessella.recipe import Recipe
from tessella.train.engine import Scored, deterministic, start_engine

MakeRecipe = Callable[..., Recipe]

TWO = {
    "RANK": "0",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "0",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "1",
}


def test_one_process_is_alone_whatever_the_recipe_says(recipe_of: MakeRecipe) -> None:
    engine = start_engine(recipe_of("train.devices=2"), alone=True)
    assert engine.ranks.count == 1
    assert engine.fabric.device.type == "cpu"
    assert engine.precision == "fp32"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train.devices=3"], "make 3 processes, but 2 were started"),
        (["train.sync_norm=true"], r"train\.sync_norm: .* on GPUs only"),
        (["train.strategy=fsdp", "train.ema_decay=0.9"], r"set train\.ema_decay=0"),
    ],
)
def test_what_cannot_be_shared_is_refused_before_the_others_are_waited_for(
    words: list[str], said: str, recipe_of: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in TWO.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=said):
        start_engine(recipe_of(*words))


def test_what_is_scored_computes_in_the_precision_and_gives_float32(
    recipe_of: MakeRecipe,
) -> None:
    fabric = start_engine(recipe_of("train.precision=bf16"), alone=True).fabric
    seen: list[torch.dtype] = []

    class Watching(nn.Linear):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            out = super().forward(images)
            seen.append(out.dtype)
            return out

    found = Scored(Watching(2, 2), fabric)(torch.ones(1, 2))
    assert seen == [torch.bfloat16]
    assert found.dtype == torch.float32


def test_deterministic_holds_for_its_block_only() -> None:
    assert not torch.are_deterministic_algorithms_enabled()
    with deterministic(wanted=True):
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    with deterministic(wanted=False):
        assert not torch.are_deterministic_algorithms_enabled()


def test_an_operation_without_a_deterministic_way_is_named() -> None:
    said = "cumsum_cuda_kernel does not have a deterministic implementation, but you set so. More"
    with (
        pytest.raises(ValueError, match=r"^train\.deterministic: cumsum_cuda_kernel .*; choose"),
        deterministic(wanted=True),
    ):
        raise RuntimeError(said)  # as torch does on a GPU
    with pytest.raises(RuntimeError, match="mismatch"), deterministic(wanted=True):
        raise RuntimeError("size mismatch")
