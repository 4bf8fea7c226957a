"""Talking to the Docker engine: a client for each thread, the API's version that both speak, errors that say what to do."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import docker
import requests
from docker import constants as docker_constants
from docker import errors as docker_errors

from deployhost.errors import Conflict, DockerUnavailable, NotFound
from deployhost.system.docker_model import EngineInfo

SOCKET = "unix:///var/run/docker.sock"
OUR_API: str = docker_constants.DEFAULT_DOCKER_API_VERSION  # the newest that the SDK speaks
AGREED_FOR = 60.0  # seconds for which the API's version is remembered


class Engine:
    """Given the engine's address, talk to it. Every method raises DockerUnavailable when the engine does not answer.

    One API client per thread: requests' sessions are not made to be shared.
    """

    def __init__(self, address: str = SOCKET, timeout: float = 60.0) -> None:
        self._address = address
        self._timeout = timeout
        self._local = threading.local()
        self._agreed = (OUR_API, 0.0)

    def info(self) -> EngineInfo:
        """Return what the engine says of itself."""
        with translated():
            version, info = self._api.version(), self._api.info()
        return EngineInfo(
            version=str(version.get("Version", "")),
            api_version=str(version.get("ApiVersion", "")),
            live_restore=bool(info.get("LiveRestoreEnabled")),
            init_binary=str(info.get("InitBinary", "")),
            root=str(info.get("DockerRootDir", "")),
            cgroup_version=str(info.get("CgroupVersion", "1")),
            cgroup_driver=str(info.get("CgroupDriver", "")),
        )

    def ping(self) -> None:
        """Return if the engine answers."""
        with translated():
            self._api.ping()

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
                api = docker.APIClient(base_url=self._address, version=version, timeout=self._timeout)
            self._local.api = api
        return api

    def _agree(self) -> str:
        # The SDK's own way (version="auto") asks GET /version, for which the engine starts containerd and runc: 6 to 15 ms.
        with (
            translated(),
            contextlib.closing(docker.APIClient(base_url=self._address, version=OUR_API, timeout=self._timeout)) as api,
        ):
            answer = api._get(api._url("/_ping", versioned_api=False))  # noqa: SLF001
            api._raise_for_status(answer)  # noqa: SLF001
        spoken = str(answer.headers.get("Api-Version", OUR_API))
        return min(spoken, OUR_API, key=numbers)


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
        raise DockerUnavailable(f"Docker refused: {said}") from error
    except (docker_errors.DockerException, requests.RequestException, OSError) as error:
        raise DockerUnavailable(
            "the Docker engine does not answer", hint="deployhost setup --local", details=(str(error),)
        ) from error


def numbers(version: str) -> tuple[int, ...]:
    """Given an API's version, return its numbers: what compares."""
    return tuple(int(part) for part in version.split("."))
