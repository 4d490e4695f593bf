"""A person reads one paragraph and knows what the data is and what to do."""

import pytest

from tessella.check.findings import Findings, ImageSize, Problem, Severity
from tessella.check.words import counted, paragraph, problem_text
from tessella.labels import LabelMap


def problem(
    severity: Severity = "error", *, files: tuple[str, ...] = (), count: int = 1
) -> Problem:
    return Problem("kind", severity, "Three masks are odd.", files, count, "Export them again.")


def findings(*problems: Problem, **changes: object) -> Findings:
    values: dict[str, object] = {
        "name": "folder",
        "reason": "images/ and masks/",
        "pairs": {"all": ()},
        "num_samples": {"all": 12},
        "problems": problems,
        "labels": LabelMap.from_values({"background": [0], "crack": [255]}),
        "is_proposed": True,
        "num_images": 12,
        "num_masks": 12,
        "image_sizes": (ImageSize(360, 480, 12),),
    }
    return Findings(**{**values, **changes})  # type: ignore[arg-type]


def test_the_paragraph_says_what_how_much_and_what_it_means() -> None:
    assert paragraph(findings()) == (
        "Data set 'folder': images/ and masks/. 12 images and 12 masks, all 360x480 (height x "
        "width). Nobody states the classes; from the values in the masks they are two classes "
        "(background = 0, crack = 255). Nothing is wrong with it."
    )


def test_the_first_advice_is_in_the_paragraph() -> None:
    text = paragraph(findings(problem(), problem("warning"), problem("remark")))
    assert text.endswith(
        "Before training look at one error, one warning and one remark, first this: Three masks "
        "are odd. Export them again."
    )


def test_a_single_problem_is_told_without_counting() -> None:
    assert paragraph(findings(problem())).endswith(
        "Before training look at this: Three masks are odd. Export them again."
    )


def test_remarks_alone_do_not_stop_training() -> None:
    assert paragraph(findings(problem("remark"))).endswith("It can be trained on; one remark.")


def test_several_sizes_are_given_as_a_range() -> None:
    sizes = (ImageSize(10, 20, 9), ImageSize(5, 5, 2), ImageSize(40, 30, 1))
    assert "5x5 to 40x30 (height x width), mostly 10x20" in paragraph(findings(image_sizes=sizes))


def test_splits_are_counted() -> None:
    text = paragraph(findings(num_samples={"train": 0, "val": 0}))
    assert "(0 train, 0 val)" in text


def test_many_classes_are_cut_short() -> None:
    labels = LabelMap.from_names([f"c{n}" for n in range(40)])
    text = paragraph(findings(labels=labels, is_proposed=False))
    assert "The masks are read as 40 classes (c0 = 0, " in text
    assert "c11 = 11 and 28 more; ignored: 255)" in text


def test_without_a_label_map_it_says_so() -> None:
    assert "cannot be told from their values" in paragraph(findings(labels=None))


def test_a_problem_shows_files_and_advice() -> None:
    assert problem_text(problem(files=("a.png", "b.png"), count=1003)) == (
        "error: Three masks are odd.\n  a.png, b.png and 1,001 more\n  -> Export them again."
    )


def test_a_problem_without_files_has_no_line_for_them() -> None:
    assert problem_text(problem()) == "error: Three masks are odd.\n  -> Export them again."


@pytest.mark.parametrize(
    ("number", "text"), [(0, "no boxes"), (1, "one box"), (9, "nine boxes"), (1234, "1,234 boxes")]
)
def test_small_numbers_are_words(number: int, text: str) -> None:
    assert counted(number, "box", "boxes") == text
