"""A checkpoint brings all of training back, bit for bit, and can neither lie nor run code."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tessella.optim import Plateau, build_optimizer, build_schedule, parameter_groups, rate_at
from tessella.train.average import weight_average
from tessella.train.checkpoint import TrainingState
from tessella.train.history import EpochRow
from tessella.train.part import Part

ROW = EpochRow(1, 2.5, 0.1, 0.4, 1.5, 0.2, 0.3, 0.5, 0.001, 12.0, 30.0)


def new_state(seed: int, *, optimizer: str = "adamw", channels: int = 4) -> TrainingState:
    """A network with norm statistics and dropout, so that every kind of state matters."""
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(3, channels, 3),
        nn.BatchNorm2d(channels),
        nn.Dropout(0.5),
        nn.Conv2d(channels, 2, 1),
    )
    groups = parameter_groups(model, lr=0.01, weight_decay=0.1, factors={"0.weight": 0.5})
    moved = build_optimizer(optimizer, groups, lr=0.01)  # type: ignore[arg-type]
    plateau = Plateau(gamma=0.5, patience=1)
    curve = rate_at("poly", total_steps=20)
    schedule = build_schedule(moved, lambda step: plateau.factor * curve(step))
    average = weight_average(model, decay=0.9)
    return TrainingState(model, moved, schedule, plateau, average)  # type: ignore[arg-type]


def steps(state: TrainingState, count: int) -> list[float]:
    """Train on random images (drawn from the global generator) and give the losses."""
    losses = []
    for _ in range(count):
        state.optimizer.zero_grad()
        loss: Tensor = state.segmenter(torch.rand(2, 3, 6, 6)).square().mean()
        loss.backward()
        state.optimizer.step()
        state.plateau.note(-loss.item())
        state.schedule.step()
        assert state.average is not None
        state.average.update_parameters(state.segmenter)
        losses.append(loss.item())
    return losses


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A checkpoint after three steps."""
    state = new_state(0)
    steps(state, 3)
    state.rows.append(ROW)
    state.best = 0.2
    state.save(tmp_path / "last.pt")
    return tmp_path / "last.pt"


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
def test_training_goes_on_bit_for_bit_as_if_never_interrupted(
    tmp_path: Path, optimizer: str
) -> None:
    state = new_state(0, optimizer=optimizer)
    steps(state, 3)
    state.save(tmp_path / "last.pt")
    expected = steps(state, 3)
    other = new_state(1, optimizer=optimizer)  # other weights, another random stream
    other.restore(tmp_path / "last.pt")
    assert steps(other, 3) == expected
    assert other.plateau == state.plateau
    average, expected_average = other.scored.state_dict(), state.scored.state_dict()
    assert all(torch.equal(average[name], expected_average[name]) for name in average)
    weights, expected_weights = other.segmenter.state_dict(), state.segmenter.state_dict()
    assert all(torch.equal(weights[key], expected_weights[key]) for key in expected_weights)
    assert other.schedule.get_last_lr() == state.schedule.get_last_lr()


def test_rows_and_best_come_back(saved: Path) -> None:
    state = new_state(1)
    state.restore(saved)
    assert state.rows == [ROW]
    assert isinstance(state.rows[0], EpochRow)
    assert isinstance(state.rows[0].epoch, int)
    assert state.best == 0.2


def test_scores_that_are_numpy_numbers_are_saved_as_plain_ones(tmp_path: Path) -> None:
    state = new_state(0)
    state.rows.append(ROW._replace(val_mean_iou=np.float64(0.3)))
    state.best = np.float64(0.3)
    state.save(tmp_path / "last.pt")
    state.restore(tmp_path / "last.pt")
    assert type(state.best) is type(state.rows[0].val_mean_iou) is float


def test_what_was_saved_before_becomes_the_previous_state(tmp_path: Path) -> None:
    last, previous = tmp_path / "a" / "last.pt", tmp_path / "a" / "previous.pt"
    state = new_state(0)
    for best in (0.1, 0.2, 0.3):
        state.best = best
        state.save(last, previous=previous)
    found = []
    for path in (last, previous):
        state.restore(path)
        found.append(state.best)
    assert found == [0.3, 0.2]
    assert sorted(path.name for path in last.parent.iterdir()) == ["last.pt", "previous.pt"]


def test_the_part_of_an_epoch_comes_back(tmp_path: Path) -> None:
    state = new_state(0)
    state.part = Part(3, {"counts": torch.arange(4), "images": 12}, rate=0.1, seconds=2.5)
    state.save(tmp_path / "last.pt")
    other = new_state(1)
    other.restore(tmp_path / "last.pt")
    assert other.part is not None
    assert (other.part.steps, other.part.rate, other.part.seconds) == (3, 0.1, 2.5)
    assert torch.equal(other.part.tally["counts"], torch.arange(4))


