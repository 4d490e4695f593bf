"""The page in a real browser: what is dropped is segmented, seen, read, compared and saved."""

import base64
import io
import json
import re
import shutil
import socket
import struct
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Dialog,
    Locator,
    Page,
    expect,
    sync_playwright,
)

from tessella.labels import LabelMap
from tessella.predictor import Predictor
from tessella.serve.limits import Limits
from tessella.serve.security import Access
from tessella.serve.server import Server
from tessella.serve.service import Service

slow = pytest.mark.slow
PATIENCE_MS = 120_000  # the cores are shared
expect.set_options(timeout=PATIENCE_MS)

HOSTILE = "<img src=x onerror=alert(1)>"
LABELS = LabelMap.from_names(
    ["road", HOSTILE, "sky & sea", "never"],
    colors=[(250, 10, 20), (10, 200, 30), (20, 40, 240), (9, 9, 9)],
)
MAX_PIXELS = 4_000_000
MAX_BYTES = 3_000_000

# four fields of 20 x 10 pixels; the model below says of them: class, probability
UPPER_LEFT = (200, 40, 10)  # road, 200 / 250 = 80 %
UPPER_RIGHT = (30, 120, 50)  # the hostile one, 120 / 200 = 60 %
LOWER_LEFT = (0, 0, 255)  # sky & sea, 100 %
LOWER_RIGHT = (90, 60, 50)  # road, 90 / 200 = 45 %


def fields() -> np.ndarray:
    image = np.empty((20, 40, 3), np.uint8)
    image[:10, :20], image[:10, 20:] = UPPER_LEFT, UPPER_RIGHT
    image[10:, :20], image[10:, 20:] = LOWER_LEFT, LOWER_RIGHT
    return image


CLASS_MAP = fields().argmax(axis=-1).astype(np.uint8)


