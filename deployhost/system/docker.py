"""The one door to the Docker engine's API: typed calls, typed answers, errors that say what to do.

Exact names and labels only: nothing here finds a container by the beginning of its name.
"""

import contextlib
import io
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any

import docker
import requests
from docker import auth as docker_auth
from docker import errors as docker_errors
from docker import utils as docker_utils

from deployhost.errors import Conflict, DockerUnavailable, NotFound
from deployhost.system.docker_answers import read_container, read_image, read_log
from deployhost.system.docker_model import Container, ContainerSpec, EngineInfo, Image, LogLine

SOCKET = "unix:///var/run/docker.sock"
AGREED_FOR = 60.0  # seconds for which the API's version is remembered


class Docker:
    """Given the engine's address, talk to it. Every method raises DockerUnavailable when the engine does not answer.

    One API client per thread: requests' sessions are not made to be shared.
    """

    def __init__(self, address: str = SOCKET, timeout: float = 60.0) -> None:
        self._address = address
        self._timeout = timeout
        self._local = threading.local()
        self._agreed = ("auto", 0.0)

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
        }
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
        """Given labels that must all match exactly, return the containers, newest first."""
        filters = {"label": [f"{key}={value}" for key, value in labels.items()]}
        with _translated():
            listed = self._api.containers(all=not running_only, filters=filters)
        found = [self.find(item["Id"]) for item in listed]
        # The engine's `label=key=` also matches any value on some versions; what we return matches exactly.
        return [c for c in found if c is not None and all(c.labels.get(k) == v for k, v in labels.items())]

    def set_restart(self, container: str, policy: str) -> None:
        """Given a container and a restart policy ("no", "unless-stopped"), have it from now on."""
        with _translated():
            self._api.update_container(container, restart_policy={"Name": policy})

    def rename(self, container: str, name: str) -> None:
        """Given a container, give it another name. Raise Conflict if that is taken."""
        with _translated():
            self._api.rename(container, name)

    def logs(
        self, container: str, *, tail: int | None = None, follow: bool = False, timestamps: bool = False
    ) -> Iterator[LogLine]:
        """Given a container, yield the lines of its output, in order; `tail` keeps the last so many."""
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
            with contextlib.closing(response):
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

    # Networks and volumes

    def network_exists(self, name: str) -> bool:
        """Given a network's exact name, return whether it is there."""
        with _translated():
            return any(item["Name"] == name for item in self._api.networks(names=[name]))

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

    @property
    def _api(self) -> Any:
        api = getattr(self._local, "api", None)
        if api is None:
            # To agree on the API's version costs 15 ms, and each thread has a client of its own: so it is remembered, but
            # not for long, since an engine that is upgraded under us may no longer speak it.
            version, until = self._agreed
            if time.monotonic() > until:
                version = "auto"
            with _translated():
                api = docker.APIClient(base_url=self._address, version=version, timeout=self._timeout)
            if version == "auto":
                self._agreed = (api.api_version, time.monotonic() + AGREED_FOR)
            self._local.api = api
        return api


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
