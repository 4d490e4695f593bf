"""A recipe: every key checked, all errors at once with their place, YAML in and out."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tessella.errors import UsageError
from tessella.recipe import Recipe, described_keys, read_recipe

SHORT = """\
name: short
data: {name: folder}
model: {name: unet}
"""


def read(text: str = "", *overrides: str) -> Recipe:
    """The shortest recipe and `text` below it, which so starts at line 4."""
    return read_recipe(SHORT + text, where="r.yaml", overrides=overrides)


def error_of(text: str = "", *overrides: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(text, *overrides)
    return str(caught.value)


def test_three_lines_are_a_recipe() -> None:
    recipe = read()
    assert (recipe.name, recipe.data.name, recipe.model.name) == ("short", "folder", "unet")
    assert recipe.data.root is None
    assert recipe.loss.class_weights is None


def test_all_errors_come_at_once_each_with_its_line_and_the_closest_name() -> None:
    text = """\
optimizer:
  name: adamm
  lr: -1
  wieght_decay: 0.1
train:
  epochs: five
shedule: {name: poly}
"""
    assert error_of(text).splitlines() == [
        "r.yaml:5: optimizer.name: Input should be 'adamw', 'adam' or 'sgd' (got 'adamm'); "
        "did you mean 'adam' or 'adamw'?",
        "r.yaml:6: optimizer.lr: Input should be greater than 0 (got -1)",
        "r.yaml:7: optimizer.wieght_decay: unknown key; did you mean 'weight_decay' or "
        "'layer_decay'?",
        "r.yaml:9: train.epochs: Input should be a valid integer, unable to parse string as an "
        "integer (got 'five')",
        "r.yaml:10: shedule: unknown key; did you mean 'schedule'?",
    ]


def test_an_unknown_key_that_is_close_to_none_lists_the_known_ones() -> None:
    assert error_of("loss: {zzz: 1}") == (
        "r.yaml:4: loss.zzz: unknown key; known: add, auxiliary_weight, class_weights, name, "
        "options"
    )


def test_missing_sections_are_named_with_the_file() -> None:
    with pytest.raises(UsageError) as caught:
        read_recipe("name: x\ndata: {root: /d}\n", where="r.yaml")
    assert str(caught.value).splitlines() == [
        "r.yaml:2: data.name: Field required",
        "r.yaml: model: Field required",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: [1]", "r.yaml:4: train: Input should be a mapping, lines of key: value (got [1])"),
        ("train:", "r.yaml:4: train: Input should be a mapping, lines of key: value (got None)"),
        ("train: {workers: -1}", "train.workers: Input should be 'auto' or a whole number from 0"),
        ("train: {workers: many}", "'auto' or a whole number from 0 (got 'many')"),
        ("train: {workers: true}", "'auto' or a whole number from 0 (got True)"),
        ("train: {trackers: mlflow}", "Input should be a list, such as [mlflow] (got 'mlflow')"),
        ("train: {trackers: true}", "Input should be a list, such as [mlflow] (got True)"),
        ("train: {trackers: [wand]}", "'mlflow' or 'wandb' (got 'wand'); did you mean 'wandb'?"),
        ("train: {epochs: 0}", "train.epochs: Input should be greater than or equal to 1 (got 0)"),
        ("train: {epochs: 1.5}", "train.epochs: Input should be a valid integer, got a number"),
        ("augment: {crop: [0, 8]}", "augment.crop.0: Input should be greater than or equal to 1"),
        ("augment: {crop: [8]}", "r.yaml:4: augment.crop.1: Field required"),
        ("augment:\n  scale: [3, 1]", "r.yaml:5: augment.scale: Input should be [smallest, larg"),
        ("augment: {scale: [0.01, 1]}", "in 0.05..20 (got [0.01, 1])"),
        ("augment: {flip: 1.5}", "augment.flip: Input should be less than or equal to 1"),
        ("augment: {hue: 18}", "augment.hue: Input should be less than or equal to 0.5 (got 18)"),
        (
            "augment: {max_class_share: 0}",
            "augment.max_class_share: Input should be greater than 0",
        ),
        ("augment: {noise_std: [9, 3]}", "noise_std: Input should be [smallest, largest] in 0..25"),
        ("augment: {jpeg_quality: [0, 9]}", "[smallest, largest] in 1..100 (got [0, 9])"),
        ("augment: {jpeg_quality: 50}", "augment.jpeg_quality: Input should be a valid tuple"),
        ("augment: {blur_sigma_px: [0, 2]}", "[smallest, largest] in 0.1..50 (got [0, 2])"),
        ("augment: {dropout_fill: black}", "Input should be 'mean' or 'noise' (got 'black')"),
        ("augment: {mask_fill_value: 0}", "augment.mask_fill_value: unknown key"),  # S3-B17
        ("augment: {cutmx: 1}", "augment.cutmx: unknown key; did you mean 'cutmix'"),
        ("optimizer: {lr: .nan}", "optimizer.lr: Input should be a finite number (got nan)"),
        ("optimizer: {lr: .inf}", "optimizer.lr: Input should be a finite number (got inf)"),
        ("loss:\n  class_weights:\n    road: -1", "r.yaml:6: loss.class_weights.road: Input"),
        (
            "loss:\n  class_weights: inverted",
            "r.yaml:5: loss.class_weights: Input should be 'inverse', 'sqrt_inverse', "
            "'median_frequency', 'effective_number' or 'enet' (got 'inverted'); did you mean "
            "'inverse'",
        ),
        ("train: {device: gpu}", "Input should be 'auto', 'cpu', 'cuda' or 'mps' (got 'gpu')"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_key_and_what_we_got(
    text: str, message: str
) -> None:
    error = error_of(text)
    assert message in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("key", ["augment.flip", "augment.cutmix", "train.epochs", "optimizer.lr"])
def test_true_is_no_number(key: str) -> None:
    # read as 1, `flip: true` would flip every image
    assert f"{key}: Input should be a number or text, not true or false" in error_of(
        "", f"{key}=true"
    )


def test_true_is_what_it_says_where_a_yes_or_no_is_asked_for() -> None:
    assert read("", "model.accept_noncommercial=true").model.accept_noncommercial is True


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("train.epochs=3", ("train", "epochs"), 3),
        (" train.epochs = 3 ", ("train", "epochs"), 3),
        ("optimizer.lr=3e-4", ("optimizer", "lr"), 0.0003),
        ("augment.crop=[64, 96]", ("augment", "crop"), (64, 96)),
        ("name=no", ("name",), "no"),
        ("about=a = b", ("about",), "a = b"),
        ("data.root=", ("data", "root"), None),
        ("data.root='/a b'", ("data", "root"), Path("/a b")),
        ("model.options={depth: 3, wide: true}", ("model", "options"), {"depth": 3, "wide": True}),
        ("model.options.depth=3", ("model", "options"), {"depth": 3}),
        ("data.options.a.b=[1, 2]", ("data", "options"), {"a": {"b": [1, 2]}}),
        ("loss.class_weights.road=2", ("loss", "class_weights"), {"road": 2.0}),
        ("data.train_split=2024-05-01", ("data", "train_split"), "2024-05-01"),
    ],
)
def test_an_override_sets_a_value_of_any_form(
    override: str, key: tuple[str, ...], value: object
) -> None:
    found: Any = read("", override)
    for part in key:
        found = getattr(found, part)
    assert found == value


def test_an_override_keeps_its_neighbours_and_a_later_one_wins() -> None:
    recipe = read("train: {epochs: 5, batch_size: 2}", "train.epochs=6", "train.epochs=7")
    assert (recipe.train.epochs, recipe.train.batch_size) == (7, 2)


def test_an_override_of_a_whole_section_replaces_it() -> None:
    recipe = read("loss: {options: {label_smoothing: 0.1}}", "loss={name: dice}")
    assert (recipe.loss.name, recipe.loss.options) == ("dice", {})


def test_null_in_the_file_can_be_filled_by_an_override() -> None:
    recipe = read("loss: {class_weights: null}", "loss.class_weights.road=2")
    assert recipe.loss.class_weights == {"road": 2.0}


@pytest.mark.parametrize("override", ["train.epochs", "=3", "train..epochs=3", ".epochs=3", ""])
def test_an_override_of_another_form_is_refused_with_an_example(override: str) -> None:
    assert error_of("", override) == (
        f"override {override!r} is not key.path=value, for example train.epochs=3."
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epoch=3", "train.epoch: unknown key; did you mean 'epochs'?"),
        ("trian.epochs=3", "trian: unknown key; did you mean 'train'?"),
        ("train.epochs=many", "train.epochs: Input should be a valid integer"),
        ("augment.crop=[0, 2]", "augment.crop.0: Input should be greater than or equal to 1"),
        ("augment.crop.0=5", "augment.crop: Input should be a valid tuple (got {'0': 5})"),
        ("data={}", "data.name: Field required"),
        ("name.first=3", "name is 'short' and has no keys; set it as a whole."),
        ("train.epochs=[1", "the value is not YAML; put it in quotes."),
    ],
)
def test_an_error_made_by_an_override_names_the_override(override: str, message: str) -> None:
    assert error_of("", override).startswith(f"override {override!r}: {message}")


def test_a_list_in_the_file_is_not_silently_replaced_by_an_override_below_it() -> None:
    error = error_of("augment: {crop: [8, 8]}", "augment.crop.0=5")
    assert error.endswith("crop is [8, 8] and has no keys; set it as a whole.")


def test_an_override_is_not_blamed_for_a_longer_key_of_the_file() -> None:
    assert error_of("train: {epochs: many}", "train.epoch=3").splitlines() == [
        "r.yaml:4: train.epochs: Input should be a valid integer, unable to parse string as an "
        "integer (got 'many')",
        "override 'train.epoch=3': train.epoch: unknown key; did you mean 'epochs'?",
    ]


def test_an_override_below_a_wrong_key_of_the_file_is_not_blamed_for_it() -> None:
    assert error_of("shedule: {name: poly}", "shedule.power=1") == (
        "r.yaml:4: shedule: unknown key; did you mean 'schedule'?"
    )


def test_words_of_yaml_1_1_stay_words() -> None:
    recipe = read("loss:\n  class_weights: {no: 1, off: 2, on: 3}")
    assert recipe.loss.class_weights == {"no": 1, "off": 2, "on": 3}


def test_a_key_that_stands_twice_is_an_error_with_its_line() -> None:
    assert error_of("train: {epochs: 1}\ntrain: {seed: 2}").startswith(
        'r.yaml:5: found duplicate key "train"'
    )


@pytest.mark.parametrize("part", ["name", "data", "train"])
def test_a_recipe_cannot_be_changed(part: str) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(read(), part, "other")


def test_a_section_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read().train.epochs = 3  # type: ignore[misc]


def test_two_recipes_do_not_share_their_options() -> None:
    first, second = read(), read()
    first.loss.options["changed"] = 1
    assert second.loss.options == read().loss.options == {}


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)
OPTIONS = st.dictionaries(
    TEXT, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT, max_size=3
)


@settings(max_examples=50, deadline=None)
@given(
    name=TEXT,
    about=TEXT,
    options=OPTIONS,
    weights=st.none() | st.dictionaries(TEXT, st.floats(0, 1e9), max_size=3),
    lr=st.floats(1e-12, 1e3),
)
def test_a_recipe_written_as_yaml_reads_back_the_same(
    name: str,
    about: str,
    options: dict[str, Any],
    weights: dict[str, float] | None,
    lr: float,
) -> None:
    recipe = Recipe.model_validate(
        {
            "name": name,
            "about": about,
            "data": {"name": name, "root": "/a: b/#c", "options": options},
            "model": {"name": name, "options": options},
            "loss": {"class_weights": weights},
            "optimizer": {"lr": lr},
            "augment": {"crop": [3, 5]},
        }
    )
    assert read_recipe(recipe.to_yaml(), where="written") == recipe


def test_a_written_recipe_spells_out_every_choice() -> None:
    written = read().to_yaml()
    keys = [key.rpartition(".")[2] for key, _, _ in described_keys()]
    assert [key for key in keys if f"{key}:" not in written] == []


def test_every_key_says_its_default_and_what_it_means() -> None:
    rows = {key: (default, about) for key, default, about in described_keys()}
    assert rows["train.epochs"][0] == "30"
    assert rows["data.name"][0] == rows["name"][0] == "required"
    assert [key for key, (_, about) in rows.items() if not about] == []


@pytest.mark.parametrize("value", [math.inf, None, "inf", "null", "?x", [None, 1e-5]])
def test_an_option_of_any_kind_is_written_as_it_was(value: object) -> None:
    part = {"name": "x", "options": {"key": value}}
    recipe = Recipe.model_validate({"name": "x", "data": part, "model": part})
    assert read_recipe(recipe.to_yaml(), where="w").model.options == {"key": value}


def test_numbers_keep_their_last_digit() -> None:
    recipe = read("", f"optimizer.lr={math.pi!r}")
    assert read_recipe(recipe.to_yaml(), where="w").optimizer.lr == math.pi


def test_by_default_training_varies_zoom_place_flip_and_three_colours() -> None:
    augment = read().augment
    assert augment.model_dump(exclude_defaults=True) == {}
    assert (augment.crop, augment.scale, augment.flip) == ((224, 224), (0.5, 2.0), 0.5)
    assert (augment.brightness, augment.contrast, augment.saturation) == (0.2, 0.2, 0.2)
    chances = ("vertical_flip", "class_balance", "greyscale", "blur", "noise", "jpeg")
    more = (
        "coarse_dropout",
        "mask_dropout",
        "cutmix",
        "classmix",
        "rotate_degrees",
        "hue",
        "gamma",
    )
    assert {getattr(augment, key) for key in (*chances, *more)} == {0.0}
    assert augment.max_class_share == 1.0
    assert augment.extra is None