class Channels:
    """A model by paper and pencil: the brightest channel wins, by its share of all three."""

    engine = "onnx"
    where = "cpu, 1 thread"
    precision = "fp32"
    is_on_cpu = True
    size = None
    in_channels = 3

    def __init__(self, *, has_probabilities: bool = True) -> None:
        self.has_probabilities = has_probabilities
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def place(self, images: np.ndarray) -> np.ndarray:
        return images.transpose(0, 3, 1, 2)

    def class_maps(self, images: np.ndarray) -> np.ndarray:
        self.may_go_on.wait(60)
        return images.argmax(axis=1).astype(np.uint8)

    def probabilities(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shares = np.zeros((len(images), 4, *images.shape[2:]), np.float32)
        shares[:, :3] = images / np.maximum(images.sum(axis=1, keepdims=True, dtype=np.float32), 1)
        return self.class_maps(images), shares

    def empty(self, shape: Sequence[int]) -> np.ndarray:
        return np.empty(tuple(shape), np.uint8)

    def fetch(self, array: np.ndarray) -> np.ndarray:
        return array

    def scorer(self, num_classes: int, ignore_index: int) -> None:
        raise NotImplementedError


@contextmanager
def serving(backends: Mapping[str, Channels], *, access: Access | None = None) -> Iterator[str]:
    """The address of a server of these models."""
    predictors = {name: Predictor(backend, LABELS) for name, backend in backends.items()}
    service = Service(Limits(max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS))
    is_open = threading.Event()

    def open_models() -> None:
        server.loop.call_soon_threadsafe(service.open, predictors)
        server.loop.call_soon_threadsafe(is_open.set)

    server = Server(service, access or Access(), when_started=open_models)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        assert is_open.wait(60)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()
        service.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("there is no Chromium or Chrome here to show the page in")
    arguments = [
        *("--no-sandbox", "--disable-dev-shm-usage"),
        *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
    ]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program, args=arguments, timeout=PATIENCE_MS
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    models = {"channels": Channels(), "maps-only": Channels(has_probabilities=False)}
    with serving(models) as at:
        yield at


@contextmanager
def visiting(context: BrowserContext, address: str) -> Iterator[Page]:
    """The page at an address; whatever it may not do, it must not do until the end of the test."""
    wrong: list[str] = []
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)

    def look(url: str) -> None:
        if not url.startswith((address, "blob:", "data:")):
            wrong.append(f"asked for {url}")

    def listen(kind: str, text: str) -> None:
        # the browser itself notes each refusal of the server in this way
        if kind == "error" and not text.startswith("Failed to load resource"):
            wrong.append(text)

    def refuse_dialog(dialog: Dialog) -> None:
        wrong.append("a dialog was opened")
        dialog.dismiss()

    page.on("request", lambda request: look(request.url))
    page.on("console", lambda message: listen(message.type, message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", refuse_dialog)
    page.goto(address)
    yield page
    assert not wrong


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    with visiting(context, address) as visited:
        expect(visited.locator("#taken")).to_contain_text("up to")
        yield visited
    context.close()


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "png")
    return stream.getvalue()


def payload(name: str, content: bytes, kind: str = "image/png") -> dict[str, object]:
    return {"name": name, "mimeType": kind, "buffer": content}


def give(page: Page, content: bytes, *, name: str = "fields.png") -> None:
    page.set_input_files("#file", payload(name, content))


def wait_until_done(page: Page) -> None:
    expect(page.locator("body[data-state='done']:not([aria-busy])")).to_be_visible()


def give_fields(page: Page) -> None:
    give(page, png(fields()))
    wait_until_done(page)


def give_mask(page: Page, mask: np.ndarray) -> None:
    page.set_input_files("#mask-file", payload("true.png", png(mask)))
    expect(page.locator("#scores")).to_be_visible()
    wait_until_done(page)


def seen(page: Page, x: int, y: int, *, size: tuple[int, int] = (40, 20)) -> list[int]:
    """Red, green and blue on the canvas at the middle of a pixel of the image."""
    code = """async ([x, y]) => {
        const frame = () => new Promise(requestAnimationFrame);
        await frame();
        await frame();
        const canvas = document.getElementById("canvas");
        const place = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
        return [...canvas.getContext("2d").getImageData(...place, 1, 1).data];
    }"""
    red, green, blue, opacity = page.evaluate(code, [(x + 0.5) / size[0], (y + 0.5) / size[1]])
    assert opacity == 255
    return [red, green, blue]


def assert_color(got: Sequence[int], expected: Sequence[float], *, within: int = 2) -> None:
    # the canvas holds 8 bits with the opacity multiplied in: rounding twice
    np.testing.assert_allclose(got, expected, atol=within)


def blend(color: Sequence[int], over: Sequence[int], opacity: float) -> np.ndarray:
    return np.array(color) * opacity + np.array(over) * (1 - opacity)


def show_prediction_everywhere(page: Page, *, opacity: int) -> None:
    page.locator("#divider").press("Home")
    page.locator("#overall").fill(str(opacity))


def hover(page: Page, x: int, y: int) -> Locator:
    """The reading at a pixel of the 40 x 20 image."""
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    place = {"x": (x + 0.5) / 40 * box["width"], "y": (y + 0.5) / 20 * box["height"]}
    page.locator("#canvas").hover(position=place)
    return page.locator("#reading")


def transfer(page: Page, files: Sequence[tuple[str, bytes]]) -> object:
    """What a browser hands over when files are dropped or pasted."""
    code = """files => {
        const transfer = new DataTransfer();
        for (const [name, content] of files) {
            const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
            transfer.items.add(new File([bytes], name));
        }
        return transfer;
    }"""
    packed = [[name, base64.b64encode(content).decode()] for name, content in files]
    return page.evaluate_handle(code, packed)


def drop(page: Page, *files: tuple[str, bytes]) -> None:
    page.dispatch_event("body", "drop", {"dataTransfer": transfer(page, files)})


# ---- an image comes in


def test_a_chosen_image_is_covered_by_the_colors_of_its_classes(page: Page) -> None:
    give_fields(page)
    show_prediction_everywhere(page, opacity=60)
    assert_color(seen(page, 3, 3), blend(LABELS.colors[0], UPPER_LEFT, 0.6))
    assert_color(seen(page, 30, 3), blend(LABELS.colors[1], UPPER_RIGHT, 0.6))
    assert_color(seen(page, 3, 15), blend(LABELS.colors[2], LOWER_LEFT, 0.6))


def test_a_dropped_image_is_segmented(page: Page) -> None:
    drop(page, ("dropped.png", png(fields())))
    wait_until_done(page)
    expect(page.locator("#file-name")).to_have_text("dropped.png")


@slow
def test_a_pasted_image_is_segmented(page: Page) -> None:
    code = """clipboardData => document.body.dispatchEvent(
        new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }))"""
    page.evaluate(code, transfer(page, [("pasted.png", png(fields()))]))
    wait_until_done(page)
    expect(page.locator("#file-name")).to_have_text("pasted.png")


@slow
def test_a_picture_of_the_camera_is_segmented_and_the_camera_stopped(page: Page) -> None:
    page.click("#use-camera")
    expect(page.locator("#shoot")).to_be_visible()
    track = page.evaluate_handle("document.getElementById('video').srcObject.getTracks()[0]")
    page.click("#shoot")
    wait_until_done(page)
    expect(page.locator("#file-name")).to_have_text("camera.png")
    assert page.evaluate("track => track.readyState", track) == "ended"


@slow
def test_a_file_of_a_wrong_ending_is_read_as_what_it_is(page: Page) -> None:
    page.set_input_files("#file", payload("png.jpg", png(fields()), "image/jpeg"))
    wait_until_done(page)
    expect(page.locator("#error")).to_be_hidden()


@slow
def test_a_photograph_is_upright_and_its_classes_lie_where_its_colors_do(page: Page) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    stream = io.BytesIO()
    lying = Image.fromarray(np.rot90(fields()))
    lying.save(stream, "jpeg", exif=exif, quality=95, subsampling=0)
    give(page, stream.getvalue())
    wait_until_done(page)
    expect(hover(page, 30, 3)).to_contain_text(HOSTILE)
    page.locator("#divider").press("End")
    assert_color(seen(page, 30, 3), UPPER_RIGHT, within=6)  # JPEG


@slow
def test_an_image_that_the_browser_cannot_draw_shows_its_classes_alone(page: Page) -> None:
    stream = io.BytesIO()
    Image.fromarray(fields()).save(stream, "tiff")
    give(page, stream.getvalue(), name="fields.tiff")
    wait_until_done(page)
    expect(page.locator("#note")).to_contain_text("cannot draw this kind of image")
    show_prediction_everywhere(page, opacity=100)
    assert seen(page, 3, 3) == list(LABELS.colors[0])


# ---- looking at it


@slow
@pytest.mark.parametrize(
    ("x", "y", "words"),
    [(3, 3, ("road", "80 %")), (30, 3, (HOSTILE, "60 %")), (39, 19, ("road", "45 %"))],
)
def test_hovering_reads_class_and_probability(
    page: Page, x: int, y: int, words: tuple[str, ...]
) -> None:
    give_fields(page)
    page.locator("#divider").press("Home")  # out of the way
    reading = hover(page, x, y)
    for word in (*words, f"x {x}, y {y}"):
        expect(reading).to_contain_text(word)


@slow
def test_a_model_of_class_maps_alone_reads_the_class_without_probability(page: Page) -> None:
    page.select_option("#models", "maps-only")
    give_fields(page)
    reading = hover(page, 3, 3)
    expect(reading).to_contain_text("road")
    expect(reading).not_to_contain_text("%")


@slow
def test_another_model_computes_the_image_again(page: Page) -> None:
    give_fields(page)
    with page.expect_response(re.compile("/models/maps-only/predict")) as answer:
        page.select_option("#models", "maps-only")
    assert answer.value.ok
    wait_until_done(page)


@slow
def test_a_class_fades_by_its_own_slider(page: Page) -> None:
    give_fields(page)
    show_prediction_everywhere(page, opacity=100)
    page.get_by_label("Opacity of road").fill("0")
    assert_color(seen(page, 3, 3), UPPER_LEFT)
    assert seen(page, 3, 15) == list(LABELS.colors[2])


@slow
def test_a_class_is_hidden_and_all_are_shown_again(page: Page) -> None:
    give_fields(page)
    show_prediction_everywhere(page, opacity=100)
    page.get_by_label("road", exact=True).uncheck()
    assert_color(seen(page, 3, 3), UPPER_LEFT)
    page.click("#toggle-all")
    assert_color(seen(page, 3, 15), LOWER_LEFT)
    page.click("#toggle-all")
    assert seen(page, 3, 3) == list(LABELS.colors[0])


@slow
def test_the_legend_lists_shares_most_pixels_first_and_folds_absent_classes(page: Page) -> None:
    give_fields(page)
    rows = page.locator("#legend > ul .class")
    assert [row.split("\n") for row in rows.all_inner_texts()] == [
        ["road", "50.0 %"],
        [HOSTILE, "25.0 %"],
        ["sky & sea", "25.0 %"],
    ]
    expect(page.locator("#legend details summary")).to_have_text("1 class not found")


@slow
def test_the_divider_follows_the_mouse(page: Page) -> None:
    give_fields(page)
    page.locator("#overall").fill("100")
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    page.locator("#divider").hover()
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] / 4, stage["y"] + 40, steps=3)
    page.mouse.up()
    assert page.locator("#divider").get_attribute("aria-valuenow") == "25"
    assert_color(seen(page, 8, 3), UPPER_LEFT)
    assert seen(page, 12, 3) == list(LABELS.colors[0])


