"""The model repository, read by Triton's own definition of a configuration."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from google.protobuf import text_format

from tessella.errors import UsageError
from tessella.export.triton import configuration, place_in, write_repository
from tessella.labels import LabelMap
from tessella.model_card import CLASSES, PROBABILITIES, Exported, ModelCard


def triton_definitions() -> ModuleType:
    """Triton's protocol, from its client's package, without the gRPC that this would load."""
    package = importlib.util.find_spec("tritonclient")
    assert package is not None
    assert package.submodule_search_locations
    file = Path(package.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"
    spec = importlib.util.spec_from_file_location("model_config_pb2", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def card(size: tuple[int, int] | None = None, name: str = "street") -> ModelCard:
    exported = Exported((CLASSES, PROBABILITIES), "fp32", size)
    labels = LabelMap.from_names(["road", "sky"])
    pretrained = {"name": "imagenet", "licence": "mit\n}"}
    return ModelCard({}, 3, labels, "fp32", name=name, pretrained=pretrained, exported=exported)


def test_triton_reads_names_types_and_free_axes() -> None:
    config = text_format.Parse(configuration(card()), triton_definitions().ModelConfig())
    assert (config.name, config.platform, config.max_batch_size) == (
        *("street", "onnxruntime_onnx"),
        8,
    )
    assert [(i.name, list(i.dims)) for i in config.input] == [("images", [3, -1, -1])]
    assert [(o.name, list(o.dims)) for o in config.output] == [
        ("classes", [-1, -1]),
        ("probabilities", [2, -1, -1]),
    ]
    assert config.dynamic_batching.max_queue_delay_microseconds == 5000


def test_a_model_of_one_size_says_it() -> None:
    config = text_format.Parse(configuration(card((360, 480))), triton_definitions().ModelConfig())
    assert list(config.input[0].dims) == [3, 360, 480]
    assert list(config.output[0].dims) == [360, 480]


def test_a_repository_holds_version_one_and_leaves_other_models(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    folder = write_repository(b"onnx", card(), repository=tmp_path)
    assert folder == tmp_path / "street"
    assert (folder / "1" / "model.onnx").read_bytes() == b"onnx"
    assert (folder / "labels.txt").read_text() == "road\nsky\n"
    assert (tmp_path / "other").is_dir()


@pytest.mark.parametrize("name", ["../up", "a b", "", "a/b", ".hidden"])
def test_a_name_that_would_leave_the_repository_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="letters, digits, dots, dashes and underscores only"):
        place_in(tmp_path, name)


def test_a_run_is_no_exported_file() -> None:
    with pytest.raises(ValueError, match="not that of an exported file"):
        configuration(ModelCard({}, 3, LabelMap.from_names(["a", "b"]), "fp32"))