def test_what_scales_gradients_comes_back(tmp_path: Path) -> None:
    """In fp16 Fabric keeps a scaler; without its scale the first steps would be skipped."""

    class Scaling:
        scale = 65536.0

        def state_dict(self) -> dict[str, float]:
            return {"scale": self.scale}

        def load_state_dict(self, state_dict: dict[str, float]) -> None:
            self.scale = state_dict["scale"]

    state, other = new_state(0), new_state(1)
    state.scaler, other.scaler = Scaling(), Scaling()
    state.scaler.scale = 128.0
    state.save(tmp_path / "last.pt")
    other.restore(tmp_path / "last.pt")
    assert other.scaler.scale == 128.0


def test_a_save_that_fails_leaves_the_checkpoint_before_it(saved: Path) -> None:
    before = saved.read_bytes()
    state = new_state(0)
    state.segmenter.register_buffer("spoilt", torch.zeros(1))
    state.segmenter.register_state_dict_post_hook(
        lambda _module, content, _prefix, _local: content.update(spoilt=lambda: None)
    )
    with pytest.raises((AttributeError, pickle.PicklingError)):
        state.save(saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"last\.pt: there is no checkpoint to resume from"):
        new_state(0).restore(tmp_path / "last.pt")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_checkpoint_cut_short_is_damaged(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"last\.pt: the checkpoint is damaged \(.*start anew"):
        new_state(0).restore(saved)


def test_one_flipped_bit_in_the_weights_is_found(saved: Path) -> None:
    state = new_state(0)
    state.restore(saved)
    weights = state.segmenter[0].weight.detach().numpy().tobytes()  # type: ignore[index]
    content = bytearray(saved.read_bytes())
    content[content.index(weights) + 7] ^= 1
    saved.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged \(wrong checksum of .*data/\d+\)"):
        new_state(0).restore(saved)


@pytest.mark.parametrize("content", [b"no checkpoint", b"\x80\x04.", bytes(1000)])
def test_a_file_of_another_kind_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(ValueError, match="the checkpoint is damaged"):
        new_state(0).restore(tmp_path / "last.pt")


class _Bomb:
    """What unpickles by touching a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("place", ["best", "segmenter", "extra"])
def test_code_in_a_checkpoint_does_not_run(saved: Path, tmp_path: Path, place: str) -> None:
    content = torch.load(saved, weights_only=True)
    content[place] = _Bomb(tmp_path / "touched")
    torch.save(content, saved)
    with pytest.raises(ValueError, match="the checkpoint is damaged"):
        new_state(0).restore(saved)
    assert not (tmp_path / "touched").exists()


def test_the_bomb_of_the_test_above_does_go_off_where_nothing_stops_it(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(_Bomb(tmp_path / "touched")))  # noqa: S301
    assert (tmp_path / "touched").exists()


def test_another_network_is_refused_with_the_weight_that_does_not_fit(saved: Path) -> None:
    with pytest.raises(ValueError, match=r"last\.pt: does not fit the run's recipe") as caught:
        new_state(0, channels=5).restore(saved)
    assert "size mismatch for 0.weight" in str(caught.value)
    assert "resume with the recipe.yaml that the run began with." in str(caught.value)


@pytest.mark.parametrize("key", ["segmenter", "optimizer", "schedule", "rows", "best", "rng"])
def test_a_checkpoint_without_a_part_is_refused(saved: Path, key: str) -> None:
    content = torch.load(saved, weights_only=True)
    del content[key]
    torch.save(content, saved)
    with pytest.raises(ValueError, match=f"does not fit the run's recipe .*{key}"):
        new_state(0).restore(saved)


@pytest.mark.parametrize("content", [[1, 2], torch.zeros(3)])
def test_another_file_of_torch_is_refused_by_its_kind(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "last.pt")
    with pytest.raises(ValueError, match=r"last\.pt: holds a (list|Tensor); expected the state"):
        new_state(0).restore(tmp_path / "last.pt")


def test_a_row_of_another_length_is_refused(saved: Path) -> None:
    content = torch.load(saved, weights_only=True)
    content["rows"] = [[1.0, 2.0]]
    torch.save(content, saved)
    with pytest.raises(ValueError, match="does not fit the run's recipe"):
        new_state(0).restore(saved)


def test_a_checkpoint_is_a_zip_file_with_checksums(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        assert all(entry.CRC for entry in archive.infolist() if entry.file_size)
