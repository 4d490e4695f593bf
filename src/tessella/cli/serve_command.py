"""The command that serves models over HTTP."""

import os
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from tessella.cli.arguments import Device, Tile
from tessella.cli.showing import messages
from tessella.errors import UsageError

_LIBRARIES = ("fastapi", "uvicorn", "prometheus_client", "python_multipart")
_KEY_VARIABLE = "TESSELLA_API_KEY"


def serve(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Run folders, model folders or exported files; NAME=PATH gives one a name.",
        ),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0: all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any free one.")] = 8000,
    device: Device = "auto",
    tile: Tile = 2048,
    max_mb: Annotated[float, typer.Option(metavar="MB", help="Of a request's body.")] = 25,
    max_megapixels: Annotated[float, typer.Option(metavar="MP", help="Of an image.")] = 50,
    queue: Annotated[int, typer.Option(help="Requests that wait for one model.")] = 64,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="For an answer.")] = 30,
    max_requests: Annotated[int, typer.Option(help="Requests at one time.")] = 128,
    batch: Annotated[int, typer.Option(help="Images of one size computed together.")] = 8,
    batch_wait_ms: Annotated[
        float, typer.Option(metavar="MS", help="To wait for an image that is on its way.")
    ] = 5,
    threads: Annotated[
        int | None, typer.Option(help="To read images and write answers; 4 unless given.")
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="A site whose pages may ask; may be repeated."),
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help=f"Holds the key to ask for, in place of {_KEY_VARIABLE}."
        ),
    ] = None,
) -> None:
    """Serve models over HTTP: a page to try them, JSON, GeoJSON, the Open Inference Protocol."""
    _need_libraries()
    from tessella.serve.limits import Limits
    from tessella.serve.security import Access, hosts_for, is_loopback
    from tessella.serve.server import check_names
    from tessella.serve.server import serve as serve_models

    named = named_models(models)
    check_names(list(named))
    given = {} if threads is None else {"threads": threads}
    limits = Limits(
        max_bytes=_million(max_mb, "--max-mb"),
        max_pixels=_million(max_megapixels, "--max-megapixels"),
        queue_length=queue,
        request_seconds=timeout,
        max_requests=max_requests,
        max_batch=batch,
        batch_wait_seconds=batch_wait_ms / 1e3,
        **given,
    )
    access = Access(
        api_key=api_key(os.environ, api_key_file),
        origins=tuple(cors_origin or ()),
        hosts=hosts_for(host),
    )
    if not is_loopback(host) and access.api_key is None:
        typer.echo(
            f"warning: everyone who reaches {host} may use this server; set {_KEY_VARIABLE}, or "
            "give --api-key-file.",
            err=True,
        )
    with messages():
        serve_models(
            named,
            host=host,
            port=port,
            device=device,
            tile=tile,
            limits=limits,
            access=access,
            announce=lambda url: typer.echo(f"serving {', '.join(named)} at {url}"),
        )


def named_models(words: Sequence[str]) -> Mapping[str, Path]:
    """Name -> path of each MODEL: NAME=PATH, or a path named by its card or by itself.

    Raises:
        UsageError: two models have one name, or a folder holds no model.
        ValueError: a folder's card is damaged.
    """
    found: dict[str, Path] = {}
    for word in words:
        given, equals, rest = word.partition("=")
        has_name = bool(equals and re.fullmatch(r"[^/\\]+", given)) and not Path(word).exists()
        path = Path(rest if has_name else word)
        name = given if has_name else _own_name(path)
        if name in found:
            raise UsageError(
                f"{path}: is called {name!r} like {found[name]}; name them apart by NAME=PATH."
            )
        found[name] = path
    return found


def api_key(environment: Mapping[str, str], file: Path | None) -> str | None:
    """The key in a file, or else in TESSELLA_API_KEY; None: no key is asked for.

    Raises:
        UsageError: the file cannot be read, or what was named holds nothing.
    """
    if file is None:
        key, where = environment.get(_KEY_VARIABLE), _KEY_VARIABLE
    else:
        where = str(file)
        try:
            key = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise UsageError(f"{file}: cannot read the API key ({error}).") from error
    if key is None:
        return None
    if not key.strip():
        raise UsageError(f"{where}: is empty; expected an API key; write one, or leave it out.")
    return key.strip()


def _million(value: float, option: str) -> int:
    if not 0 < value < 1e6:
        raise UsageError(f"{option} is {value}; expected more than 0; give another number.")
    return int(value * 1e6)


def _own_name(path: Path) -> str:
    from tessella.model_place import card_at

    if not path.exists():
        raise UsageError(f"{path}: does not exist; expected a run folder or an exported file.")
    return card_at(path).name if path.is_dir() else path.stem


def _need_libraries() -> None:
    missing = next((name for name in _LIBRARIES if find_spec(name) is None), None)
    if missing is not None:
        raise ImportError(
            f"{missing} is not installed; this command needs: pip install 'tessella[serve]'."
        )
