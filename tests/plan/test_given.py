"""What a user said, by key."""

import pytest

from tessella.errors import UsageError
from tessella.plan.given import flattened, nested, read_given


def test_only_what_was_said_is_given_and_values_have_their_kind() -> None:
    given = read_given(["train.epochs=3", "augment.crop=[64, 96]", "model.encoder=resnet18"])
    assert given == {"train.epochs": 3, "augment.crop": [64, 96], "model.encoder": "resnet18"}


def test_nothing_said_is_nothing_given() -> None:
    assert read_given([]) == {}


def test_a_default_that_the_user_states_is_given_too() -> None:
    assert read_given(["train.epochs=30"]) == {"train.epochs": 30}


def test_a_whole_section_gives_each_of_its_keys() -> None:
    given = read_given(["model={name: fpn, encoder: resnet18}"])
    assert given == {"model.name": "fpn", "model.encoder": "resnet18"}


def test_options_are_given_as_one_mapping() -> None:
    given = read_given(["data.options.classes=[a, b]", "data.options.val_share=0.3"])
    assert given == {"data.options": {"classes": ["a", "b"], "val_share": 0.3}}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epochz=3", "train.epochz: unknown key; did you mean 'epochs'"),
        ("train.epochs=0", "train.epochs: Input should be greater than or equal to 1"),
        ("train.epochs", "is not key.path=value"),
    ],
)
def test_what_cannot_be_said_is_refused(override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_given([override])


def test_nesting_undoes_flattening() -> None:
    content = {"name": "a", "train": {"epochs": 3, "seed": 1}, "loss": {"options": {"x": {"y": 1}}}}
    assert nested(flattened(content)) == content
