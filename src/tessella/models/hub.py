"""Files of the Hugging Face hub: from the local cache first, from the network only if need be."""

import socket
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError, RemoteEntryNotFoundError

PROBE_SECONDS = 3.0
"""How long to wait for the hub to answer before calling it unreachable."""


def fetch(repo_id: str, filenames: Sequence[str], *, revision: str | None, what: str) -> Path:
    """The first of `filenames` that a hub repository has, as a local file.

    The cache is asked first, for all names, without touching the network.

    Args:
        repo_id: "organisation/name".
        filenames: names in order of preference.
        revision: commit or branch; None is the main branch.
        what: what the file is for, the beginning of the error message.

    Raises:
        ValueError: no name is in the cache and none can be downloaded; says what to do instead.
    """
    for filename in filenames:
        with suppress(LocalEntryNotFoundError):
            return _download(repo_id, filename, revision=revision, local_files_only=True)
    try:
        _probe()
        for filename in filenames:
            with suppress(RemoteEntryNotFoundError):
                return _download(repo_id, filename, revision=revision, local_files_only=False)
        reason = f"it has no {' or '.join(filenames)}"
    # LocalEntryNotFoundError, HfHubHTTPError and offline mode are OSErrors
    except (OSError, HTTPError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(_advice(repo_id, revision, what, reason)) from error
    raise ValueError(_advice(repo_id, revision, what, reason))


def _download(repo_id: str, filename: str, *, revision: str | None, local_files_only: bool) -> Path:
    found = hf_hub_download(repo_id, filename, revision=revision, local_files_only=local_files_only)
    return Path(found)


def _probe() -> None:
    """Fail fast without a network: the hub's client tries again for 24 seconds."""
    # behind a proxy only the client knows the way; offline mode fails at once by itself
    if constants.HF_HUB_OFFLINE or urllib.request.getproxies():
        return
    address = urlsplit(constants.ENDPOINT)
    port = address.port or (80 if address.scheme == "http" else 443)
    with socket.create_connection((address.hostname or "", port), timeout=PROBE_SECONDS):
        pass


def _advice(repo_id: str, revision: str | None, what: str, reason: str) -> str:
    folder = Path(constants.HF_HUB_CACHE) / f"models--{repo_id.replace('/', '--')}"
    command = f"hf download {repo_id}" + (f" --revision {revision}" if revision else "")
    return (
        f"{what}: neither in the cache ({folder}) nor downloadable from {constants.ENDPOINT} "
        f"({reason}). Either run `{command}` on a connected machine and copy that folder here, or "
        "give a local file (model.encoder_weights=FILE), or start from random weights "
        "(model.encoder_weights=none)."
    )