@slow
def test_zooming_enlarges_the_middle_and_fit_shows_all_again(page: Page) -> None:
    give_fields(page)
    for _ in range(2):
        page.click("#zoom-in")
    # 2.25 times: 20 - 20 / 2.25 = 11.1 and 10 - 10 / 2.25 = 5.6
    expect(hover(page, 0, 0)).to_contain_text("x 11, y 5")
    page.click("#zoom-fit")
    expect(hover(page, 0, 0)).to_contain_text("x 0, y 0")


# ---- comparing it


@slow
def test_a_true_mask_gives_scores_and_the_truth_on_the_left(page: Page) -> None:
    truth = CLASS_MAP.copy()
    truth[10:, 20:] = 2
    give_fields(page)
    give_mask(page, truth)
    # road: 200 of 400; the hostile one: all; sky & sea: 200 of 400; never: in neither
    expect(page.locator("#mean-iou")).to_have_text("0.667")
    expect(page.locator("#accuracy")).to_have_text("0.750")
    ious = page.locator("#legend > ul .class .iou").all_inner_texts()
    assert [iou.split()[-1] for iou in ious] == ["0.500", "1.000", "0.500"]
    page.locator("#overall").fill("100")
    page.locator("#divider").press("End")
    assert seen(page, 30, 15) == list(LABELS.colors[2])
    page.locator("#divider").press("Home")
    assert seen(page, 30, 15) == list(LABELS.colors[0])
    expect(hover(page, 30, 15)).to_contain_text("truly sky & sea")
    expect(hover(page, 3, 3)).to_contain_text("right")


