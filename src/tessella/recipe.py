"""Every choice of a run in one frozen tree: YAML in, YAML out, no key unchecked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
)

from tessella.errors import UsageError
from tessella.suggestion import did_you_mean
from tessella.yaml_text import Located, dump_yaml, load_yaml, parse_scalar

Positive = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Options = dict[str, Any]
WeightRule = Literal["inverse", "sqrt_inverse", "median_frequency", "effective_number", "enet"]


def _kind_of_weights(value: Any) -> str:
    return "by rule" if isinstance(value, str) else "by name"


ClassWeights = Annotated[
    Annotated[dict[str, Annotated[float, Field(ge=0)]], Tag("by name")]
    | Annotated[WeightRule, Tag("by rule")],
    Discriminator(_kind_of_weights),
]
_TAGS = ("by name", "by rule")  # pydantic puts them into the path of a key; they are no keys


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        ser_json_inf_nan="constants",  # options may be infinite; written as null they would change
    )

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: Any) -> Any:
        # pydantic reads true as 1: `flip: true` would flip every image
        if isinstance(value, bool) and cls.model_fields[info.field_name].annotation is not bool:
            raise ValueError("Input should be a number or text, not true or false")
        return value


class DataRecipe(_Part):
    """Which images and masks."""

    name: str
    """A data set of the table, or package.module:function of your own."""

    root: Path | None = None
    """Folder that holds the files; the command line's --data sets it."""

    options: Options = {}
    """Further arguments of the reader, e.g. classes for `folder`."""

    train_split: str = "train"
    """The split that weights are fitted on."""

    val_split: str = "val"
    """The split that chooses the best epoch."""

    test_split: str = "test"
    """The split that is scored at the end."""

    allow_leak: bool = False
    """Train although the splits share images, copies, neighbouring video frames or groups."""

    cache_mb: Annotated[int, Field(ge=0)] = 1024
    """Decoded samples kept in memory, in MiB; 0 reads every file in every epoch."""


class ModelRecipe(_Part):
    """Which network."""

    name: str
    """A model of the table, or package.module:function of your own."""

    encoder: str | None = None
    """The encoder's name, for models that take one."""

    encoder_weights: str = "none"
    """`none`, `imagenet` (hub cache, then download), or a .safetensors or .pth file."""

    options: Options = {}
    """Further arguments of the model, e.g. depth for `plain_unet`."""

    accept_noncommercial: bool = False
    """Allow encoders whose licence forbids commercial use (mit_b*)."""


