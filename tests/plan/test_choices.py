"""What is chosen for data of many shapes, without drawing any of it."""

from collections.abc import Callable
from typing import Any

import pytest

from tessella.plan.choices import choose, crop_choices, loss_choices, rate_choices
from tessella.plan.look import DataFacts
from tessella.plan.machine import Machine

MakeFacts = Callable[..., DataFacts]


def values(facts: DataFacts, machine: Machine, **given: Any) -> dict[str, Any]:
    keys = {key.replace("__", "."): value for key, value in given.items()}
    found = choose(facts, machine, given=keys, stride=32, is_pretrained=True, has_encoder=True)
    assert all(choice.reason and "\n" not in choice.reason for choice in found.values())
    return {key: choice.value for key, choice in found.items()}


@pytest.mark.parametrize(
    ("size", "crop"),
    [
        ((24, 30), [32, 32]),  # tiny images whole, up to the stride
        ((128, 192), [128, 192]),
        ((100, 100), [128, 128]),
        ((360, 480), [256, 320]),  # as many pixels as a CPU takes, in the image's shape
        ((3000, 4000), [256, 320]),
        ((100, 5000), [32, 2016]),  # never higher than the image
    ],
)
def test_the_crop_on_a_cpu_follows_the_median_image(
    size: tuple[int, int], crop: list[int], facts: MakeFacts, cpu: Machine
) -> None:
    assert list(values(facts(sizes={size: 300}), cpu)["augment.crop"]) == crop


def test_a_gpu_takes_larger_crops_and_batches(facts: MakeFacts, cpu: Machine, gpu: Machine) -> None:
    there, here = (values(facts(sizes={(1024, 2048): 300}), m) for m in (gpu, cpu))
    assert list(there["augment.crop"]) == [352, 736]  # 512 x 512 pixels in this shape
    assert there["train.batch_size"] == 16
    assert here["train.batch_size"] == 8


def test_crops_are_multiples_of_the_stride(facts: MakeFacts) -> None:
    for stride in (8, 14, 16, 32):
        found = crop_choices(facts(sizes={(1080, 1920): 1}), given={}, stride=stride, is_gpu=False)
        assert not any(side % stride for side in found["augment.crop"].value)


def test_of_many_sizes_the_median_counts(facts: MakeFacts, cpu: Machine) -> None:
    sizes = {(100, 100): 1, (128, 160): 5, (2000, 3000): 1}
    assert list(values(facts(sizes=sizes), cpu)["augment.crop"]) == [128, 160]


@pytest.mark.parametrize(
    ("size", "scale"),
    [((128, 192), [0.8, 1.25]), ((360, 480), [0.6, 1.67]), ((3000, 4000), [0.5, 2.0])],
)
def test_zoom_is_wider_for_images_larger_than_the_crop(
    size: tuple[int, int], scale: list[float], facts: MakeFacts, cpu: Machine
) -> None:
    assert values(facts(sizes={size: 9}), cpu)["augment.scale"] == scale


def test_balanced_classes_need_no_weights(facts: MakeFacts, cpu: Machine) -> None:
    found = values(facts(pixels=[50, 30, 20]), cpu)
    assert found["loss.name"] == "cross_entropy"
    assert not {"loss.class_weights", "loss.add", "augment.class_balance"} & found.keys()


def test_uneven_classes_get_weights_and_crops(facts: MakeFacts, cpu: Machine) -> None:
    # thing has 1/20 of the pixels, ten times less than half of them
    found = values(facts(pixels=[95, 5]), cpu)
    # 1/sqrt of 0.95 and 0.05 over their mean by pixels, 0.95 * 1.0260 + 0.05 * 4.4721 = 1.1983
    assert found["loss.class_weights"] == {"class_0": 0.86, "class_1": 3.73}
    assert found["augment.class_balance"] == 0.25
    assert "loss.add" not in found


def test_one_percent_of_foreground_gets_dice_too(facts: MakeFacts, cpu: Machine) -> None:
    found = values(facts(pixels=[99, 1]), cpu)
    assert found["loss.add"] == [{"name": "dice", "weight": 1.0}]
    assert found["loss.class_weights"]["class_1"] == 5.0  # 9.13 without the bound
    assert found["augment.class_balance"] == 0.5


def test_thirty_classes_of_which_one_is_never_seen(facts: MakeFacts, cpu: Machine) -> None:
    data = facts(pixels=[1000] * 28 + [10, 0])
    assert data.unseen == ["class_29"]
    found = values(data, cpu)
    assert len(found["loss.class_weights"]) == 30
    assert found["loss.class_weights"]["class_29"] == 1.0
    assert found["loss.class_weights"]["class_28"] == 5.0


@pytest.mark.parametrize(("num_train", "batch"), [(3, 3), (5, 4), (20, 5), (1000, 8)])
def test_few_images_make_small_batches(
    num_train: int, batch: int, facts: MakeFacts, cpu: Machine
) -> None:
    assert values(facts(num_train=num_train), cpu)["train.batch_size"] == batch


def test_small_images_make_larger_batches(facts: MakeFacts, cpu: Machine) -> None:
    assert values(facts(sizes={(64, 64): 300}), cpu)["train.batch_size"] == 32


def test_what_the_user_said_is_left_out_and_the_rest_fits_it(
    facts: MakeFacts, cpu: Machine
) -> None:
    found = values(facts(), cpu, augment__crop=[64, 64], train__batch_size=32)
    assert not {"augment.crop", "train.batch_size"} & found.keys()
    assert found["optimizer.lr"] == pytest.approx(4e-3)  # sqrt(32 / 8) = 2
    assert found["augment.scale"] == [0.5, 2.0]  # the crop is a fifth of the image


def test_accumulated_batches_count_in_the_rate(facts: MakeFacts, cpu: Machine) -> None:
    found = values(facts(), cpu, train__batch_size=2, train__accumulate=4)
    assert found["optimizer.lr"] == pytest.approx(2e-3)


def test_a_loss_of_the_users_own_is_left_alone(facts: MakeFacts) -> None:
    found = loss_choices(facts(pixels=[99, 1]), given={"loss.name": "focal"})
    assert list(found) == ["augment.class_balance"]


def test_an_encoder_learns_slower_only_if_it_knows_something() -> None:
    pretrained = rate_choices(8, is_pretrained=True, has_encoder=True)
    scratch = rate_choices(8, is_pretrained=False, has_encoder=True)
    assert pretrained["optimizer.encoder_lr_factor"].value == 0.3
    assert "optimizer.encoder_lr_factor" not in scratch
    assert scratch["optimizer.lr"].value > pretrained["optimizer.lr"].value
