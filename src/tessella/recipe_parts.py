"""The sections of a recipe: what can be chosen, within which bounds, and what is the default."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
)

Positive = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Options = dict[str, Any]
WeightRule = Literal["inverse", "sqrt_inverse", "median_frequency", "effective_number", "enet"]


def _within(low: float, high: float) -> AfterValidator:
    def check(value: tuple[float, float]) -> tuple[float, float]:
        if not low <= value[0] <= value[1] <= high:
            raise ValueError(f"Input should be [smallest, largest] in {low}..{high}")
        return value

    return AfterValidator(check)


def _kind_of_weights(value: Any) -> str:
    return "by rule" if isinstance(value, str) else "by name"


ClassWeights = Annotated[
    Annotated[dict[str, Annotated[float, Field(ge=0)]], Tag("by name")]
    | Annotated[WeightRule, Tag("by rule")],
    Discriminator(_kind_of_weights),
]
WEIGHT_TAGS = ("by name", "by rule")  # pydantic puts them into the path of a key; they are no keys


class Part(BaseModel):
    """Frozen, with no key but its own."""

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


class DataRecipe(Part):
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


class ModelRecipe(Part):
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

    weights: Path | None = None
    """Start from these: a run, a model folder, a .safetensors or .pth file. What does not fit is
    refused, but for a class head of another size, which starts anew."""

    allow_partial: bool = False
    """Take what fits of `weights` and start the rest anew."""

    freeze: Literal["none", "encoder", "all_but_head"] | tuple[str, ...] = "none"
    """What is not trained: the encoder, all but the last layer, or parameters by pattern, e.g.
    ["network.encoder.layer1*"]. Frozen norm layers keep their statistics."""

    unfreeze_epoch: Positive | None = None
    """From this epoch on, counted from 1, everything is trained."""

    @field_validator("freeze", mode="wrap")
    @classmethod
    def _one_error_not_two(cls, value: Any, check: Callable[[Any], Any]) -> Any:
        try:
            return check(value)
        except ValidationError as error:
            raise ValueError(
                "Input should be 'none', 'encoder', 'all_but_head' or a list of patterns"
            ) from error


class AugmentRecipe(Part):
    """How training samples are varied; validation samples never are."""

    crop: tuple[Positive, Positive] = (224, 224)
    """Height and width of what the network sees in training, in pixels."""

    scale: Annotated[tuple[float, float], _within(0.05, 20)] = (0.5, 2.0)
    """Smallest and largest zoom, drawn evenly on a log scale."""

    flip: Probability = 0.5
    """Chance of a left-right flip."""

    vertical_flip: Probability = 0.0
    """Chance of a top-bottom flip."""

    rotate_degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Largest rotation either way."""

    class_balance: Probability = 0.0
    """Chance that a crop is centred on a class drawn evenly among the image's; helps rare ones."""

    max_class_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Up to 10 more places are drawn while one class has more of the crop's labelled pixels than
    this share; the best is taken. 0.75 is customary (others say cat_max_ratio), 1 is off."""

    brightness: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Largest relative change of brightness."""

    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Largest relative change of contrast."""

    saturation: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Largest relative change of saturation."""

    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Largest turn of the colour circle, as a share of it: 0.05 is 18 degrees either way."""

    gamma: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Largest relative change of the values' exponent."""

    greyscale: Probability = 0.0
    """Chance that a crop loses its colour."""

    blur: Probability = 0.0
    """Chance of a Gaussian blur."""

    blur_sigma_px: Annotated[tuple[float, float], _within(0.1, 50)] = (0.5, 2.0)
    """Smallest and largest standard deviation of the blur, in pixels."""

    noise: Probability = 0.0
    """Chance of Gaussian noise."""

    noise_std: Annotated[tuple[float, float], _within(0, 255)] = (2.0, 12.0)
    """Smallest and largest standard deviation of the noise, in grey values (0..255)."""

    jpeg: Probability = 0.0
    """Chance of the losses of JPEG compression."""

    jpeg_quality: Annotated[tuple[int, int], _within(1, 100)] = (30, 90)
    """Lowest and highest quality of JPEG, 1..100."""

    coarse_dropout: Probability = 0.0
    """Chance of rectangular holes in the image; the mask under them is ignored."""

    coarse_dropout_holes: Annotated[tuple[int, int], _within(1, 1000)] = (1, 8)
    """Fewest and most holes."""

    coarse_dropout_side: Annotated[tuple[float, float], _within(0, 1)] = (0.05, 0.2)
    """Smallest and largest height and width of a hole, as shares of the crop's."""

    mask_dropout: Probability = 0.0
    """Chance that objects, up to a quarter of the crop each, are hidden; their mask is ignored."""

    mask_dropout_objects: Annotated[int, Field(ge=1, le=1000)] = 1
    """Most objects hidden in a crop."""

    dropout_fill: Literal["mean", "noise"] = "mean"
    """What holes and hidden objects show: the crop's mean colour, or random colours."""

    cutmix: Probability = 0.0
    """Chance that a box of another training sample is put over the crop."""

    classmix: Probability = 0.0
    """Chance that half of the classes of another training sample are put over the crop."""

    extra: str | None = None
    """Your own last step, package.module:function, called as f(image=, mask=) on the uint8 crop;
    returns a dict of both. A Compose of albumentations fits, without Normalize and ToTensorV2."""


