"""The page's files, read once from the package; a request's path is only ever looked up."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

INDEX = "index.html"

_TYPES: Mapping[str, str] = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".ico": "image/x-icon",
        ".webmanifest": "application/manifest+json",
    }
)


class PageFile(NamedTuple):
    """A file as it is sent."""

    content: bytes
    media_type: str


def page_files() -> Mapping[str, PageFile]:
    """Name -> file, for each file of the page that a browser may ask for."""
    found: dict[str, PageFile] = {}
    for item in files("tessella.serve").joinpath("page").iterdir():
        media_type = _TYPES.get(PurePosixPath(item.name).suffix)
        if media_type is not None and item.is_file():
            found[item.name] = PageFile(item.read_bytes(), media_type)
    return MappingProxyType(found)