class AugmentRecipe(_Part):
    """How training samples are varied; validation samples never are."""

    crop: tuple[Positive, Positive] = (224, 224)
    """Height and width of what the network sees in training, in pixels."""

    scale: tuple[float, float] = (0.5, 2.0)
    """Smallest and largest zoom, drawn evenly on a log scale."""

    flip: Probability = 0.5
    """Chance of a left-right flip."""

    rotate_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Largest rotation either way."""

    brightness: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Largest relative change of brightness."""

    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Largest relative change of contrast."""

    saturation: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Largest relative change of saturation."""

    @field_validator("scale")
    @classmethod
    def _scale_is_a_range(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if not 0.05 <= scale[0] <= scale[1] <= 20:
            raise ValueError("Input should be [smallest, largest] in 0.05..20")
        return scale


class LossRecipe(_Part):
    """What training minimises."""

    name: str = "cross_entropy"
    """A loss of the table, or package.module:function of your own."""

    options: Options = {}
    """Further arguments of the loss, e.g. label_smoothing."""

    class_weights: ClassWeights | None = None
    """Class name -> weight in the loss (1 where left out); or a rule that computes them from the
    training split: inverse, sqrt_inverse, median_frequency, effective_number or enet."""


class OptimizerRecipe(_Part):
    """How weights move."""

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    """The rule of each step."""

    lr: Annotated[float, Field(gt=0)] = 1e-3
    """Learning rate at its peak."""

    encoder_lr_factor: Annotated[float, Field(ge=0)] = 1.0
    """The encoder's learning rate as a share of `lr`."""

    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    """Not applied to biases and norm layers."""

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """For sgd."""


class ScheduleRecipe(_Part):
    """How the learning rate changes, step by step."""

    name: Literal["constant", "poly", "cosine", "step"] = "poly"
    """The curve after the warm-up."""

    warmup_steps: Annotated[int, Field(ge=0)] = 0
    """Steps over which the rate climbs from near zero to its peak."""

    power: Annotated[float, Field(gt=0)] = 0.9
    """For poly: (1 - progress) ** power."""

    step_epochs: Positive = 10
    """For step: epochs between two drops."""

    gamma: Annotated[float, Field(gt=0, le=1)] = 0.5
    """For step: factor of each drop."""


class TrainRecipe(_Part):
    """How long, how large, on what."""

    epochs: Positive = 30
    """Passes over the training split."""

    batch_size: Positive = 8
    """Images in a step."""

    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """auto: bf16 where the hardware computes it fast, else fp32. fp16 needs a GPU."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """auto: a GPU where there is one."""

    workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    """Processes that read data; auto: none on a CPU, up to 8 beside a GPU."""

    validate_every: Positive = 1
    """Epochs between two validations; the last epoch is always validated."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Of weights, order, crops and every other draw."""

    @field_validator("workers", mode="wrap")
    @classmethod
    def _one_error_not_two(cls, value: Any, check: Callable[[Any], Any]) -> Any:
        try:
            return check(value)
        except ValidationError as error:
            raise ValueError("Input should be 'auto' or a whole number from 0") from error


class Recipe(_Part):
    """Everything that a run was told."""

    name: str
    """What the run is called, also in its folder's name."""

    about: str = ""
    """Source, what it is for, and the score, time and hardware measured with it."""

    data: DataRecipe
    model: ModelRecipe
    augment: AugmentRecipe = AugmentRecipe()
    loss: LossRecipe = LossRecipe()
    optimizer: OptimizerRecipe = OptimizerRecipe()
    schedule: ScheduleRecipe = ScheduleRecipe()
    train: TrainRecipe = TrainRecipe()

    def to_yaml(self) -> str:
        """The recipe as a file, every choice spelled out."""
        return dump_yaml(self.model_dump(mode="json"))


def read_recipe(text: str, *, where: str, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a YAML text, with `key.path=value` overrides applied on top.

    Args:
        text: YAML 1.2.
        where: the file or recipe name, for error messages.
        overrides: e.g. "train.epochs=3" or "model.options={depth: 3}"; values are YAML.

    Raises:
        UsageError: all that is wrong with keys and values, a line each, with line numbers.
    """
    located = load_yaml(text, where=where)
    content = located.content
    for override in overrides:
        content = _with_override(content, override)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        lines = [_explain(problem, located, overrides) for problem in error.errors()]
        raise UsageError("\n".join(lines)) from error


def _with_override(content: Mapping[str, Any], override: str) -> dict[str, Any]:
    path, equals, value = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise UsageError(
            f"override {override!r} is not key.path=value, for example train.epochs=3."
        )
    where = f"override {override!r}"
    return _replaced(content, keys, parse_scalar(value, where=where), where=where)


def _replaced(
    content: Mapping[str, Any], keys: Sequence[str], value: Any, *, where: str
) -> dict[str, Any]:
    first, rest = keys[0], keys[1:]
    if not rest:
        return {**content, first: value}
    below: Any = {} if content.get(first) is None else content[first]
    if not isinstance(below, dict):
        raise UsageError(f"{where}: {first} is {below!r} and has no keys; set it as a whole.")
    return {**content, first: _replaced(below, rest, value, where=where)}


def _explain(problem: Any, located: Located, overrides: Sequence[str]) -> str:
    loc = [str(part) for part in problem["loc"] if part not in _TAGS]
    key = ".".join(loc)
    overridden = [o for o in overrides if _concerns(o, loc, located)]
    place = f"override {overridden[-1]!r}" if overridden else located.place(loc)
    if problem["type"] == "extra_forbidden":
        known = _keys_at(loc[:-1])
        clue = did_you_mean(loc[-1], known)
        return f"{place}: {key}: unknown key{clue or '; known: ' + ', '.join(known)}"
    got = "" if problem["type"] == "missing" else f" (got {problem['input']!r})"
    expected = problem.get("ctx", {}).get("expected", "")
    clue = did_you_mean(str(problem["input"]), _quoted(expected)) if expected else ""
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "model_type":
        message = "Input should be a mapping, lines of key: value"
    return f"{place}: {key or 'recipe'}: {message}{got}{clue}"


def _concerns(override: str, loc: Sequence[str], located: Located) -> bool:
    """Whether the value at `loc` came from the override: set by it, or made to hold its key."""
    keys = override.partition("=")[0].strip().split(".")
    shared = min(len(keys), len(loc))
    from_file = len(keys) > len(loc) and tuple(loc) in located.lines
    return keys[:shared] == list(loc[:shared]) and not from_file


def _quoted(expected: str) -> list[str]:
    return [part for part in expected.split("'") if part.isidentifier() and part != "or"]


def _keys_at(path: Sequence[str]) -> list[str]:
    model: type[BaseModel] = Recipe
    for part in path:
        field = model.model_fields.get(part)
        if field is None or not isinstance(field.annotation, type):
            break
        if not issubclass(field.annotation, BaseModel):
            break
        model = field.annotation
    return sorted(model.model_fields)


def described_keys() -> Iterator[tuple[str, str, str]]:
    """Every key of a recipe: (key.path, default, what it means), for the reference page."""
    for part, field in Recipe.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            for key, inner in section.model_fields.items():
                default = "required" if inner.is_required() else str(inner.get_default())
                yield f"{part}.{key}", default, inner.description or ""
        else:
            yield part, "required" if field.is_required() else "", field.description or ""