class LossTerm(Part):
    """One of several losses that are added up."""

    name: str
    """A loss of the table, or package.module:function of your own."""

    weight: Annotated[float, Field(gt=0)] = 1.0
    """What it is multiplied by."""

    options: Options = {}
    """Further arguments of this loss."""


class LossRecipe(Part):
    """What training minimises."""

    name: str = "cross_entropy"
    """A loss of the table, or package.module:function of your own."""

    options: Options = {}
    """Further arguments of the loss, e.g. label_smoothing."""

    add: tuple[LossTerm, ...] = ()
    """More losses, added to the first: [{name: dice, weight: 0.5}]."""

    auxiliary_weight: Annotated[float, Field(ge=0)] = 0.4
    """Weight of the same loss on the auxiliary head, for models that have one."""

    class_weights: ClassWeights | None = None
    """Class name -> weight in the loss (1 where left out); or a rule that computes them from the
    training split: inverse, sqrt_inverse, median_frequency, effective_number or enet."""


class OptimizerRecipe(Part):
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

    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Each layer of the encoder learns at this share of the rate of the one above it."""

    clip_norm: Annotated[float, Field(gt=0)] | None = None
    """Gradients longer than this are shortened to it."""


class ScheduleRecipe(Part):
    """How the learning rate changes, step by step."""

    name: Literal["constant", "poly", "cosine", "step", "one_cycle", "plateau"] = "poly"
    """The curve after the warm-up."""

    warmup_steps: Annotated[int, Field(ge=0)] = 0
    """Steps over which the rate climbs from near zero to its peak."""

    power: Annotated[float, Field(gt=0)] = 0.9
    """For poly: (1 - progress) ** power."""

    step_epochs: Positive = 10
    """For step: epochs between two drops."""

    gamma: Annotated[float, Field(gt=0, le=1)] = 0.5
    """For step and plateau: factor of each drop."""

    patience: Positive = 5
    """For plateau: validations without a better `train.monitor` before a drop."""


class TrainRecipe(Part):
    """How long, how large, on what."""

    epochs: Positive = 30
    """Passes over the training split."""

    batch_size: Positive = 8
    """Images that are computed at once."""

    accumulate: Positive = 1
    """Batches in a step: the same step as of one large batch, but for norm layers, in less
    memory."""

    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Above 0, a moving average of the weights is validated and kept, e.g. 0.999 a step."""

    monitor: Literal["mean_iou", "macro_f1", "pixel_accuracy", "loss"] = "mean_iou"
    """The validation figure that chooses the best epoch."""

    early_stop: Positive | None = None
    """Stop after so many validations without a better `monitor`."""

    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """auto: bf16 where the hardware computes it fast, else fp32. fp16 needs a GPU."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """auto: a GPU where there is one."""

    devices: Positive = 1
    """Processes that train together on each machine, each on a GPU of its own, or on its share of
    the cores. Each computes `batch_size` images of every step."""

    nodes: Positive = 1
    """Machines; torchrun or Slurm starts the processes where there are several."""

    strategy: Literal["ddp", "fsdp"] = "ddp"
    """How processes share the work. ddp: each holds all weights. fsdp: each holds its share of
    weights and optimiser state, for networks that one GPU cannot train."""

    sync_norm: bool = False
    """Norm layers take the statistics of all processes' images; needs GPUs."""

    deterministic: bool = False
    """The same numbers each time on a GPU too, where they are slower for it; on a CPU they always
    are the same."""

    workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    """Processes that read data; auto: none on a CPU, up to 8 beside a GPU."""

    validate_every: Positive = 1
    """Epochs between two validations; the last epoch is always validated."""

    save_minutes: Annotated[float, Field(gt=0)] = 10.0
    """Within a long epoch the state is saved this often; at the end of each in any case."""

    trackers: tuple[Literal["mlflow", "wandb"], ...] = ()
    """Where figures are recorded besides the run's folder: [mlflow], [wandb] or both."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Of weights, order, crops and every other draw."""

    @field_validator("trackers", mode="before")
    @classmethod
    def _a_list_even_of_one(cls, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise ValueError("Input should be a list, such as [mlflow]")
        return value

    @field_validator("workers", mode="wrap")
    @classmethod
    def _one_error_not_two(cls, value: Any, check: Callable[[Any], Any]) -> Any:
        try:
            return check(value)
        except ValidationError as error:
            raise ValueError("Input should be 'auto' or a whole number from 0") from error
