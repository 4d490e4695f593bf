"""The house keeps its shape: floors, doors, quiet imports, small files, plain names."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "tessella"
FILES = sorted(SOURCE.rglob("*.py"))

# Module or package directly below tessella -> floor. Imports go down; floor 1 parts never meet.
FLOORS = {
    **dict.fromkeys(
        (
            *(
                "labels",
                "palette",
                "sample",
                "recipe",
                "recipe_parts",
                "yaml_text",
                "errors",
                "suggestion",
            ),
            *("atomic", "progress", "stop", "cores", "rank", "lock", "team"),
        ),
        0,
    ),
    **dict.fromkeys(("data", "models", "losses", "metrics", "optim"), 1),
    **dict.fromkeys(
        (
            *("backends", "recipes", "lookup", "source", "build", "run", "model_folder"),
            "environment",
            *("predictor", "pictures", "contact", "model_card", "model_place", "tiles", "polygons"),
        ),
        2,
    ),
    **dict.fromkeys(
        (
            *("train", "evaluate", "predict", "report", "demo", "audit"),
            *("check", "stats", "preview", "figures", "plan", "split"),
            *("export", "serve", "benchmark"),
            *("reproduce", "runs", "slurm", "sweep"),
        ),
        3,
    ),
    **dict.fromkeys(("cli", "terminal", "__main__"), 4),
}

# Third-party library -> the only places that may import it.
DOORS = {
    "ruamel": ("yaml_text.py",),
    "pydantic": ("recipe.py", "recipe_parts.py"),
    "typer": ("cli/",),
    "rich": ("terminal.py",),
    "jinja2": ("report/", "stats/", "sweep/"),
    "markupsafe": ("report/", "stats/", "sweep/"),
    "pycocotools": ("data/coco.py", "data/shapes.py"),
    "PIL": ("data/images.py", "pictures.py", "contact.py"),
    "cv2": ("data/", "pictures.py", "metrics/", "polygons.py"),
    "onnx": ("export/",),
    "onnxscript": ("export/",),
    "onnxruntime": ("backends/onnx.py", "backends/int8_sums.py", "export/"),
    "openvino": ("backends/openvino.py", "export/"),
    "nncf": ("export/",),
    **dict.fromkeys(("fastapi", "starlette", "uvicorn", "prometheus_client"), ("serve/",)),
    "segmentation_models_pytorch": ("models/",),
    "timm": ("models/",),
    "torchvision": ("models/",),
    "huggingface_hub": ("models/",),
    "safetensors": ("model_folder.py", "models/"),
    "lightning_fabric": ("train/",),
    "optuna": ("sweep/",),
    "ray": ("predict/ray_engine.py",),
    "mlflow": ("train/trackers/",),
    "wandb": ("train/trackers/",),
    "tensorboard": ("figures/epochs.py",),
    "torch": (
        *("data/loader.py", "models/", "losses/", "metrics/", "optim.py", "backends/"),
        *("plan/machine.py", "plan/trial.py"),
        *("build.py", "model_folder.py", "train/", "audit/", "export/"),
    ),
}

# Beside numpy and jaxtyping, these need no door: they are the language of arrays here.
OPEN_TO_ALL = {"numpy", "jaxtyping"}


def imports_of(path: Path) -> list[tuple[str, bool]]:
    """(module, whether it is at the top of the file) for each import that runs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    top = {id(node) for node in tree.body}
    found: list[tuple[str, bool]] = []
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "tessella":
                names = [f"tessella.{a.name}" for a in node.names if a.name != "__version__"]
            found += [(name, id(node) in top) for name in names]
    return found


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def ids(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def our_imports(path: Path) -> set[str]:
    return {
        name.split(".")[1]
        for name, _ in imports_of(path)
        if name.startswith("tessella.") and name.count(".") >= 1
    }


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_every_module_has_a_floor(path: Path) -> None:
    assert room_of(path) == "__init__" or room_of(path) in FLOORS


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_imports_go_down_the_floors_only(path: Path) -> None:
    if room_of(path) == "__init__":
        assert not our_imports(path)
        return
    floor = FLOORS[room_of(path)]
    above = {room for room in our_imports(path) if FLOORS[room] > floor}
    assert not above


@pytest.mark.parametrize("path", [p for p in FILES if FLOORS.get(room_of(p)) == 1], ids=ids)
def test_parts_never_import_one_another(path: Path) -> None:
    other_parts = {
        room for room in our_imports(path) if FLOORS[room] == 1 and room != room_of(path)
    }
    assert not other_parts


@pytest.mark.parametrize(
    "path", [p for p in FILES if room_of(p) in ("data", "models", "losses", "metrics")], ids=ids
)
def test_parts_take_plain_values_and_not_a_recipe(path: Path) -> None:
    assert "recipe" not in our_imports(path)


@pytest.mark.parametrize("verb", ["evaluate", "predict", "predictor", "model_folder", "backends"])
def test_what_ships_a_model_never_imports_training(verb: str) -> None:
    files = [path for path in FILES if room_of(path) == verb]
    assert files
    assert not any("train" in our_imports(path) for path in files)


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_each_library_is_imported_at_its_door_only(path: Path) -> None:
    here = path.relative_to(SOURCE).as_posix()
    for name, _ in imports_of(path):
        library = name.split(".")[0]
        if library in sys.stdlib_module_names or library == "tessella" or library in OPEN_TO_ALL:
            continue
        assert library in DOORS, f"{library} has no door; decide which file may import it"
        assert here.startswith(DOORS[library]), f"{library} is imported outside of its door"


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_late_imports_are_the_command_lines_and_the_back_ends_only(path: Path) -> None:
    late = [name for name, at_top in imports_of(path) if not at_top]
    assert not late or room_of(path) in ("cli", "backends")


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_no_file_exceeds_four_hundred_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_no_function_exceeds_sixty_lines(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.body:
            assert (node.end_lineno or 0) - node.body[0].lineno <= 60, node.name


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_no_module_has_a_name_that_says_nothing(path: Path) -> None:
    assert not {"utils", "util", "helpers", "common", "base", "misc"} & {
        part.removesuffix(".py") for part in path.relative_to(SOURCE).parts
    }


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_every_module_opens_with_a_docstring(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "path", [p for p in FILES if room_of(p) not in ("cli", "__main__")], ids=ids
)
def test_only_the_command_line_prints(path: Path) -> None:
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert not calls


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not {"torch", "cv2", "numpy", "pydantic"} & modules_after("import tessella")


def test_help_loads_no_torch() -> None:
    heavy = {"torch", "cv2", "numpy", "pydantic", "segmentation_models_pytorch"}
    assert not heavy & modules_after("import tessella.cli")


@pytest.mark.parametrize("module", ["labels", "recipe", "recipes", "data", "models", "report.page"])
def test_words_readers_and_tables_need_no_torch(module: str) -> None:
    assert "torch" not in modules_after(f"import tessella.{module}")


# Names and shapes only, no behaviour of their own.
DECLARATIONS = {
    *("errors.py", "sample.py", "progress.py", "data/dataset.py", "backends/backend.py"),
    *("cli/arguments.py", "cli/showing.py"),
}


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.name not in ("__init__.py", "__main__.py")], ids=ids
)
def test_every_source_module_has_a_test_in_the_same_place(path: Path) -> None:
    place = path.relative_to(SOURCE)
    name = f"test_{place.name}"
    if place.parent.name == "synthetic":  # parts of one drawing, tested through the data set
        name = "test_scenes.py"
    tested = (Path(__file__).parent / place.parent / name).is_file()
    assert tested or place.as_posix() in DECLARATIONS


def test_no_source_names_a_machine_or_an_address_of_a_registry() -> None:
    pattern = re.compile(r"/work/|/root/|pypi\.org|files\.pythonhosted|registry\.npmjs")
    root = SOURCE.parents[1]
    listed = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False
    ).stdout.split()
    texts = [root / name for name in listed if not name.endswith((".png", ".jpg", ".woff2"))]
    guilty = [
        path.name
        for path in texts
        if path.is_file()
        and path.name != Path(__file__).name
        and pattern.search(path.read_text(encoding="utf-8", errors="ignore"))
    ]
    assert not guilty
