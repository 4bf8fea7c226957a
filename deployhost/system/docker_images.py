"""The Docker engine's images and BuildKit's cache."""

import contextlib
import json
import time
from collections.abc import Collection

import docker
import requests
from docker import auth as docker_auth
from docker import errors as docker_errors
from docker import utils as docker_utils

from deployhost.errors import DockerUnavailable, NotFound
from deployhost.system.docker_answers import read_cache_record, read_image
from deployhost.system.docker_engine import Engine, ended_by, translated
from deployhost.system.docker_model import CacheRecord, Image
from deployhost.system.pull_pace import PullPace
from deployhost.system.stop import Stop, unless_stopped

CACHE_TIMEOUT = 300.0  # seconds for the engine to measure or remove BuildKit's cache
CACHE_AT_ONCE = 100  # records named in one call: they are part of its address


class EngineImages(Engine):
    """The calls that concern images. Every method raises DockerUnavailable when the engine does not answer."""

    def image(self, reference: str) -> Image | None:
        """Return the local image of a reference or id, or None."""
        with translated(), contextlib.suppress(docker_errors.ImageNotFound, docker_errors.NotFound):
            return read_image(self._api.inspect_image(reference))
        return None

    def images(self, label: str) -> list[Image]:
        """Return the local images that carry a label "key=value", newest first."""
        with translated():
            listed = self._api.images(filters={"label": [label]})
        found = [self.image(item["Id"]) for item in listed]
        return [image for image in found if image is not None]

    def tags(self) -> list[str]:
        """Return every tag of every local image."""
        with translated():
            return [tag for item in self._api.images() for tag in item.get("RepoTags") or () if tag != "<none>:<none>"]

    def tag(self, image: str, reference: str) -> None:
        """Give an image the tag "repository:tag" too; a tag that points elsewhere moves."""
        repository, _, tag = reference.rpartition(":")
        with translated():
            self._api.tag(image, repository, tag, force=True)

    def remove_image(self, reference: str) -> None:
        """Untag a reference (the image goes with its last tag); one that is gone or in use is ignored."""
        with translated(), contextlib.suppress(docker_errors.ImageNotFound, docker_errors.NotFound):
            try:
                self._api.remove_image(reference, noprune=False)
            except docker_errors.APIError as error:
                if error.status_code != 409:
                    raise

    def push(self, reference: str, timeout: float) -> None:
        """Push a local image to its registry, which asks for no password.

        `timeout` bounds each silence of the engine, in seconds. Raises DockerUnavailable with the engine's words.
        """
        repository, _, tag = reference.rpartition(":")
        with translated():
            client = docker.APIClient(base_url=self._address, version=self._api.api_version, timeout=timeout)
            with contextlib.closing(client) as api:
                nobody = {"username": "", "password": ""}  # engines want to be told so
                for event in api.push(repository, tag, stream=True, decode=True, auth_config=nobody):
                    if "error" in event:
                        raise DockerUnavailable(f"{reference} can't be pushed: {event['error']}")

    def pull(
        self,
        reference: str,
        *,
        timeout: float,
        first: float | None = None,
        stop: Stop | None = None,
        logins: bool = True,
    ) -> None:
        """Pull a reference (tag or digest). Raises NotFound or DockerUnavailable with the engine's words when it can't be had.

        `timeout` bounds each silence of the engine, `first` the one before the registry's first answer, in seconds. `stop` ends
        it at once, whatever the registry does: raises CommandStopped. Without `logins` it is pulled as anybody may.
        """
        wished = stop or Stop()
        bound = timeout if first is None else first
        unless_stopped(lambda: self._pull(reference, timeout, bound, wished, logins=logins), wished)

    def _pull(self, reference: str, timeout: float, first: float, stop: Stop, *, logins: bool) -> None:
        with translated():
            api = docker.APIClient(base_url=self._address, version="auto", timeout=self._timeout)
            with contextlib.closing(api):
                repository, tag = docker_utils.parse_repository_tag(reference)
                try:
                    registry = docker_auth.resolve_repository_name(repository)[0]
                    header = docker_auth.get_config_header(api, registry) if logins else None
                    # The engine sends its headers when the registry has answered: the SDK's pull() has one bound for
                    # that and for a slow download, and a registry that drops packets must not cost as much as a slow link.
                    response = api._post(  # noqa: SLF001
                        api._url("/images/create"),  # noqa: SLF001
                        params={"fromImage": repository, "tag": tag or "latest"},
                        headers={"X-Registry-Auth": header} if header else {},
                        stream=True,
                        timeout=first,
                    )
                except docker_errors.InvalidRepository as error:
                    raise NotFound(f"{reference} is not an image's name: {error}") from error
                except requests.Timeout as error:
                    raise DockerUnavailable(f"{reference} can't be pulled: no answer within {first:g} s") from error
                api._raise_for_status(response)  # noqa: SLF001
                sock = getattr(getattr(response.raw, "connection", None), "sock", None)
                if sock is not None:
                    sock.settimeout(timeout)
                # Whoever hangs up ends the pull: the engine goes on with it for others only.
                pace = PullPace(time.monotonic())
                with ended_by(stop, response), contextlib.closing(response):
                    for event in api._stream_helper(response, decode=True):  # noqa: SLF001
                        if "error" in event:
                            raise DockerUnavailable(f"{reference} can't be pulled: {event['error']}")
                        if pace.too_slow(event, time.monotonic()):
                            raise DockerUnavailable(f"{reference} can't be pulled: its registry sends hardly anything")

    def import_tar(self, tar_path: str, reference: str, changes: tuple[str, ...] = ()) -> None:
        """Make a root file system's tar on disk an image with a reference; `changes` are Dockerfile instructions."""
        repository, _, tag = reference.rpartition(":")
        with translated():
            answer = self._api.import_image(tar_path, repository=repository, tag=tag, changes=list(changes) or None)
        if isinstance(answer, str) and '"error"' in answer:
            raise DockerUnavailable(f"{reference} can't be imported: {answer.strip()[-300:]}")

    def load(self, tar_path: str) -> list[str]:
        """Load the images of a file made by `docker save`; return the tags it brought."""
        loaded: list[str] = []
        with translated(), open(tar_path, "rb") as tar:  # noqa: PTH123 - the SDK wants the open file
            for event in self._api.load_image(tar):
                text = str(event.get("stream", ""))
                if text.startswith("Loaded image: "):
                    loaded.append(text.removeprefix("Loaded image: ").strip())
        return loaded

    def commit(self, container: str, reference: str, changes: tuple[str, ...] = ()) -> None:
        """Make a container's file system an image with a reference; `changes` are Dockerfile instructions."""
        repository, _, tag = reference.rpartition(":")
        with translated():
            self._api.commit(container, repository, tag, changes="\n".join(changes) or None)

    # BuildKit's cache

    def build_cache(self) -> list[CacheRecord]:
        """Return every record of BuildKit's cache. Slow where there are many containers and images: the engine adds up sizes."""
        with translated():
            # Engines before API 1.42 pass over `type`, and measure everything.
            response = self._ask("_get", "/system/df", params={"type": "build-cache"}, timeout=CACHE_TIMEOUT)
            return [read_cache_record(item) for item in response.json().get("BuildCache") or ()]

    def written(self) -> dict[str, int]:
        """Return the bytes that containers have written beyond their images, by the label `service`. Slow: the engine walks them."""
        with translated():
            response = self._ask("_get", "/containers/json", params={"all": 1, "size": 1}, timeout=CACHE_TIMEOUT)
        found: dict[str, int] = {}
        for item in response.json():
            service = str((item.get("Labels") or {}).get("service", ""))
            found[service] = found.get(service, 0) + int(item.get("SizeRw") or 0)
        return found

    def prune_build_cache(self, records: Collection[str]) -> int:
        """Remove the records, by id, that are not in use and return the bytes freed."""
        ids = [record for record in records if record.isalnum()]
        freed = 0
        for first in range(0, len(ids), CACHE_AT_ONCE):
            # BuildKit takes one value, and reads it as a regular expression (moby, builder/builder-next, toBuildkitPruneInfo).
            one_of = f"^({'|'.join(ids[first : first + CACHE_AT_ONCE])})$"
            filters = json.dumps({"id": {one_of: True}})
            with translated():
                response = self._ask("_post", "/build/prune", params={"filters": filters}, timeout=CACHE_TIMEOUT)
                freed += int(response.json().get("SpaceReclaimed") or 0)
        return freed
