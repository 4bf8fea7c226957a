"""Talking to the Docker engine: a client for each thread, the API's version that both speak, errors that say what to do."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Literal

import docker
import requests
from docker import constants as docker_constants
from docker import errors as docker_errors

from deployhost.errors import Conflict, DockerRefused, DockerUnavailable, NotFound
from deployhost.system.clock import retry
from deployhost.system.docker_model import EngineInfo
from deployhost.system.stop import Stop

SNAPSHOTTER = "io.containerd.snapshotter.v1"
SOCKET = "unix:///var/run/docker.sock"
OUR_API: str = docker_constants.DEFAULT_DOCKER_API_VERSION  # the newest that the SDK speaks
AGREED_FOR = 60.0  # seconds for which the API's version is remembered
POLL = 0.05  # seconds between tries at an engine that is away
# POSTs that change nothing the second time.
_REPEATABLE = re.compile(r"/containers/[^/]+/(?:stop|update)$|/images/.+/tag$")


class Engine:
    """The Docker engine at an address. Every method raises DockerUnavailable when the engine does not answer.

    One API client per thread: requests' sessions are not made to be shared. An engine that is away, because it is just being
    restarted, is waited for `patience` seconds; nothing is asked twice of which it is not known whether it was done.
    """

    def __init__(self, address: str = SOCKET, timeout: float = 60.0, *, patience: float = 0.0) -> None:
        self._address = address
        self._timeout = timeout
        self._patience = patience
        self._local = threading.local()
        self._agreed = (OUR_API, 0.0)

    def info(self) -> EngineInfo:
        """Return what the engine says of itself."""
        with translated():
            version, info = self._api.version(), self._api.info()
        return EngineInfo(
            version=str(version.get("Version", "")),
            root=str(info.get("DockerRootDir", "")),
            cgroup_driver=str(info.get("CgroupDriver", "")),
            snapshotter=["driver-type", SNAPSHOTTER] in (info.get("DriverStatus") or []),
            storage_driver=str(info.get("Driver", "")),
            backing=str(dict(info.get("DriverStatus") or ()).get("Backing Filesystem", "")),
        )

    def ping(self) -> None:
        """Return if the engine answers."""
        with translated():
            self._api.ping()

    def _ask(self, verb: Literal["_get", "_post"], path: str, *names: str, **options: Any) -> requests.Response:
        """Return the engine's answer to what the SDK's own methods can't ask. `names` fill in the path's {0}, …"""
        response: requests.Response = getattr(self._api, verb)(self._api._url(path, *names), **options)  # noqa: SLF001
        self._api._raise_for_status(response)  # noqa: SLF001
        return response

    def _at_least(self, version: tuple[int, int]) -> bool:
        return numbers(self._api.api_version) >= version

    @property
    def _api(self) -> Any:
        api = getattr(self._local, "api", None)
        if api is None:
            # Each thread has a client of its own, so what was agreed on is remembered, but not for long: an engine that is
            # upgraded under us may no longer speak it.
            version, until = self._agreed
            if time.monotonic() > until:
                version = self._agree()
                self._agreed = (version, time.monotonic() + AGREED_FOR)
            with translated():
                api = self._client(version)
            self._local.api = api
        return api

    def _agree(self) -> str:
        # The SDK's own way (version="auto") asks GET /version, for which the engine starts containerd and runc: 6 to 15 ms.
        with translated(), contextlib.closing(self._client(OUR_API)) as api:
            answer = api._get(api._url("/_ping", versioned_api=False))  # noqa: SLF001
            api._raise_for_status(answer)  # noqa: SLF001
        spoken = str(answer.headers.get("Api-Version", OUR_API))
        return min(spoken, OUR_API, key=numbers)

    def _client(self, version: str) -> Any:
        client = _Client(base_url=self._address, version=version, timeout=self._timeout)
        client.patience = self._patience
        return client


class _Client(docker.APIClient):  # type: ignore[misc] # the SDK has no types
    """The SDK's client, with patience in seconds."""

    patience = 0.0

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        send = super().send

        def again(error: Exception) -> bool:
            return isinstance(error, requests.ConnectionError) and (_unsent(error) or _repeatable(request))

        response: requests.Response = retry(
            lambda: send(request, **options), again=again, within=self.patience, every=POLL
        )
        return response


def _unsent(error: BaseException) -> bool:
    """Return whether a request failed because nobody was there to be asked."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, FileNotFoundError | ConnectionRefusedError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _repeatable(request: requests.PreparedRequest) -> bool:
    path = (request.url or "").partition("?")[0]
    return request.method in ("GET", "HEAD", "DELETE") or _REPEATABLE.search(path) is not None


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the SDK's and requests' errors into ours."""
    try:
        yield
    except docker_errors.NotFound as error:
        raise NotFound(f"Docker: {error.explanation or error}") from error
    except docker_errors.APIError as error:
        said = str(error.explanation or error)
        if error.status_code == 409:
            raise Conflict(f"Docker: {said}") from error
        raise DockerRefused(f"Docker refused: {said}") from error
    except (docker_errors.DockerException, requests.RequestException, OSError) as error:
        raise DockerUnavailable(
            "the Docker engine does not answer", hint="deployhost setup --local", details=(str(error),)
        ) from error


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of an API's version: what compares."""
    return tuple(int(part) for part in version.split("."))


@contextlib.contextmanager
def ended_by(stop: Stop | None, response: Any) -> Iterator[None]:
    """Have a stream end when the wish to stop is made: a quiet one would be read for ever."""
    connection = getattr(getattr(response.raw, "connection", None), "sock", None)
    if stop is None or connection is None:
        yield
        return
    try:
        with stop.waking(lambda: _shut(connection)):
            yield
    except (requests.RequestException, OSError):
        if not stop.is_set():
            raise


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