@slow
def test_ignored_pixels_of_the_truth_show_the_image(page: Page) -> None:
    truth = CLASS_MAP.copy()
    truth[:10] = LABELS.ignore_index
    give_fields(page)
    give_mask(page, truth)
    page.locator("#overall").fill("100")
    page.locator("#divider").press("End")
    assert_color(seen(page, 3, 3), UPPER_LEFT)
    expect(hover(page, 3, 3)).to_contain_text("ignored in the truth")


@slow
def test_a_mask_of_another_size_is_refused_and_the_prediction_stays(page: Page) -> None:
    give_fields(page)
    page.set_input_files("#mask-file", payload("small.png", png(CLASS_MAP[:5])))
    expect(page.locator("#error-text")).to_contain_text("mask: is 5x40 but the image is 20x40")
    expect(page.locator("#scores")).to_be_hidden()
    expect(hover(page, 3, 3)).to_contain_text("road")


# ---- keeping it


@slow
def test_the_saved_mask_holds_the_class_indices_and_their_colors(page: Page) -> None:
    give_fields(page)
    with page.expect_download() as download:
        page.click("#save-mask")
    assert download.value.suggested_filename == "fields_mask.png"
    with Image.open(download.value.path()) as mask:
        assert mask.mode == "P"
        np.testing.assert_array_equal(np.array(mask), CLASS_MAP)
        np.testing.assert_array_equal(np.array(mask.convert("RGB")), LABELS.colorize(CLASS_MAP))


@slow
def test_the_saved_overlay_is_what_is_seen_at_the_images_size(page: Page) -> None:
    give_fields(page)
    page.locator("#overall").fill("60")
    page.get_by_label("road", exact=True).uncheck()
    with page.expect_download() as download:
        page.click("#save-overlay")
    assert download.value.suggested_filename == "fields_overlay.png"
    with Image.open(download.value.path()) as overlay:
        got = np.array(overlay.convert("RGB"))
    assert got.shape == (20, 40, 3)
    assert_color(got[3, 3], UPPER_LEFT)
    assert_color(got[15, 3], blend(LABELS.colors[2], LOWER_LEFT, 0.6))


@slow
def test_the_saved_polygons_are_geojson(page: Page) -> None:
    give_fields(page)
    with page.expect_download() as download:
        page.click("#save-polygons")
    assert download.value.suggested_filename == "fields_polygons.geojson"
    found = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))["features"]
    properties = [
        (feature["properties"]["name"], feature["properties"]["pixels"]) for feature in found
    ]
    assert properties == [("road", 200), (HOSTILE, 200), ("sky & sea", 200), ("road", 200)]


