"""Writes the reference pages from the code: python docs/make_reference.py."""

from pathlib import Path

from tessella.recipe import described_keys

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


if __name__ == "__main__":
    (HERE / "recipe.md").write_text(recipe_page(), encoding="utf-8")
