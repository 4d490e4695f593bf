"""Files that torchvision publishes: from torch hub's cache first, then from the network."""

import re
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import torch

PROBE_SECONDS = 3.0
"""How long to wait for the server to answer before calling it unreachable."""


def fetch_url(url: str, *, what: str) -> Path:
    """The file at an address, as a local file in torch hub's cache.

    A file in the cache is taken without touching the network. A download is checked against the
    beginning of its SHA-256, which torchvision writes into the name.

    Args:
        url: its last part is the name in the cache.
        what: what the file is for, the beginning of the error message.

    Raises:
        ValueError: the file is not in the cache and cannot be downloaded; says what to do instead.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(url).path).name
    if path.is_file():
        return path
    checksum = re.search(r"-([0-9a-f]{8,})\.[a-z]+$", path.name)
    try:
        # torch's own request waits without limit
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310
        urllib.request.urlopen(request, timeout=PROBE_SECONDS).close()  # noqa: S310
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(
            url, str(path), hash_prefix=checksum[1] if checksum else None, progress=False
        )
    # RuntimeError: another file than its name says
    except (OSError, HTTPException, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{what}: neither in the cache ({path}) nor downloadable from {url} ({reason}). Either "
            "download it on a connected machine and copy it there, or give a local file "
            "(model.encoder_weights=FILE), or start from random weights "
            "(model.encoder_weights=none)."
        ) from error
    return path
