"""The one door to HTTP downloads, with the environment's proxy and certificate settings (urllib, ssl)."""

import base64
import hashlib
import hmac
import http.client
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

from deployhost.errors import DownloadFailed
from deployhost.system.files import problem

TIMEOUT = 30.0  # seconds of silence
_CHUNK = 1 << 18
_METADATA_LIMIT = 64 << 20


def get_json(url: str, *, accept: str = "application/json") -> dict[str, Any]:
    """Return the JSON object at an http(s) URL. Raises DownloadFailed."""
    with _opened(url, accept) as response:
        try:
            found = json.loads(response.read(_METADATA_LIMIT))
        except (ValueError, OSError, http.client.HTTPException) as error:
            raise DownloadFailed(f"{url} did not answer with JSON: {error}") from error
    if not isinstance(found, dict):
        raise DownloadFailed(f"{url} did not answer with a JSON object")
    return found


def to_file(url: str, target: Path, *, sha512: str) -> None:
    """Save what is at an http(s) URL to a file; `sha512` is what npm calls its integrity ("sha512-…").

    Raises DownloadFailed if it can't be had or is something else, FileProblem if the file can't be written.
    """
    digest = hashlib.sha512()
    try:
        with _opened(url, "*/*") as response, target.open("wb") as file:
            while chunk := _read(response, url):
                digest.update(chunk)
                file.write(chunk)
    except OSError as error:
        raise problem("write", target, error) from error
    got = f"sha512-{base64.b64encode(digest.digest()).decode()}"
    if not hmac.compare_digest(got, sha512):
        target.unlink()
        raise DownloadFailed(f"{url} is not what the registry says it is: its SHA-512 differs")


def _opened(url: str, accept: str) -> IO[bytes]:
    if not url.startswith(("https://", "http://")):
        raise DownloadFailed(f"{url} is not an http or https address")
    request = urllib.request.Request(url, headers={"Accept": accept, "User-Agent": "deployhost"})  # noqa: S310 - the scheme is checked above
    try:
        opened: IO[bytes] = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as error:
        raise DownloadFailed(f"{url} can't be fetched: HTTP {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "reason", None) or error
        raise DownloadFailed(f"{url} can't be fetched: {why}") from error
    return opened


def _read(response: IO[bytes], url: str) -> bytes:
    try:
        return response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise DownloadFailed(f"{url} broke off: {error}") from error
