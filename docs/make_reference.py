"""Writes the reference pages from the code: python docs/make_reference.py."""

import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tessella.data import DATASETS
from tessella.losses import LOSSES
from tessella.models import MODELS
from tessella.recipe import described_keys, read_recipe
from tessella.recipes import shipped_recipes

HERE = Path(__file__).parent


def recipe_page() -> str:
    """Every key of a recipe as a Markdown table."""
    lines = [
        "# Every key of a recipe",
        "",
        "A recipe is YAML. Any key can be replaced on the command line: `train.epochs=3`. A key",
        "that is not listed here is an error. This page is written by `docs/make_reference.py`.",
        "",
        "| key | default | meaning |",
        "|---|---|---|",
    ]
    for key, default, meaning in described_keys():
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{key}` | {shown} | {' '.join(meaning.split())} |")
    return "\n".join(lines) + "\n"


def datasets_page() -> str:
    """Every data set, its splits and its options."""
    lines = [
        "# Every data set",
        "",
        "Each is read from its original layout, as a folder or as a zip of it. In a recipe it is",
        "`data.name`; its options are `data.options.NAME=VALUE`, and on the command line of",
        "`tessella data` they are `NAME=VALUE`. This page is written by `docs/make_reference.py`.",
        "",
    ]
    for name, entry in DATASETS.items():
        splits = ", ".join(f"`{split}`" for split in (*entry.splits, *entry.unions))
        lines += [f"## {name}", "", f"{entry.about}. Splits: {splits}.", ""]
        lines += [*_paragraphs(entry.read), ""]
        options = list(_options(entry.read))
        lines += _table(options) if options else []
    return "\n".join(lines).rstrip() + "\n"


def models_page() -> str:
    """Every model, and how its encoder is chosen."""
    lines = [
        "# Every model",
        "",
        "In a recipe it is `model.name`, its options are `model.options`, and `tessella model",
        "summary RECIPE model.name=NAME` shows layers, parameters and cost. Where an encoder is",
        "named, `model.encoder` takes any of the same family: segmentation_models_pytorch's own,",
        "and `tu-NAME` for every model of timm. `model.name` may also be `package.module:function`",
        "of your own. This page is written by `docs/make_reference.py`.",
        "",
        "| name | what it is | encoder, for example |",
        "|---|---|---|",
    ]
    for name, entry in MODELS.items():
        encoder = f"`{entry.example_encoder}`" if entry.takes_encoder else ""
        lines.append(f"| `{name}` | {entry.summary} | {encoder} |")
    lines.append("")
    for name, entry in MODELS.items():
        build = _imported(entry.builder)
        options = [o for o in _options(build) if o[0] not in ("num_classes", "in_channels")]
        if not entry.takes_encoder and options:
            lines += [f"## {name}", "", *_table(options)]
    return "\n".join(lines).rstrip() + "\n"


def losses_page() -> str:
    """Every loss, with its options."""
    lines = [
        "# Every loss",
        "",
        "In a recipe it is `loss.name`, with `loss.options`; `loss.add` adds more of them. All",
        "pass over ignored pixels, give 0 with a gradient of 0 where no pixel is labelled, and",
        "take `loss.class_weights`. This page is written by `docs/make_reference.py`.",
        "",
    ]
    for name, loss in LOSSES.items():
        lines += [f"## {name}", "", *_paragraphs(loss), ""]
        options = [o for o in _options(loss) if o[0] not in ("ignore_index", "class_weights")]
        lines += _table(options) if options else []
    return "\n".join(lines).rstrip() + "\n"


def _imported(place: str) -> Callable[..., Any]:
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(module), function)


def _table(options: list[tuple[str, str, str]]) -> list[str]:
    rows = [f"| `{option}` | `{value}` | {text} |" for option, value, text in options]
    return ["| option | default | meaning |", "|---|---|---|", *rows, ""]


def recipes_page() -> str:
    """Every shipped recipe and what it says about itself."""
    lines = [
        "# Every shipped recipe",
        "",
        "`tessella recipes` lists them, `tessella recipes NAME` prints one, and any key is",
        "replaced on the command line, see [recipe.md](recipe.md). This page is written by",
        "`docs/make_reference.py`.",
        "",
        "Most data sets have two. One is that of a published tutorial: its model and its numbers,",
        "with its faults put right, which are named by their ids (`S0-B01` is the first of the",
        "first tutorial); `tessella audit` explains those that change a score. The other,",
        "`-best`, is our own choice for a good score.",
        "",
        "Times that are not measured are estimates from counted operations: `tessella model",
        "summary` counts those of a forward pass, training takes three times as many, and 20",
        "TFLOP/s (2e13 operations a second) is what a good desktop GPU keeps up in mixed",
        "precision. Reading files comes on top.",
        "",
        "Pretrained weights come from the hub's cache or are downloaded when training starts.",
        "Without a network give a file, `model.encoder_weights=FILE`, or start at random with",
        "`model.encoder_weights=none`.",
        "",
    ]
    for name, text in shipped_recipes().items():
        first, _, rest = read_recipe(text, where=name).about.strip().partition("\n")
        lines += [f"## {name}", "", first, ""]
        if rest:
            lines += ["```text", textwrap.dedent(rest), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _paragraphs(function: Callable[..., Any]) -> list[str]:
    """The docstring up to its arguments."""
    text = inspect.getdoc(function) or ""
    return [text.split("\nArgs:")[0].strip()]


def _options(function: Callable[..., Any]) -> Iterator[tuple[str, str, str]]:
    """(name, default, meaning) of each keyword-only parameter; the meaning from the docstring."""
    text = inspect.getdoc(function) or ""
    listed = re.split(r"\n\n?(?=Raises:|Returns:|Source:)", text.partition("Args:\n")[2])[0]
    meanings = {
        match[1]: " ".join(match[2].split())
        for match in re.finditer(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", listed, re.M | re.S)
    }
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            meaning = meanings.get(parameter.name, "").replace("|", "\\|")
            yield parameter.name, str(parameter.default), meaning


PAGES: dict[str, Callable[[], str]] = {
    "recipe.md": recipe_page,
    "recipes.md": recipes_page,
    "datasets.md": datasets_page,
    "models.md": models_page,
    "losses.md": losses_page,
}

if __name__ == "__main__":
    for page, write in PAGES.items():
        (HERE / page).write_text(write(), encoding="utf-8")
