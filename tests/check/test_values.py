"""What mask values mean: each common mistake is told by its name, and right data by none."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tessella.data.voc import voc_color
from tessella.labels import pack

Tools = Any
Written = Any

FIVE = ["sky", "road", "car", "person", "tree"]


def colored(mask: np.ndarray, colors: dict[int, tuple[int, int, int]]) -> np.ndarray:
    table = np.zeros((256, 3), np.uint8)
    for value, color in colors.items():
        table[value] = color
    return table[mask]


def smoothed(mask: np.ndarray, factor: int = 2) -> np.ndarray:
    """The mask resized with a bilinear filter, as no mask should be."""
    picture = Image.fromarray(mask)
    size = (mask.shape[1] * factor, mask.shape[0] * factor)
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR))


# --- right data ---------------------------------------------------------------------------------


def test_right_masks_with_a_class_list_raise_no_problem(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1, 2, 3, 4, 255], seed) for seed in range(4)], split="train")
    findings = tools.checked(root, classes=FIVE)
    assert tools.kinds(findings) == set()
    assert findings.ok
    assert not findings.is_proposed


def test_right_colour_masks_with_their_colours_raise_no_problem(
    tools: Tools, written: Written
) -> None:
    colors = {0: (0, 0, 0), 1: (200, 30, 30), 2: (30, 200, 40)}
    root = written([colored(tools.areas([0, 1, 2], s), colors) for s in range(3)], split="train")
    classes = {"none": [0, 0, 0], "red": "#c81e1e", "green": [30, 200, 40]}
    assert tools.kinds(tools.checked(root, classes=classes)) == set()


def test_masks_that_count_up_need_no_remark_even_without_a_list(
    tools: Tools, written: Written
) -> None:
    findings = tools.checked(written([tools.areas([0, 1, 2, 3], seed) for seed in range(3)]))
    assert tools.kinds(findings) == set()
    assert findings.labels.num_classes == 4
    assert findings.is_proposed


def test_noise_of_listed_classes_is_not_taken_for_smoothing(tools: Tools, written: Written) -> None:
    noise = np.random.default_rng(0).integers(0, 5, (3, 48, 64), dtype=np.uint8)
    assert tools.kinds(tools.checked(written(list(noise), split="train"), classes=FIVE)) == set()


# --- 0 and 255 ----------------------------------------------------------------------------------


def test_binary_masks_without_a_list_get_both_values_proposed(
    tools: Tools, written: Written
) -> None:
    findings = tools.checked(written([tools.areas([0, 255])]))
    assert tools.the(findings, "binary_0_255").severity == "remark"
    assert dict(findings.labels.file_values) == {0: 0, 255: 1}
    assert findings.recipe_line == "'data.options.classes={background: 0, foreground: 255}'"


def test_binary_masks_with_both_values_stated_are_right(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 255])], split="train")
    findings = tools.checked(root, classes={"background": 0, "crack": 255})
    assert "binary_0_255" not in tools.kinds(findings)


# --- the class list and the values --------------------------------------------------------------


def test_masks_that_count_from_one_under_a_list_from_zero_are_an_error(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([1, 2, 3, 4, 5], seed) for seed in range(2)])
    found = tools.the(tools.checked(root, classes=FIVE), "off_by_one")
    assert found.severity == "error"
    assert "up to 5 and no 0" in found.summary
    assert found.advice == (
        "Give each class its value: "
        "'data.options.classes={sky: 1, road: 2, car: 3, person: 4, tree: 5}'."
    )


def test_masks_that_count_from_one_get_their_own_values_proposed(
    tools: Tools, written: Written
) -> None:
    findings = tools.checked(written([tools.areas([1, 2, 3], seed) for seed in range(2)]))
    assert tools.the(findings, "off_by_one").severity == "remark"
    assert dict(findings.labels.file_values) == {1: 0, 2: 1, 3: 2, 255: 255}


def test_values_beyond_the_class_list_are_named(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1, 2]), tools.areas([0, 5, 6])])
    found = tools.the(tools.checked(root, classes=FIVE), "class_list_short")
    assert found.severity == "error"
    assert "ends at the value 4, but the masks hold 5, 6 too" in found.summary
    assert found.files == (str(root / "masks" / "1.png"),)


def test_255_that_the_list_does_not_ignore_is_suspicious(tools: Tools, written: Written) -> None:
    classes = {name: value for value, name in enumerate(FIVE)}
    root = written([tools.areas([0, 1, 2, 3, 4, 255])])
    found = tools.the(tools.checked(root, classes=classes, ignore=[9]), "ignore_suspicious")
    assert found.severity == "error"
    assert "hold 255" in found.summary
    assert "ignores 9" in found.summary


def test_sparse_values_without_a_list_are_a_remark_and_proposed(
    tools: Tools, written: Written
) -> None:
    findings = tools.checked(written([tools.areas([10, 60, 110, 170])]))
    assert tools.the(findings, "sparse_values").severity == "remark"
    assert dict(findings.labels.file_values) == {10: 0, 60: 1, 110: 2, 170: 3, 255: 255}


# --- colours ------------------------------------------------------------------------------------


def test_colour_masks_under_a_list_of_values_are_an_error(tools: Tools, written: Written) -> None:
    mask = colored(tools.areas([0, 1, 2]), {1: (200, 30, 30), 2: (30, 200, 40)})
    found = tools.the(tools.checked(written([mask]), classes=FIVE), "rgb_coded")
    assert found.severity == "error"
    assert found.summary.startswith("1 mask is an RGB picture of 3 colours ((0, 0, 0), ")


def test_colour_masks_without_a_list_get_their_colours_proposed(
    tools: Tools, written: Written
) -> None:
    mask = colored(tools.areas([0, 1, 2]), {1: (200, 30, 30), 2: (30, 200, 40)})
    findings = tools.checked(written([mask]))
    assert tools.the(findings, "rgb_coded").severity == "remark"
    assert findings.options["classes"] == {
        "background": [0, 0, 0],
        "class_1": [30, 200, 40],
        "class_2": [200, 30, 30],
    }


def test_single_values_under_a_list_of_colours_are_an_error(tools: Tools, written: Written) -> None:
    classes = {"none": [0, 0, 0], "red": [200, 30, 30]}
    found = tools.the(tools.checked(written([tools.areas([0, 1])]), classes=classes), "index_coded")
    assert found.severity == "error"
    assert "single values (0, 1)" in found.summary


def test_a_palette_turned_to_grey_is_recognised_by_its_greys(
    tools: Tools, written: Written
) -> None:
    indices = tools.areas([0, 1, 2, 3, 15])
    grey = Image.fromarray(colored(indices, {i: voc_color(i) for i in range(21)})).convert("L")
    found = tools.the(tools.checked(written([np.asarray(grey)]), classes=FIVE), "color_as_gray")
    # ITU-R 601: 0.299 * 128 = 38, 0.587 * 128 = 75, their sum 113; (192, 128, 128) gives 147
    assert "(0, 38, 75, 113, 147)" in found.summary
    assert "Pascal VOC" in found.summary
    assert found.severity == "error"


@pytest.mark.parametrize("values", [[0, 85, 170, 255], [0, 128, 255], [0, 64, 128, 192]])
def test_evenly_spread_greys_are_not_taken_for_a_palette(
    tools: Tools, written: Written, values: list[int]
) -> None:
    assert "color_as_gray" not in tools.kinds(tools.checked(written([tools.areas(values)])))


def test_many_colours_in_large_areas_are_codes_of_objects(tools: Tools, written: Written) -> None:
    rng = np.random.default_rng(1)
    masks = []
    for _ in range(6):  # 6 masks of 48 blocks: 288 colours
        blocks = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        masks.append(blocks.repeat(8, axis=0).repeat(8, axis=1))
    findings = tools.checked(written(masks))
    found = tools.the(findings, "codes_24bit")
    assert "288 colours in areas of 8 pixels" in found.summary
    assert findings.labels is None


def test_numbers_spread_over_green_and_blue_are_codes_too(tools: Tools, written: Written) -> None:
    indices = tools.areas([0, 1, 2, 3, 4, 5, 6])
    codes = {i: (0, i // 2, 40 * i) for i in range(1, 7)}
    found = tools.the(tools.checked(written([colored(indices, codes)])), "codes_24bit")
    assert "semantic_labels.json" in found.advice


# --- objects in place of classes ----------------------------------------------------------------


def test_numbered_objects_are_recognised(tools: Tools, written: Written) -> None:
    root = written([tools.areas(range(count + 1)) for count in (3, 5, 12)])
    found = tools.the(tools.checked(root, classes=["background", "cell"]), "instance_masks")
    assert "to 3 in one and 12 in another" in found.summary
    assert "set every value above 0 to 1" in found.advice


def test_classes_that_come_and_go_are_no_objects(tools: Tools, written: Written) -> None:
    root = written([tools.areas(values) for values in ([0, 3, 9], [0, 1, 12], [0, 2, 5, 6])])
    assert "instance_masks" not in tools.kinds(tools.checked(root))


def test_values_over_255_are_ids_of_objects(tools: Tools, written: Written) -> None:
    found = tools.the(tools.checked(written([tools.areas([7, 26000, 26001])])), "ids_16_bit")
    assert "2 values over 255, up to 26001: 26000, 26001" in found.summary
    assert "labelIds" in found.advice


def test_sixteen_bit_values_that_are_listed_are_right(tools: Tools, written: Written) -> None:
    root = written([tools.areas([7, 26000])], split="train")
    findings = tools.checked(root, classes={"road": 7, "car": 26000})
    assert "ids_16_bit" not in tools.kinds(findings)


# --- smoothing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [None, {"background": 0, "crack": 255}])
def test_a_resized_binary_mask_is_blended(
    tools: Tools, written: Written, classes: dict[str, int] | None
) -> None:
    root = written([smoothed(tools.areas([0, 255], seed)) for seed in range(3)])
    findings = tools.checked(root, **({"classes": classes} if classes else {}))
    found = tools.the(findings, "blended_mask")
    assert found.severity == "error"
    assert found.summary.startswith("Beside 0, 255 the masks hold ")
    assert len(findings.repairs) >= 3
    assert all(to == (255 if value > 127 else 0) for value, to in findings.repairs.items())
    assert dict(findings.labels.file_values) == {0: 0, 255: 1}


def test_a_resized_colour_mask_is_blended(tools: Tools, written: Written) -> None:
    colors = {0: (0, 0, 0), 1: (200, 30, 30), 2: (30, 200, 40)}
    masks = []
    for seed in range(3):
        picture = Image.fromarray(colored(tools.areas([0, 1, 2], seed), colors))
        masks.append(np.asarray(picture.resize((128, 96), Image.Resampling.BILINEAR)))
    findings = tools.checked(written(masks))
    assert tools.the(findings, "blended_mask").severity == "error"
    assert set(findings.labels.names) == {"background", "class_1", "class_2"}
    assert len(findings.repairs) >= 3

    def distance(one: int, other: int) -> int:
        return sum(((one >> s & 255) - (other >> s & 255)) ** 2 for s in (0, 8, 16))

    listed = [pack(color) for color in colors.values()]
    for value, to in findings.repairs.items():
        assert distance(value, to) == min(distance(value, color) for color in listed)


def test_class_numbers_mixed_by_a_resize_are_blended_though_all_are_listed(
    tools: Tools, written: Written
) -> None:
    root = written([smoothed(tools.areas([0, 20, 9, 14]), factor=4)])
    findings = tools.checked(root, classes=[f"class {i}" for i in range(21)])
    found = tools.the(findings, "blended_mask")
    assert found.severity == "warning"
    assert "made up others" in found.summary


def test_a_trimap_with_a_thin_border_is_not_blended(tools: Tools, written: Written) -> None:
    mask = tools.areas([0, 255], size=(96, 128)).astype(np.int64)
    inside = mask == 255
    edge = inside & ~(np.roll(inside, 1, 1) & np.roll(inside, -1, 1) & np.roll(inside, 1, 0))
    mask[edge] = 128
    assert "blended_mask" not in tools.kinds(tools.checked(written([mask.astype(np.uint8)])))


def test_photographs_in_place_of_masks_are_told(tools: Tools, written: Written) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), dtype=np.uint8)
    findings = tools.checked(written(list(noise)))
    assert "not_class_masks" in tools.kinds(findings)
    assert findings.labels is None
    assert not findings.ok


# --- a list that is too short -------------------------------------------------------------------


def test_one_value_beyond_the_list_may_mean_that_0_has_no_name(
    tools: Tools, written: Written
) -> None:
    # as in ADE20K: 0 is no class, and the names belong to 1..150
    root = written([tools.areas([0, 1, 2, 3], seed) for seed in range(2)], split="train")
    found = tools.the(tools.checked(root, classes=["sky", "road", "car"]), "class_list_short")
    assert found.severity == "error"
    assert found.advice == (
        "Look at a mask: if 3 is car, the list lacks what 0 is; put that class first (mostly the "
        "background), or where it is none, give the others their values and ignore 0: "
        "'data.options.classes={sky: 1, road: 2, car: 3}' 'data.options.ignore=[0, 255]'. "
        "Otherwise add the missing class at the end."
    )
    advised = tools.checked(root, **tools.advised(found))
    assert advised.labels.names == ("sky", "road", "car")
    # what is ignored then is most of the picture, which is told
    assert tools.kinds(advised) == {"ignore_suspicious"}


@pytest.mark.parametrize(
    ("values", "classes"),
    [([0, 1, 2, 3, 4], ["sky", "road", "car"]), ([0, 1, 5], {"sky": 0, "road": 1})],
)
def test_more_values_beyond_the_list_are_simply_missing(
    tools: Tools, written: Written, values: list[int], classes: Any
) -> None:
    found = tools.the(
        tools.checked(written([tools.areas(values)]), classes=classes), "class_list_short"
    )
    assert found.advice == (
        "Add the missing classes to the list, or the values to those that are ignored."
    )


def test_masks_that_count_from_one_with_a_border_count_from_one_too(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([1, 2, 3, 255], seed) for seed in range(2)], split="train")
    found = tools.the(tools.checked(root, classes=["sky", "road", "car"]), "off_by_one")
    advised = tools.advised(found)
    assert advised == {"classes": {"sky": 1, "road": 2, "car": 3}}
    assert tools.kinds(tools.checked(root, **advised)) == set()


def test_a_list_without_the_background_that_counts_up_raises_nothing(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([1, 2, 3], seed) for seed in range(2)], split="train")
    classes = {"sky": 1, "road": 2, "car": 3}
    assert tools.kinds(tools.checked(root, classes=classes)) == set()


def test_many_colours_are_cut_short_in_the_message(tools: Tools, written: Written) -> None:
    colors = {index: (index * 20, 40, 250 - index * 20) for index in range(9)}
    root = written([colored(tools.areas(range(9)), colors), colored(tools.areas([0, 1]), colors)])
    found = tools.the(tools.checked(root, classes=FIVE), "rgb_coded")
    assert found.summary.startswith("2 masks are RGB pictures of 9 colours ((0, 40, 250), ")
    assert found.summary.endswith(" and 3 more), but the class list gives single values.")


def test_photographs_under_a_list_of_values_are_not_told_to_take_colours(
    tools: Tools, written: Written
) -> None:
    root = written([tools.photo(seed) for seed in range(2)], [tools.photo(9), tools.photo(8)])
    found = tools.the(tools.checked(root, classes=FIVE), "rgb_coded")
    assert found.advice == (
        "So many colours are no classes; look whether images and masks are swapped, or whether "
        "the colours number single objects."
    )


def test_several_values_beyond_the_list_are_no_count_from_one(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([1, 2, 3, 4, 5])])
    found = tools.kinds(tools.checked(root, classes=["sky", "road", "car"]))
    assert found == {"class_list_short"}
