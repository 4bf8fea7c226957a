"""The one door to the Docker engine's API: typed calls, typed answers, errors that say what to do.

Exact names and labels only: nothing here finds a container by the beginning of its name.
"""

import contextlib
import io
import re
import tarfile
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any

from docker import errors as docker_errors

from deployhost.errors import DockerRefused, NotFound
from deployhost.system.docker_answers import NANO, read_container, read_listed, read_log
from deployhost.system.docker_engine import ended_by, translated
from deployhost.system.docker_model import Container, ContainerSpec, Ended, Listed, LogLine
from deployhost.system.docker_networks import MAC_OF_ENDPOINT, EngineNetworks
from deployhost.system.stop import Stop

TAR_MARGIN = 64 * 1024  # bytes of a tar beside its one file's content
_NETWORK_GONE = re.compile(r"network \S+ not found")
DEADLY = ("2", "3", "9", "15")  # signals that are meant to end a process


class Docker(EngineNetworks):
    """The Docker engine at an address. Every method raises DockerUnavailable when the engine does not answer."""

    def create(self, spec: ContainerSpec) -> str:
        """Create a container and return its id. Raises Conflict if the name is taken, NotFound if the image is missing."""
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
            # The two equal: no swap, so that what takes more is killed alone instead of making the whole machine swap.
            "Memory": spec.memory,
            "MemorySwap": spec.memory,
            "NanoCpus": None if spec.cpus is None else round(spec.cpus * NANO),
            "OomScoreAdj": spec.oom_score_adj,
            "Init": spec.init or None,
            "NetworkMode": spec.network,
            "StorageOpt": None if spec.size is None else {"size": str(spec.size)},
        }
        body: dict[str, Any] = {
            "Image": spec.image,
            "Labels": dict(spec.labels),
            "Env": [f"{name}={value}" for name, value in spec.env.items()],
            "ExposedPorts": {f"{port}/tcp": {} for port in spec.ports},
            "Cmd": None if spec.command is None else list(spec.command),
            "Hostname": spec.hostname,
            "StopTimeout": spec.stop_timeout,
            "HostConfig": host,
        }
        if spec.network is not None:
            endpoint: dict[str, Any] = {"Aliases": list(spec.aliases) or None}
            body["NetworkingConfig"] = {"EndpointsConfig": {spec.network: endpoint}}
            if spec.mac is not None:
                where = endpoint if self._at_least(MAC_OF_ENDPOINT) else body
                where["MacAddress"] = spec.mac
        with translated():
            return str(self._api.create_container_from_config(body, spec.name)["Id"])

    def start(self, container: str) -> None:
        """Start a container, by name or id; one that already runs stays as it is.

        One whose network was removed and made anew is plugged into that again: the engine looks for the one of before.
        """
        try:
            self._start(container)
        except (NotFound, DockerRefused) as error:
            if not _NETWORK_GONE.search(error.message):
                raise
            found = self.inspect(container)
            for network in found.networks:
                names = [alias for alias in found.aliases.get(network, ()) if alias != found.short_id]
                self.connect(container, network, names)
            self._start(container)

    def _start(self, container: str) -> None:
        with translated():
            self._api.start(container)

    def stop(self, container: str, timeout: int | None = None) -> None:
        """Stop a container: its own stop signal, then KILL after `timeout` seconds (None: the container's own)."""
        with translated():
            # The HTTP call lasts as long as the stop does, so that a patient stop must not run into our own time-out.
            params = {} if timeout is None else {"t": timeout}  # Client.stop() always sends t
            self._ask(
                "_post", "/containers/{0}/stop", container, params=params, timeout=self._timeout + (timeout or 600)
            )

    def remove(self, container: str, *, force: bool = False) -> None:
        """Remove a container with its anonymous volumes; one that is gone is ignored."""
        with translated(), contextlib.suppress(docker_errors.NotFound):
            self._api.remove_container(container, v=True, force=force)

    def inspect(self, container: str) -> Container:
        """Return a container, by name or id. Raises NotFound."""
        with translated():
            return read_container(self._api.inspect_container(container))

    def find(self, container: str) -> Container | None:
        """Return a container, by name or id, or None."""
        with contextlib.suppress(NotFound):
            return self.inspect(container)
        return None

    def containers(self, labels: Mapping[str, str], *, running_only: bool = False) -> list[Container]:
        """Return the containers whose labels all match exactly, newest first. About 1 ms each: see `listed`."""
        found = [self.find(item["Id"]) for item in self._with_labels(labels, running_only=running_only)]
        return [c for c in found if c is not None and labels.items() <= c.labels.items()]

    def listed(self, labels: Mapping[str, str], *, running_only: bool = False) -> list[Listed]:
        """Return the containers whose labels all match exactly, newest first, in the few words of one quick call."""
        found = map(read_listed, self._with_labels(labels, running_only=running_only))
        return [c for c in found if labels.items() <= c.labels.items()]

    def _with_labels(self, labels: Mapping[str, str], *, running_only: bool) -> Any:
        """Return the engine's list by labels: `label=key=` also matches any value on some versions, so look again."""
        filters = {"label": [f"{key}={value}" for key, value in labels.items()]}
        with translated():
            return self._api.containers(all=not running_only, filters=filters)

    def how_ended(self, container: str) -> Ended:
        """Return how a container last came not to run, as far as the engine remembers. Raises NotFound.

        The engine keeps its last few hundred events, and none across a restart of its own: a missing event proves nothing.
        """
        filters = {"type": "container", "container": container, "event": ["start", "stop", "kill", "die"]}
        by_hand, codes = False, list[int]()
        with translated():
            state = self._api.inspect_container(container)["State"]
            for event in self._api.events(since=1, until=f"{time.time():.6f}", filters=filters, decode=True):
                said = event.get("Actor", {}).get("Attributes") or {}
                if event.get("Action") == "die":
                    codes.append(int(said.get("exitCode", 0)))
                    continue
                killed = event.get("Action") == "kill" and said.get("signal", "") in DEADLY
                by_hand = killed or event.get("Action") == "stop"
        return Ended(by_hand, int(state.get("ExitCode", 0)), str(state.get("Error", "")), tuple(codes))

    def set_restart(self, container: str, policy: str) -> None:
        """Give a container a restart policy ("no", "unless-stopped")."""
        with translated():
            self._api.update_container(container, restart_policy={"Name": policy})

    def rename(self, container: str, name: str) -> None:
        """Give a container another name. Raises Conflict if that is taken."""
        with translated():
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
        """Yield the lines of a container's output, in order; `tail` keeps the last so many, `stop` ends following."""
        with translated():
            params = {  # the SDK's logs() drops which stream it was
                "stdout": 1,
                "stderr": 1,
                "follow": int(follow),
                "timestamps": int(timestamps),
                "tail": "all" if tail is None else str(tail),
            }
            patience = None if follow else self._timeout
            response = self._ask(
                "_get", "/containers/{0}/logs", container, params=params, stream=True, timeout=patience
            )
            with contextlib.closing(response), ended_by(stop, response):
                yield from read_log(response.iter_content(chunk_size=None), timestamps=timestamps)

    def read_file(self, container: str, path: str, *, limit: int) -> bytes:
        """Return the content of a file, at most `limit` bytes, in a container that need not run.

        Raises NotFound if it is not a plain file, or a larger one: nothing limits the files of somebody's image.
        """
        with translated():
            chunks, stat = self._api.get_archive(container, path)
            if int(stat.get("size", 0)) > limit:
                raise NotFound(f"{path} in {container[:12]} is larger than {limit} bytes")
            archive = io.BytesIO()
            for chunk in chunks:
                archive.write(chunk)
                if archive.tell() > limit + TAR_MARGIN:
                    raise NotFound(f"{path} in {container[:12]} is larger than {limit} bytes")
            archive.seek(0)
        with tarfile.open(fileobj=archive) as tar:
            content = next((tar.extractfile(member) for member in tar if member.isfile()), None)
            if content is not None:
                return content.read()
        raise NotFound(f"{path} in {container[:12]} is not a plain file")

    def put_archive(self, container: str, path: str, tar: bytes | IO[bytes]) -> None:
        """Unpack a tar into a directory of a container that need not run; an open file is streamed."""
        with translated():
            self._api.put_archive(container, path, tar)
