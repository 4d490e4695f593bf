"""'Did you mean': what is close is offered, what is not leaves a full sentence."""

import pytest

from tessella.suggestion import did_you_mean, some, unknown_name

KNOWN = ("unet", "segformer", "deeplabv3", "deeplabv3plus")


@pytest.mark.parametrize(
    ("name", "clause"),
    [
        ("unnet", "; did you mean 'unet'?"),
        ("UNET", "; did you mean 'unet'?"),
        ("deeplab3", "; did you mean 'deeplabv3' or 'deeplabv3plus'?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_the_closest_known_names_are_offered(name: str, clause: str) -> None:
    assert did_you_mean(name, KNOWN) == clause


def test_a_known_name_is_offered_as_it_is_spelled() -> None:
    assert did_you_mean("unet", ["UNet"]) == "; did you mean 'UNet'?"


def test_nothing_known_offers_nothing() -> None:
    assert did_you_mean("unet", iter(())) == ""


def test_the_line_says_what_we_got_what_is_close_and_what_exists() -> None:
    assert unknown_name("model", "segfromer", KNOWN) == (
        "no model is called 'segfromer'; did you mean 'segformer'? "
        "Known: deeplabv3, deeplabv3plus, segformer, unet."
    )


def test_without_a_close_name_the_line_is_still_two_sentences() -> None:
    assert unknown_name("loss", "zzz", ["dice"]) == "no loss is called 'zzz'. Known: dice."


def test_an_empty_table_is_said_to_be_empty() -> None:
    assert unknown_name("loss", "zzz", []).endswith("Known: none.")


def test_a_long_table_is_cut_and_counted() -> None:
    line = unknown_name("encoder", "zzz", [f"e{number:02}" for number in range(30)], most=3)
    assert line.endswith("Known: e00, e01, e02, ... (30 in all).")


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["a", "b"], "a, b"), (["a"] * 3, "a, a, ...")]
)
def test_of_many_names_the_first_few_are_shown(names: list[str], text: str) -> None:
    assert some(names, most=2) == text


def test_names_that_are_no_text_can_be_printed() -> None:
    assert some(["a\udcff", "\N{LATIN SMALL LETTER E WITH ACUTE}"]) == (
        "a\\udcff, \N{LATIN SMALL LETTER E WITH ACUTE}"
    )