@slow
@pytest.mark.parametrize("line_filter", range(5))
def test_grey_values_come_back_exactly_whatever_the_filter(page: Page, line_filter: int) -> None:
    values = np.random.default_rng(line_filter).integers(0, 256, (9, 13), dtype=np.uint8)
    code = """async (text) => {
        const { bytesOf, readGrey } = await import("/page/png.js");
        return [...(await readGrey(bytesOf(text))).values];
    }"""
    packed = base64.b64encode(filtered_png(values, line_filter)).decode()
    assert page.evaluate(code, packed) == values.ravel().tolist()


def filtered_png(values: np.ndarray, line_filter: int) -> bytes:
    """A grey PNG, each line through one filter (PNG specification, section 9)."""
    height, width = values.shape
    padded = np.pad(values.astype(int), ((1, 0), (1, 0)))
    left, above, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    guesses = [0 * left, left, above, (left + above) // 2, nearest(left, above, corner)]
    lines = ((values - guesses[line_filter]) % 256).astype(np.uint8)
    lines = np.insert(lines, 0, line_filter, axis=1)
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0),
        b"IDAT": zlib.compress(lines.tobytes()),
        b"IEND": b"",
    }
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def nearest(left: np.ndarray, above: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """Paeth's guess: the neighbour closest to left + above - corner, in this order of ties."""
    neighbours = np.stack([left, above, corner])
    best = np.abs(left + above - corner - neighbours).argmin(axis=0)
    return np.take_along_axis(neighbours, best[None], axis=0)[0]


# ---- what goes wrong


def test_a_text_file_is_refused_in_the_servers_words(page: Page) -> None:
    drop(page, ("notes.txt", b"not a picture"))
    expect(page.locator("#error")).to_contain_text("notes.txt was not segmented.")
    expect(page.locator("#error-text")).to_contain_text("image: is none of the formats taken")
    assert page.locator("body").get_attribute("data-state") == "empty"


@slow
def test_an_image_of_too_many_pixels_is_refused_in_the_servers_words(page: Page) -> None:
    give(page, png(np.zeros((2001, 2000, 3), np.uint8)))
    expect(page.locator("#error-text")).to_contain_text("at most 4 megapixels are taken")


@slow
def test_a_file_of_too_many_bytes_is_not_even_sent(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    give(page, bytes(MAX_BYTES + 100_000), name="big.png")
    expect(page.locator("#error")).to_contain_text("It has 3.1 MB; this server takes up to 3.0 MB")
    assert not asked


@slow
def test_several_dropped_files_are_refused(page: Page) -> None:
    drop(page, ("a.png", png(fields())), ("b.png", png(fields())))
    expect(page.locator("#error")).to_contain_text(
        "2 files were dropped. Give one image at a time."
    )


@slow
def test_a_message_is_gone_once_an_image_is_segmented(page: Page) -> None:
    drop(page, ("notes.txt", b"not a picture"))
    expect(page.locator("#error")).to_be_visible()
    give_fields(page)
    expect(page.locator("#error")).to_be_hidden()


@slow
def test_a_server_that_is_gone_is_said_and_can_be_tried_again(browser: Browser) -> None:
    context = browser.new_context()
    with serving({"channels": Channels()}) as at, visiting(context, at) as visited:
        expect(visited.locator("#taken")).to_contain_text("up to")
        context.set_offline(True)
        give(visited, png(fields()))
        expect(visited.locator("#error-text")).to_contain_text("The server cannot be reached")
        context.set_offline(False)
        visited.click("#retry")
        wait_until_done(visited)
    context.close()


@slow
def test_progress_is_shown_and_can_be_cancelled(browser: Browser) -> None:
    backend = Channels()
    context = browser.new_context()
    with serving({"held": backend}) as at, visiting(context, at) as visited:
        expect(visited.locator("#taken")).to_contain_text("up to")
        backend.may_go_on.clear()
        give(visited, png(fields()))
        expect(visited.locator("#busy-text")).to_contain_text("Computing the classes of fields.png")
        expect(visited.get_by_role("progressbar")).to_be_visible()
        visited.click("#cancel")
        expect(visited.locator("#busy")).to_be_hidden()
        backend.may_go_on.set()
        visited.click("#retry")
        wait_until_done(visited)
    context.close()


@slow
def test_a_key_is_asked_for_once_and_kept_for_the_tab_alone(browser: Browser) -> None:
    context = browser.new_context()
    access = Access(api_key="open-sesame-1")
    with serving({"channels": Channels()}, access=access) as at, visiting(context, at) as visited:
        visited.fill("#key", "wrong-key-1")
        visited.press("#key", "Enter")
        expect(visited.locator("#error")).to_contain_text("The key was not accepted.")
        visited.fill("#key", "open-sesame-1")
        visited.press("#key", "Enter")
        expect(visited.locator("#taken")).to_contain_text("up to")
        give_fields(visited)
        expect(visited.locator("#key-form")).to_be_hidden()
        assert visited.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        visited.reload()
        expect(visited.locator("#taken")).to_contain_text("up to")
    context.close()


@slow
def test_no_key_is_asked_for_where_none_is_needed(page: Page) -> None:
    expect(page.locator("#key-form")).to_be_hidden()


# ---- everyone can use it


def test_a_class_name_is_text_and_never_markup(page: Page) -> None:
    give_fields(page)
    expect(hover(page, 30, 3)).to_contain_text(HOSTILE)
    expect(page.locator("#legend")).to_contain_text(HOSTILE)
    assert page.locator("img").count() == 0


@slow
def test_a_file_name_is_text_and_never_markup(page: Page) -> None:
    drop(page, (HOSTILE, b"not a picture"))
    expect(page.locator("#error-title")).to_contain_text(HOSTILE)
    assert page.locator("img").count() == 0


@slow
def test_a_narrow_screen_never_scrolls_sideways(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 640}, has_touch=True)
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    with visiting(context, address) as visited:
        expect(visited.locator("#taken")).to_contain_text("up to")
        assert visited.evaluate(overflow) <= 0
        give(visited, png(fields()), name="a" * 100 + ".png")
        wait_until_done(visited)
        give_mask(visited, CLASS_MAP)
        visited.locator("#legend summary").click()
        visited.locator("#about summary").click()
        assert visited.evaluate(overflow) <= 0
    context.close()


@slow
def test_all_can_be_done_by_keyboard(page: Page) -> None:
    with page.expect_file_chooser() as chooser:
        tab_to(page, "choose")
        page.keyboard.press("Enter")
    chooser.value.set_files(payload("fields.png", png(fields())))
    wait_until_done(page)
    tab_to(page, "canvas")
    page.keyboard.press("ArrowUp")  # where the cursor is: 20, 10
    page.keyboard.press("ArrowUp")
    expect(page.locator("#spoken")).to_have_text(f"{HOSTILE}, 60 %, x 20, y 9")
    tab_to(page, "divider")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#divider").get_attribute("aria-valuenow") == "49"
    tab_to(page, "save-polygons")
    with page.expect_download():
        page.keyboard.press("Enter")


def tab_to(page: Page, name: str) -> None:
    """Walk by Tab to an element; each one on the way shows that it has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        at, outline = page.evaluate(
            """() => {
                const at = document.activeElement;
                const shown = at.id === "divider" ? at.firstElementChild : at;
                return [at.id, getComputedStyle(shown).outlineStyle];
            }"""
        )
        assert outline == "solid", f"{at} hides its focus"
        if at == name:
            return
    pytest.fail(f"Tab never comes to {name}")


@slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(
    browser: Browser, address: str, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme)
    code = """names => names.map((name) => {
        const at = document.querySelector(name);
        const behindOf = (one) => getComputedStyle(one).backgroundColor;
        let behind = at;
        while (behindOf(behind) === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
        return [getComputedStyle(at).color, behindOf(behind)];
    })"""
    names = ["#panel h2", "#truth-about", "#keys", "#toggle-all", "#choose", "#mean-iou"]
    with visiting(context, address) as visited:
        expect(visited.locator("#taken")).to_contain_text("up to")
        give_fields(visited)
        pairs = visited.evaluate(code, names)
    context.close()
    assert min(contrast(ink, behind) for ink, behind in pairs) >= 4.5  # WCAG 2, level AA


def contrast(*colors: str) -> float:
    """WCAG's contrast ratio of two colours "rgb(1, 2, 3)"."""
    luminances = []
    for color in colors:
        shares = np.array([int(part) for part in re.findall(r"\d+", color)[:3]]) / 255
        linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
        luminances.append(linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    return max(luminances) / min(luminances)


@slow
def test_nothing_moves_by_itself_for_those_who_ask_for_that(browser: Browser, address: str) -> None:
    context = browser.new_context(reduced_motion="reduce")
    with visiting(context, address) as visited:
        code = "getComputedStyle(document.querySelector('.bar span')).animationName"
        assert visited.evaluate(code) == "none"
    context.close()
