"""The one door to the Docker engine's API: typed calls, typed answers, errors that say what to do.

Exact names and labels only: nothing here finds a container by the beginning of its name.
"""

import contextlib
import io
import json
import socket
import tarfile
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any

import docker
import requests
from docker import auth as docker_auth
from docker import constants as docker_constants
from docker import errors as docker_errors
from docker import utils as docker_utils

from deployhost.errors import Conflict, DockerUnavailable, NotFound
from deployhost.system.docker_answers import (
    NANO,
    read_cache_record,
    read_container,
    read_image,
    read_listed,
    read_log,
    read_network,
)
from deployhost.system.docker_model import (
    CacheRecord,
    Container,
    ContainerSpec,
    Ended,
    EngineInfo,
    Image,
    Listed,
    LogLine,
    Network,
)
from deployhost.system.stop import Stop

SOCKET = "unix:///var/run/docker.sock"
OUR_API: str = docker_constants.DEFAULT_DOCKER_API_VERSION  # the newest that the SDK speaks
MAC_OF_ENDPOINT = (1, 44)  # the API where a hardware address belongs to the endpoint; before, to the container
DEADLY = ("2", "3", "9", "15")  # signals that are meant to end a process
AGREED_FOR = 60.0  # seconds for which the API's version is remembered
CACHE_TIMEOUT = 300.0  # seconds for the engine to measure or remove BuildKit's cache
CACHE_AT_ONCE = 100  # records named in one call: they are part of its address


