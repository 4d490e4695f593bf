"""OpenVINO: one file of two, a request a thread, and the precision that the card names."""

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tessella.backends.openvino import open_file, packed, unpacked
from tessella.errors import UsageError


def random_images(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 20, 31, 3), dtype=np.uint8)


def test_two_files_become_one_and_two_again() -> None:
    assert unpacked(packed(b"<net/>", b"\x00\x01"), where="x") == (b"<net/>", b"\x00\x01")


def test_the_same_model_gives_the_same_file() -> None:
    assert packed(b"<net/>", b"\x00") == packed(b"<net/>", b"\x00")


def test_unpacked_it_is_what_openvino_itself_reads(
    exported_files: dict[str, Path], tmp_path: Path
) -> None:
    import openvino

    with zipfile.ZipFile(exported_files["openvino"]) as archive:
        archive.extractall(tmp_path)
    model = openvino.Core().read_model(tmp_path / "model.xml")
    assert [p.get_friendly_name() for p in model.get_parameters()] == ["images"]


def test_threads_have_requests_of_their_own(exported_files: dict[str, Path]) -> None:
    backend, _ = open_file(exported_files["openvino"], device="cpu", precision=None)
    images = random_images(12)
    expected = [backend.class_maps(backend.place(images[i : i + 1])) for i in range(12)]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda i: backend.class_maps(backend.place(images[i : i + 1])), range(12))
        for one, other in zip(found, expected, strict=True):
            assert (one == other).all()


def test_the_threads_are_those_that_were_allowed(
    monkeypatch: pytest.MonkeyPatch, exported_files: dict[str, Path]
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    backend, _ = open_file(exported_files["openvino"], device="cpu", precision=None)
    backend.class_maps(backend.place(random_images(1)))
    assert backend.where == "cpu, 1 thread"
    (compiled,) = backend._compiled.values()
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1


def test_bf16_may_be_asked_of_a_file_in_fp32(exported_files: dict[str, Path]) -> None:
    backend, _ = open_file(exported_files["openvino"], device="cpu", precision="bf16")
    assert backend.precision == "bf16"
    exact, _ = open_file(exported_files["openvino"], device="cpu", precision=None)
    images = exact.place(random_images(1))
    assert (backend.class_maps(images) == exact.class_maps(images)).mean() > 0.9


def test_a_precision_that_it_has_not_is_refused(exported_files: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="computes in fp32 or bf16, not int8; export it anew"):
        open_file(exported_files["openvino"], device="cpu", precision="int8")


def test_another_device_is_refused(exported_files: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="device 'cuda': OpenVINO computes on the cpu here"):
        open_file(exported_files["openvino"], device="cuda", precision=None)


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bomb.openvino"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.xml", b"0" * 10_000_000)
        archive.writestr("model.bin", b"")
    with pytest.raises(ValueError, match=r"bomb\.openvino: is a compressed archive"):
        open_file(file, device="cpu", precision=None)


def test_an_archive_without_a_network_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "half.openvino"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model.bin", b"")
    with pytest.raises(ValueError, match=r"half\.openvino: is no archive of model\.xml and model"):
        open_file(file, device="cpu", precision=None)
