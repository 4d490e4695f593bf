"""A body is read under the limits, whatever its form."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest

ImageOf = Callable[..., np.ndarray]
FileOf = Callable[..., bytes]
BOUNDARY = "b0undary"


def form(*parts: tuple[str, bytes], end: bool = True) -> dict[str, Any]:
    """A form by hand: (the rest of Content-Disposition, content) for each part."""
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode()
        + content
        + b"\r\n"
        for head, content in parts
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return {"content": body + (f"--{BOUNDARY}--\r\n".encode() if end else b""), "headers": headers}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_an_image_comes_as_a_form_or_as_the_body(
    house: Any, image_of: ImageOf, file_of: FileOf, pixels_of: Callable[[bytes], np.ndarray]
) -> None:
    image = image_of(5, 9)
    content = file_of(image)
    by_form = house.ask("POST", "/predict", files={"image": ("photo.png", content)})
    by_body = house.ask("POST", "/predict", content=content, headers={"Content-Type": "image/png"})
    assert by_form.content == by_body.content
    assert (pixels_of(by_body.content) == image.argmax(-1)).all()


def test_a_content_type_may_have_parameters_and_capitals(house: Any, file_of: FileOf) -> None:
    content = file_of(np.zeros((2, 2, 3), np.uint8))
    headers = {"Content-Type": "Image/PNG; name=x.png"}
    assert house.ask("POST", "/predict", content=content, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/octet-stream", "image/gif", "image/svg+xml", "image/*", ""]
)
def test_another_content_type_is_not_taken(house: Any, file_of: FileOf, kind: str) -> None:
    content = file_of(np.zeros((2, 2, 3), np.uint8))
    answer = house.ask("POST", "/predict", content=content, headers={"Content-Type": kind})
    assert code(answer) == (415, "unsupported_type")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x-unknown"])
def test_a_compressed_body_is_not_unpacked(house: Any, encoding: str) -> None:
    headers = {"Content-Type": "image/png", "Content-Encoding": encoding}
    answer = house.ask("POST", "/predict", content=b"x", headers=headers)
    assert code(answer) == (415, "unsupported_type")
    assert "not compressed" in answer.text


def test_a_body_of_just_the_limit_is_taken(make_house: Any, file_of: FileOf) -> None:
    content = file_of(np.zeros((9, 9, 3), np.uint8))
    headers = {"Content-Type": "image/png"}
    fits = make_house(max_bytes=len(content))
    assert fits.ask("POST", "/predict", content=content, headers=headers).status_code == 200
    tight = make_house(max_bytes=len(content) - 1)
    answer = tight.ask("POST", "/predict", content=content, headers=headers)
    assert code(answer) == (413, "too_many_bytes")


def test_a_body_of_unstated_length_is_counted_while_it_is_read(make_house: Any) -> None:
    house = make_house(max_bytes=1000)
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 100
            yield b"\xff\xd8\xff" + bytes(97)

    answer = house.ask(
        "POST", "/predict", content=endless(), headers={"Content-Type": "image/jpeg"}
    )
    assert code(answer) == (413, "too_many_bytes")
    assert sent == 1100  # it stopped at once


def test_the_limit_holds_for_image_and_mask_together(make_house: Any, file_of: FileOf) -> None:
    content = file_of(np.zeros((9, 9, 3), np.uint8))
    house = make_house(max_bytes=2 * len(content))
    files = {"image": ("a.png", content), "mask": ("b.png", content)}
    assert code(house.ask("POST", "/predict", files=files)) == (413, "too_many_bytes")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "the form lacks the file 'image', or ends too early"),
        ([('name="mask"; filename="m.png"', b"x")], "lacks the file 'image'"),
        ([('name="imag"; filename="a.png"', b"x")], "no field is called 'imag'; did you mean"),
        ([('name="size"', b"3")], "no field is called 'size'; known: image, mask"),
        ([('name="image"', b"x")], "field image is text; expected a file, with a file name"),
        ([('name="image"; filename="a"', b"x")] * 2, "field image is there twice"),
        ([('name="note"', b"x" * 5000)], "Part exceeded maximum size"),
        ([('filename="a"', b"x")], 'field "name" must be provided'),
        ([('name="image"; filename="a"', b"x")] * 9, "Too many files"),
    ],
)
def test_a_form_of_other_fields_is_refused(
    house: Any, parts: list[tuple[str, bytes]], message: str
) -> None:
    answer = house.ask("POST", "/predict", **form(*parts))
    assert code(answer) == (422, "bad_form")
    assert message in answer.json()["error"]["message"]


def test_a_form_that_breaks_off_is_refused(house: Any, file_of: FileOf) -> None:
    part = ('name="image"; filename="a.png"', file_of(np.zeros((2, 2, 3), np.uint8)))
    assert code(house.ask("POST", "/predict", **form(part, end=False))) == (422, "bad_form")


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", f"multipart/form-data; boundary={'b' * 999}"]
)
def test_a_form_without_a_boundary_is_refused(house: Any, kind: str) -> None:
    answer = house.ask("POST", "/predict", content=b"x", headers={"Content-Type": kind})
    assert code(answer) == (422, "bad_form")


def test_a_form_that_is_none_is_refused(house: Any) -> None:
    given = form()
    answer = house.ask("POST", "/predict", content=b"\0" * 500, headers=given["headers"])
    assert code(answer) == (422, "bad_form")


def test_a_file_name_is_never_used_as_a_path(house: Any, file_of: FileOf) -> None:
    content = file_of(np.zeros((2, 2, 3), np.uint8))
    files = {"image": ("../../../etc/passwd", content)}
    assert house.ask("POST", "/predict", files=files).status_code == 200


def test_too_many_uploads_at_once_are_refused(make_house: Any, file_of: FileOf) -> None:
    house = make_house()
    house.service.body_bytes.takes(house.service.body_bytes.total)  # all that others could hold
    answer = house.post_png(np.zeros((2, 2, 3), np.uint8))
    assert code(answer) == (503, "busy")
    assert answer.headers["retry-after"] == "1"