class Docker:
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
        with _translated():
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
        with _translated():
            self._api.ping()

    # Containers

    def create(self, spec: ContainerSpec) -> str:
        """Given a spec, create a container and return its id. Raise Conflict if the name is taken, NotFound if the image is missing."""
        host: dict[str, Any] = {
            "Binds": list(spec.binds),
            "RestartPolicy": {"Name": spec.restart},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": spec.log_max_size}},
            "PortBindings": {
                f"{port}/tcp": [{"HostIp": ip, "HostPort": str(host_port)}]
                for port, (ip, host_port) in spec.ports.items()
            },
            "SecurityOpt": list(spec.security_opt) or None,
            "PidsLimit": spec.pids_limit,
            "CapDrop": list(spec.cap_drop) or None,
            "CapAdd": list(spec.cap_add) or None,
        }
        if spec.memory is not None:
            # The two equal: no swap, so that what takes more is killed alone instead of making the whole machine swap.
            host["Memory"] = host["MemorySwap"] = spec.memory
        if spec.cpus is not None:
            host["NanoCpus"] = round(spec.cpus * NANO)
        if spec.init:
            host["Init"] = True
        if spec.network is not None:
            host["NetworkMode"] = spec.network
        body: dict[str, Any] = {
            "Image": spec.image,
            "Labels": dict(spec.labels),
            "Env": [f"{name}={value}" for name, value in spec.env.items()],
            "ExposedPorts": {f"{port}/tcp": {} for port in spec.ports},
            "HostConfig": host,
        }
        if spec.network is not None:
            body["NetworkingConfig"] = {"EndpointsConfig": {spec.network: self._endpoint(spec)}}
            if spec.mac is not None and not self._at_least(MAC_OF_ENDPOINT):
                body["MacAddress"] = spec.mac
        if spec.command is not None:
            body["Cmd"] = list(spec.command)
        if spec.hostname is not None:
            body["Hostname"] = spec.hostname
        if spec.stop_timeout is not None:
            body["StopTimeout"] = spec.stop_timeout
        with _translated():
            return str(self._api.create_container_from_config(body, spec.name)["Id"])

    def start(self, container: str) -> None:
        """Given a name or id, start it; one that runs already is no error."""
        with _translated():
            self._api.start(container)

    def stop(self, container: str, timeout: int | None = None) -> None:
        """Given a name or id, stop it: its own stop signal, then KILL after `timeout` seconds (None: the container's own)."""
        with _translated():
            # The HTTP call lasts as long as the stop does, so that a patient stop must not run into our own time-out.
            url = self._api._url("/containers/{0}/stop", container)  # noqa: SLF001 - Client.stop() always sends t
            params = {} if timeout is None else {"t": timeout}
            response = self._api._post(url, params=params, timeout=self._timeout + (timeout or 600))  # noqa: SLF001
            self._api._raise_for_status(response)  # noqa: SLF001

    def remove(self, container: str, *, force: bool = False) -> None:
        """Given a name or id, remove it with its anonymous volumes; one that is gone is no error."""
        with _translated(), contextlib.suppress(docker_errors.NotFound):
            self._api.remove_container(container, v=True, force=force)

    def inspect(self, container: str) -> Container:
        """Given a name or id, return the container. Raise NotFound."""
        with _translated():
            return read_container(self._api.inspect_container(container))

    def find(self, container: str) -> Container | None:
        """Given a name or id, return the container, or None."""
        with contextlib.suppress(NotFound):
            return self.inspect(container)
        return None

    def containers(self, labels: Mapping[str, str], *, running_only: bool = False) -> list[Container]:
        """Given labels that must all match exactly, return the containers, newest first. About 1 ms each: see `listed`."""
        filters = {"label": [f"{key}={value}" for key, value in labels.items()]}
        with _translated():
            listed = self._api.containers(all=not running_only, filters=filters)
        found = [self.find(item["Id"]) for item in listed]
        # The engine's `label=key=` also matches any value on some versions; what we return matches exactly.
        return [c for c in found if c is not None and all(c.labels.get(k) == v for k, v in labels.items())]

    def listed(self, labels: Mapping[str, str], *, running_only: bool = False) -> list[Listed]:
        """Given labels that must all match exactly, return the containers, newest first, in the few words of one quick call."""
        filters = {"label": [f"{key}={value}" for key, value in labels.items()]}
        with _translated():
            found = map(read_listed, self._api.containers(all=not running_only, filters=filters))
            return [c for c in found if all(c.labels.get(k) == v for k, v in labels.items())]

    def how_ended(self, container: str) -> Ended:
        """Given a container that does not run, return how it came to that, as far as the engine remembers. Raise NotFound.

        The engine keeps its last few hundred events, and none across a restart of its own: no event is no proof.
        """
        filters = {"type": "container", "container": container, "event": ["start", "stop", "kill"]}
        by_hand = False
        with _translated():
            state = self._api.inspect_container(container)["State"]
            for event in self._api.events(since=1, until=f"{time.time():.6f}", filters=filters, decode=True):
                signal = (event.get("Actor", {}).get("Attributes") or {}).get("signal", "")
                by_hand = event.get("Action") == "stop" or (event.get("Action") == "kill" and signal in DEADLY)
        return Ended(by_hand, int(state.get("ExitCode", 0)), str(state.get("Error", "")))

    def set_restart(self, container: str, policy: str) -> None:
        """Given a container and a restart policy ("no", "unless-stopped"), have it from now on."""
        with _translated():
            self._api.update_container(container, restart_policy={"Name": policy})

    def rename(self, container: str, name: str) -> None:
        """Given a container, give it another name. Raise Conflict if that is taken."""
        with _translated():
            self._api.rename(container, name)

    def logs(
        self,
        container: str,
        *,
        tail: int | None = None,
        follow: bool = False,
        timestamps: bool = False,
        stop: Stop | None = None,
    ) -> Iterator[LogLine]:
        """Given a container, yield the lines of its output, in order; `tail` keeps the last so many, `stop` ends following."""
        with _translated():
            url = self._api._url("/containers/{0}/logs", container)  # noqa: SLF001 - the SDK's logs() drops which stream it was
            params = {
                "stdout": 1,
                "stderr": 1,
                "follow": int(follow),
                "timestamps": int(timestamps),
                "tail": "all" if tail is None else str(tail),
            }
            response = self._api._get(url, params=params, stream=True, timeout=None if follow else self._timeout)  # noqa: SLF001
            self._api._raise_for_status(response)  # noqa: SLF001
            with contextlib.closing(response), _ended_by(stop, response):
                yield from read_log(response.iter_content(chunk_size=None), timestamps=timestamps)

    def exec_run(self, container: str, argv: list[str]) -> tuple[int, str]:
        """Given a running container, run an argv in it; return its exit code and what it wrote."""
        with _translated():
            made = self._api.exec_create(container, argv)
            output = self._api.exec_start(made["Id"])
            return int(self._api.exec_inspect(made["Id"])["ExitCode"]), output.decode("utf-8", "replace")

    def read_file(self, container: str, path: str) -> bytes:
        """Given a container (it need not run) and a path in it, return that file's content. Raise NotFound."""
        with _translated():
            chunks, _stat = self._api.get_archive(container, path)
            archive = io.BytesIO(b"".join(chunks))
        with tarfile.open(fileobj=archive) as tar:
            for member in tar:
                if member.isfile():
                    content = tar.extractfile(member)
                    if content is not None:
                        return content.read()
        raise NotFound(f"{path} in {container} is no plain file")

    def put_archive(self, container: str, path: str, tar: bytes | IO[bytes]) -> None:
        """Given a container (it need not run) and a directory in it, unpack a tar there; an open file is streamed."""
        with _translated():
            self._api.put_archive(container, path, tar)

    # Images

    def image(self, reference: str) -> Image | None:
        """Given a reference or id, return the local image, or None."""
        with _translated(), contextlib.suppress(docker_errors.ImageNotFound, docker_errors.NotFound):
            return read_image(self._api.inspect_image(reference))
        return None

    def images(self, label: str) -> list[Image]:
        """Given a label "key=value", return the local images that carry it, newest first."""
        with _translated():
            listed = self._api.images(filters={"label": [label]})
        found = [self.image(item["Id"]) for item in listed]
        return [image for image in found if image is not None]

    def tag(self, image: str, reference: str) -> None:
        """Given an image and "repository:tag", give it that tag too; a tag that points elsewhere moves."""
        repository, _, tag = reference.rpartition(":")
        with _translated():
            self._api.tag(image, repository, tag, force=True)

    def remove_image(self, reference: str) -> None:
        """Given a reference, untag it (the image goes with its last tag); one that is gone or in use is no error."""
        with _translated(), contextlib.suppress(docker_errors.ImageNotFound, docker_errors.NotFound):
            try:
                self._api.remove_image(reference, noprune=False)
            except docker_errors.APIError as error:
                if error.status_code != 409:
                    raise

    def push(self, reference: str, timeout: float) -> None:
        """Given the reference of a local image, push it to its registry, which asks for no password.

        `timeout` bounds each silence of the engine, in seconds. Raise DockerUnavailable with the engine's words.
        """
        repository, _, tag = reference.rpartition(":")
        with _translated():
            api = docker.APIClient(base_url=self._address, version=self._api.api_version, timeout=timeout)
            with contextlib.closing(api):
                nobody = {"username": "", "password": ""}  # engines want to be told so
                for event in api.push(repository, tag, stream=True, decode=True, auth_config=nobody):
                    if "error" in event:
                        raise DockerUnavailable(f"{reference} can't be pushed: {event['error']}")

    def pull(self, reference: str, *, timeout: float, first: float | None = None) -> None:
        """Given a reference (tag or digest), pull it. Raise NotFound or DockerUnavailable with the engine's words when it can't be had.

        `timeout` bounds each silence of the engine, `first` the one before the registry's first answer, in seconds.
        """
        bound = timeout if first is None else first
        with _translated():
            api = docker.APIClient(base_url=self._address, version="auto", timeout=self._timeout)
            with contextlib.closing(api):
                repository, tag = docker_utils.parse_repository_tag(reference)
                try:
                    header = docker_auth.get_config_header(api, docker_auth.resolve_repository_name(repository)[0])
                    # The engine sends its headers when the registry has answered: the SDK's pull() has one bound for
                    # that and for a slow download, and a registry that drops packets must not cost as much as a slow link.
                    response = api._post(  # noqa: SLF001
                        api._url("/images/create"),  # noqa: SLF001
                        params={"fromImage": repository, "tag": tag or "latest"},
                        headers={"X-Registry-Auth": header} if header else {},
                        stream=True,
                        timeout=bound,
                    )
                except docker_errors.InvalidRepository as error:
                    raise NotFound(f"{reference} is no image's name: {error}") from error
                except requests.Timeout as error:
                    raise DockerUnavailable(f"{reference} can't be pulled: no answer within {bound:g} s") from error
                api._raise_for_status(response)  # noqa: SLF001
                sock = getattr(getattr(response.raw, "connection", None), "sock", None)
                if sock is not None:
                    sock.settimeout(timeout)
                for event in api._stream_helper(response, decode=True):  # noqa: SLF001
                    if "error" in event:
                        raise DockerUnavailable(f"{reference} can't be pulled: {event['error']}")

    def import_tar(self, tar_path: str, reference: str, changes: tuple[str, ...] = ()) -> None:
        """Given a root file system's tar on disk, make it an image of that reference; `changes` are Dockerfile instructions."""
        repository, _, tag = reference.rpartition(":")
        with _translated():
            answer = self._api.import_image(tar_path, repository=repository, tag=tag, changes=list(changes) or None)
        if isinstance(answer, str) and '"error"' in answer:
            raise DockerUnavailable(f"{reference} can't be imported: {answer.strip()[-300:]}")

    def load(self, tar_path: str) -> list[str]:
        """Given a file made by `docker save`, load its images; return the tags it brought."""
        loaded: list[str] = []
        with _translated(), open(tar_path, "rb") as tar:  # noqa: PTH123 - the SDK wants the open file
            for event in self._api.load_image(tar):
                text = str(event.get("stream", ""))
                if text.startswith("Loaded image: "):
                    loaded.append(text.removeprefix("Loaded image: ").strip())
        return loaded

    def commit(self, container: str, reference: str, changes: tuple[str, ...] = ()) -> None:
        """Given a container, make its file system an image of that reference; `changes` are Dockerfile instructions."""
        repository, _, tag = reference.rpartition(":")
        with _translated():
            self._api.commit(container, repository, tag, changes="\n".join(changes) or None)

    # BuildKit's cache

    def build_cache(self) -> list[CacheRecord]:
        """Return every record of BuildKit's cache. Slow where there are many containers and images: the engine adds up sizes."""
        with _translated():
            # Engines before API 1.42 pass over `type`, and measure everything.
            url = self._api._url("/system/df")  # noqa: SLF001 - the SDK's df() has no parameters
            response = self._api._get(url, params={"type": "build-cache"}, timeout=CACHE_TIMEOUT)  # noqa: SLF001
            self._api._raise_for_status(response)  # noqa: SLF001
            return [read_cache_record(item) for item in response.json().get("BuildCache") or ()]

    def prune_build_cache(self, records: Collection[str]) -> int:
        """Given ids of records, remove those that are not in use and return the bytes freed."""
        ids = [record for record in records if record.isalnum()]
        freed = 0
        for first in range(0, len(ids), CACHE_AT_ONCE):
            # BuildKit takes one value, and reads it as a regular expression (moby, builder/builder-next, toBuildkitPruneInfo).
            one_of = f"^({'|'.join(ids[first : first + CACHE_AT_ONCE])})$"
            with _translated():
                url = self._api._url("/build/prune")  # noqa: SLF001 - the SDK's prune_builds() has no filters
                filters = json.dumps({"id": {one_of: True}})
                response = self._api._post(url, params={"filters": filters}, timeout=CACHE_TIMEOUT)  # noqa: SLF001
                self._api._raise_for_status(response)  # noqa: SLF001
                freed += int(response.json().get("SpaceReclaimed") or 0)
        return freed

    # Networks and volumes

    def network_exists(self, name: str) -> bool:
        """Given a network's exact name, return whether it is there."""
        return self.network(name) is not None

    def network(self, name: str) -> Network | None:
        """Given a network's exact name, return the network, or None."""
        with _translated():
            listed = self._api.networks(names=[name])
        return next((read_network(item) for item in listed if item["Name"] == name), None)

    def create_network(self, name: str) -> None:
        """Given a name, create a bridge network; one that is there is no error."""
        if not self.network_exists(name):
            with _translated():
                self._api.create_network(name, driver="bridge", check_duplicate=True)

    def remove_network(self, name: str) -> None:
        """Given a name, remove the network; one that is gone is no error. Raise DockerUnavailable if containers are on it."""
        with _translated(), contextlib.suppress(docker_errors.NotFound):
            self._api.remove_network(name)

    def remove_volume(self, name: str) -> None:
        """Given a name, remove the volume; one that is gone is no error. Raise Conflict if a container uses it."""
        with _translated(), contextlib.suppress(docker_errors.NotFound):
            self._api.remove_volume(name)

    def _endpoint(self, spec: ContainerSpec) -> dict[str, Any]:
        endpoint: dict[str, Any] = {"Aliases": list(spec.aliases) or None}
        if spec.mac is not None and self._at_least(MAC_OF_ENDPOINT):
            endpoint["MacAddress"] = spec.mac
        return endpoint

    def _at_least(self, version: tuple[int, int]) -> bool:
        return _numbers(self._api.api_version) >= version

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
            with _translated():
                api = docker.APIClient(base_url=self._address, version=version, timeout=self._timeout)
            self._local.api = api
        return api

    def _agree(self) -> str:
        # The SDK's own way (version="auto") asks GET /version, for which the engine starts containerd and runc: 6 to 15 ms.
        with (
            _translated(),
            contextlib.closing(docker.APIClient(base_url=self._address, version=OUR_API, timeout=self._timeout)) as api,
        ):
            answer = api._get(api._url("/_ping", versioned_api=False))  # noqa: SLF001
            api._raise_for_status(answer)  # noqa: SLF001
        spoken = str(answer.headers.get("Api-Version", OUR_API))
        return min(spoken, OUR_API, key=_numbers)


@contextlib.contextmanager
def _ended_by(stop: Stop | None, response: Any) -> Iterator[None]:
    """Given a wish and an answer that streams, have the stream end when it is made: a quiet one would be read for ever."""
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


@contextlib.contextmanager
def _translated() -> Iterator[None]:
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


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
