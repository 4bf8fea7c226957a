"""A stateful Docker engine without containers: it refuses what the real engine refuses."""

import io
import itertools
import tarfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, Any

from deployhost.errors import Conflict, DockerRefused, DockerUnavailable, NotFound
from deployhost.kamal import contract
from deployhost.model import Listener
from deployhost.system.docker import Docker
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
from deployhost.system.http import Answer
from deployhost.system.stop import Stop, unless_stopped
from tests.fakes.life import Crash, Life


@dataclass(frozen=True)
class Behaviour:
    """How an app behaves once its image is built, or that it can't be: `build_error`."""

    port: int = 8080
    loopback: bool = False
    listens: bool = True
    status: int = 200
    exits: int | None = None  # with this code, as soon as it is started
    says: tuple[str, ...] = ()
    build_error: str = ""
    build_says: tuple[str, ...] = ()
    start_error: str = ""
    user: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    processes: Mapping[str, str] = field(default_factory=dict)  # the Procfile's, less the web process
    labels: Mapping[str, str] = field(default_factory=dict)  # that rule in its image, whatever the build sets
    ends: Mapping[str, int] = field(default_factory=dict)  # exit codes of commands that end as soon as they are started


ALIVE = ("running", "restarting", "paused")  # what the engine's list of running containers has
OF_DEBIAN_12 = EngineInfo("20.10.24", "/var/lib/docker")
WITH_WORKER = Behaviour(processes={"worker": "python worker.py"})  # an app with a worker beside its web process


def proxy_container() -> Container:
    """Return kamal-proxy's container as set-up makes it, running."""
    return Container(
        id="f" * 64,
        name=contract.PROXY_CONTAINER,
        image=contract.PROXY_IMAGE,
        image_id="sha256:proxy",
        status="running",
        pid=3_999_999,
        exit_code=0,
        started_at="",
        restart_count=0,
        labels={},
        ips={contract.NETWORK: "172.18.255.254"},
        networks=(contract.NETWORK,),
        user="",
        oom_killed=False,
    )


@dataclass
class Engine:
    """What the Docker engine has; ids count up, so that a higher one is newer."""

    containers: dict[str, Container] = field(default_factory=dict)
    specs: dict[str, ContainerSpec] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)  # by image id
    cache: dict[str, CacheRecord] = field(default_factory=dict)
    networks: set[str] = field(default_factory=lambda: {contract.NETWORK})
    stopped: list[str] = field(default_factory=list)
    by_hand: set[str] = field(default_factory=set)  # what was stopped and not started since, as its events have it
    trouble: dict[str, str] = field(default_factory=dict)  # why the engine itself could not start a container
    notes_late: int = 0  # so many looks at a container do not tell yet that its process has ended
    unnoted: dict[str, list[int]] = field(default_factory=dict)  # of such: the looks that are left, the exit code
    proxy: Container | None = None  # kamal-proxy's container, beside those of the apps
    down: bool = False
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    info: EngineInfo = OF_DEBIAN_12
    infos: int = 0  # how often it was asked for that
    exit_codes: dict[str, tuple[int, ...]] = field(default_factory=dict)  # of each end of a container's process
    starting: Callable[[Container, Image], None] = lambda _container, _image: None  # asserts what must be true then
    # Where images come from: registries that serve some, a file for `docker load`, a tar of a file system.
    served: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)  # of these, whatever only a login gets
    unreachable: bool = True  # whether registries can't be asked, or lack what they do not serve
    written: dict[str, int] = field(default_factory=dict)  # bytes beyond the images, by service
    pulls: list[str] = field(default_factory=list)
    pulling: Callable[[], object] = lambda: None  # what happens during a pull, in whose thread
    bounds: list[tuple[float | None, float]] = field(default_factory=list)  # of these: `first` and `timeout`
    in_file: tuple[str, ...] = ()
    imported: dict[str, tuple[int, int, bytes]] = field(default_factory=dict)  # mode, owner and content by path
    changes: tuple[str, ...] = ()

    def add_image(
        self, behaviour: Behaviour, *tags: str, labels: Mapping[str, str] | None = None, **more: Any
    ) -> Image:
        """Given how its app behaves, tags, labels and more of it, have an image; the tags leave whatever had them."""
        image_id = f"sha256:{next(self.numbers):064x}"
        self.images[image_id] = Image(image_id, (), labels or {}, behaviour.user, (), "", **more)
        self.behaviours[image_id] = behaviour
        for tag in tags:
            self.move_tag(image_id, tag)
        return self.images[image_id]

    def move_tag(self, image_id: str, tag: str) -> None:
        """Given an image's id and a tag, have the tag lead to it and to no other."""
        for other in list(self.images.values()):
            self.images[other.id] = replace(other, tags=tuple(one for one in other.tags if one != tag))
        self.images[image_id] = replace(self.images[image_id], tags=(*self.images[image_id].tags, tag))

    def look_up(self, reference: str) -> Image | None:
        """Given a tag or an id, return the image."""
        return self.images.get(reference) or next((i for i in list(self.images.values()) if reference in i.tags), None)

    def end(self, container: str, code: int = 0) -> None:
        """End a container's process, as it does by itself."""
        found = self.containers[container]
        self.containers[container] = replace(
            found, status="exited", pid=0, exit_code=code, ips=dict.fromkeys(found.networks, "")
        )
        self.exit_codes[container] = (*self.exit_codes.get(container, ()), code)

    def freeze(self, container: str) -> None:
        """Given a container's id, do `docker pause`."""
        self.containers[container] = replace(self.containers[container], status="paused")

    def thaw(self, container: str) -> None:
        """Given a container's id, do `docker unpause`."""
        self.containers[container] = replace(self.containers[container], status="running")

    def disconnect(self, container: str, network: str = "") -> None:
        """Unplug a container from a network, or from every one, as `docker network disconnect` does."""
        found = self.containers[container]
        left = tuple(one for one in found.networks if network not in ("", one))
        self.containers[container] = replace(
            found,
            networks=left,
            ips={one: found.ips[one] for one in left if one in found.ips},
            aliases={one: found.aliases[one] for one in left if one in found.aliases},
            macs={one: found.macs[one] for one in left if one in found.macs},
        )

    @property
    def running(self) -> list[Container]:
        """Return what runs."""
        return [container for container in list(self.containers.values()) if container.running]

    @property
    def tags(self) -> set[str]:
        """Return every tag of every image."""
        return {tag for image in list(self.images.values()) for tag in image.tags}

    def listeners(self, pid: int) -> set[Listener] | None:
        """As system.netns.listeners."""
        container = next((one for one in self.running if one.pid == pid), None)
        if container is None or container.id in self.unnoted:
            return None
        behaviour = self.behaviours[container.image_id]
        return {Listener(behaviour.port, behaviour.loopback)} if behaviour.listens else set()

    def get(self, ip: str, port: int, path: str, *, host: str, timeout: float) -> Answer:
        """As system.http.get."""
        container = next((one for one in self.running if ip and ip in one.ips.values()), None)
        behaviour = None if container is None else self.behaviours[container.image_id]
        if behaviour is None or port != behaviour.port or behaviour.loopback:
            return Answer(0, "the connection was refused")
        return Answer(behaviour.status)


class FakeDocker(Docker):
    """Given the engine and a life, the calls of system.docker. Whatever is not faked fails: there is no engine behind it."""

    def __init__(self, engine: Engine, life: Life | None = None) -> None:
        super().__init__("nowhere")
        self._engine = engine
        self._life = life or Life()

    @property
    def _api(self) -> Any:
        raise AssertionError("this call of the engine has no fake")

    def info(self) -> EngineInfo:
        self._asked()
        self._engine.infos += 1
        return self._engine.info

    def ping(self) -> None:
        self._asked()

    def create(self, spec: ContainerSpec) -> str:
        self._changes("create")
        image = self._engine.look_up(spec.image)
        if image is None:
            raise NotFound(f"Docker: No such image: {spec.image}")
        self._refuse_taken(spec.name)
        number = next(self._engine.numbers)
        container = f"{number:012x}".ljust(64, "0")
        self._engine.specs[container] = spec
        self._engine.containers[container] = Container(
            id=container,
            name=spec.name,
            image=spec.image,
            image_id=image.id,
            status="created",
            pid=0,
            exit_code=0,
            started_at="",
            restart_count=0,
            labels={**image.labels, **spec.labels},
            ips={},
            networks=(spec.network or "bridge",),
            user=image.user,
            oom_killed=False,
            restart=spec.restart,
            bindings=tuple(sorted((port, ip, host) for port, (ip, host) in spec.ports.items())),
            mounts=tuple(sorted((bind.split(":")[0], bind.split(":")[1]) for bind in spec.binds)),
            log_max_size=spec.log_max_size,
            command=spec.command or (),
            env=tuple(f"{name}={value}" for name, value in spec.env.items()),
            memory=spec.memory,
            cpus=spec.cpus,
            pids_limit=spec.pids_limit,
            stop_timeout=spec.stop_timeout,
            cap_drop=tuple(sorted(spec.cap_drop)),
            cap_add=tuple(sorted(spec.cap_add)),
            security_opt=spec.security_opt,
            aliases={spec.network or "bridge": spec.aliases},
        )
        return container

    def start(self, container: str) -> None:
        self._changes("start")
        found = self._existing(container)
        if found.status == "paused":
            raise Conflict("Docker: cannot start a paused container, try unpause instead")
        if found.running:
            return
        behaviour = self._engine.behaviours[found.image_id]
        self._engine.starting(found, self._engine.images[found.image_id])
        if error := behaviour.start_error or self._taken(found):
            self._engine.trouble[found.id] = error
            raise DockerRefused(f"Docker refused: {error}")
        self._engine.trouble.pop(found.id, None)
        command = " ".join(self._engine.specs[found.id].command or ())
        exits = behaviour.exits if not command else behaviour.ends.get(command)
        if exits is not None and not self._engine.notes_late:
            self._engine.end(found.id, exits)
            return
        if exits is not None:
            self._engine.unnoted[found.id] = [self._engine.notes_late, exits]
        self._engine.by_hand.discard(found.id)
        number = next(self._engine.numbers)
        ips = dict.fromkeys(found.networks, f"172.18.{number // 250}.{number % 250 + 1}")
        self._engine.containers[found.id] = replace(found, status="running", pid=4_000_000 + number, ips=ips)

    def stop(self, container: str, timeout: int | None = None) -> None:
        self._changes("stop")
        found = self._existing(container)
        if found.status in ALIVE:
            self._engine.stopped.append(found.id)
            self._engine.by_hand.add(found.id)
            self._engine.end(found.id)

    def remove(self, container: str, *, force: bool = False) -> None:
        self._changes("remove")
        found = self._found(container)
        if found is not None and found.status in ALIVE and not force:
            raise Conflict(f"Docker: You cannot remove a {found.status} container {found.id}")
        if found is not None:
            del self._engine.containers[found.id]

    def inspect(self, container: str) -> Container:
        self._asked()
        found = self._existing(container)
        late = self._engine.unnoted.get(found.id)
        if late is not None:
            late[0] -= 1
        if late is not None and late[0] <= 0:
            self._engine.end(found.id, self._engine.unnoted.pop(found.id)[1])
        return self._existing(container)

    def containers(self, labels: Mapping[str, str], *, running_only: bool = False) -> list[Container]:
        self._asked()
        newest_first = sorted(self._engine.containers.values(), key=lambda one: one.id, reverse=True)
        matching = [one for one in newest_first if all(one.labels.get(key) == labels[key] for key in labels)]
        return [one for one in matching if one.status in ALIVE or not running_only]

    def listed(self, labels: Mapping[str, str], *, running_only: bool = False) -> list[Listed]:
        found = self.containers(labels, running_only=running_only)
        names = ("id", "name", "image_id", "status", "labels", "ips")
        return [Listed(**{name: getattr(one, name) for name in names}) for one in found]

    def how_ended(self, container: str) -> Ended:
        self._asked()
        found = self._existing(container)
        by_hand = found.id in self._engine.by_hand
        trouble, codes = self._engine.trouble.get(found.id, ""), self._engine.exit_codes.get(found.id, ())
        return Ended(by_hand, found.exit_code, trouble, codes)

    def set_restart(self, container: str, policy: str) -> None:
        self._changes("set_restart")
        found = self._existing(container)
        self._engine.containers[found.id] = replace(found, restart=policy)

    def rename(self, container: str, name: str) -> None:
        self._changes("rename")
        self._refuse_taken(name)
        found = self._existing(container)
        self._engine.containers[found.id] = replace(found, name=name)

    def logs(
        self,
        container: str,
        *,
        tail: int | None = None,
        follow: bool = False,
        timestamps: bool = False,
        stop: Stop | None = None,
    ) -> Iterator[LogLine]:
        self._asked()
        found = self._existing(container)
        says = () if found.status == "created" else self._engine.behaviours[found.image_id].says
        for line in says if tail is None else says[max(len(says) - tail, 0) :]:
            yield LogLine("stdout", line, "2026-01-02T03:04:05.000000006Z" if timestamps else "")

    def read_file(self, container: str, path: str, *, limit: int) -> bytes:
        self._asked()
        files = self._engine.behaviours[self._existing(container).image_id].files
        if path not in files:
            raise NotFound(f"Docker: Could not find the file {path}")
        if len(files[path]) > limit:
            raise NotFound(f"{path} is larger than {limit} bytes")
        return files[path]

    def image(self, reference: str) -> Image | None:
        self._asked()
        return self._engine.look_up(reference)

    def images(self, label: str) -> list[Image]:
        self._asked()
        name, has_value, value = label.partition("=")
        labelled = [image for image in reversed(self._engine.images.values()) if name in image.labels]
        return [image for image in labelled if not has_value or image.labels[name] == value]

    def tags(self) -> list[str]:
        self._asked()
        return sorted(self._engine.tags)

    def tag(self, image: str, reference: str) -> None:
        self._changes("tag")
        found = self._engine.look_up(image)
        if found is None:
            raise NotFound(f"Docker: No such image: {image}")
        self._engine.move_tag(found.id, reference)

    def push(self, reference: str, timeout: float) -> None:
        self._changes("push")
        if self._engine.look_up(reference) is None:
            raise DockerUnavailable(f"{reference} can't be pushed: no such image")

    def remove_image(self, reference: str) -> None:
        self._changes("remove_image")
        image = self._engine.look_up(reference)
        if image is None:
            return
        left = tuple(tag for tag in image.tags if tag != reference)
        if not left and any(one.image_id == image.id for one in list(self._engine.containers.values())):
            return  # in use: the engine refuses, and that is no error here
        self._engine.images[image.id] = replace(image, tags=left)
        if not left:
            del self._engine.images[image.id]

    def pull(
        self,
        reference: str,
        *,
        timeout: float,
        first: float | None = None,
        stop: Stop | None = None,
        logins: bool = True,
    ) -> None:
        self._changes("pull")
        self._engine.pulls.append(reference)
        self._engine.bounds.append((first, timeout))
        unless_stopped(self._engine.pulling, stop or Stop())
        if not logins and reference in self._engine.private:
            raise NotFound(f"pull access denied for {reference}")
        if reference in self._engine.served:
            self._engine.add_image(Behaviour(), reference)
        elif self._engine.unreachable:
            raise DockerUnavailable("Docker refused: dial tcp: lookup registry-1.docker.io: no such host")
        else:
            raise NotFound(f"Docker: manifest for {reference} not found: manifest unknown")

    def written(self) -> dict[str, int]:
        self._asked()
        return self._engine.written

    def load(self, tar_path: str) -> list[str]:
        self._changes("load")
        for reference in self._engine.in_file:
            self._engine.add_image(Behaviour(), reference)
        return [*self._engine.in_file]

    def import_tar(self, tar_path: str, reference: str, changes: tuple[str, ...] = ()) -> None:
        self._changes("import_tar")
        with tarfile.open(tar_path) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else io.BytesIO()
                assert content is not None
                self._engine.imported[member.name] = (member.mode, member.uid, content.read())
        self._engine.changes = changes
        self._engine.add_image(Behaviour(), reference)

    def network(self, name: str) -> Network | None:
        self._asked()
        made = Network(name, "br-000000000001", subnets=("172.18.0.0/16",), gateways=("172.18.0.1",))
        return made if name in self._engine.networks else None

    def create_network(self, name: str) -> None:
        self._changes("create_network")
        self._engine.networks.add(name)

    def connect(self, container: str, network: str, aliases: Sequence[str] = (), mac: str | None = None) -> None:
        self._changes("connect")
        found = self._existing(container)
        if network not in self._engine.networks:
            raise NotFound(f"Docker: network {network} not found")
        if network in found.networks:
            raise DockerUnavailable(
                f"Docker refused: endpoint with name {found.name} already exists in network {network}"
            )
        plugged_in = replace(
            found,
            networks=(*found.networks, network),
            ips={**found.ips, network: f"172.19.0.{next(self._engine.numbers) % 250 + 1}"},
            aliases={**found.aliases, network: tuple(aliases)},
            macs={**found.macs, network: mac or ""},
        )
        if found.name == contract.PROXY_CONTAINER:
            self._engine.proxy = plugged_in
        else:
            self._engine.containers[found.id] = plugged_in

    def build_cache(self) -> list[CacheRecord]:
        self._asked()
        return list(self._engine.cache.values())

    def prune_build_cache(self, records: Collection[str]) -> int:
        self._changes("prune_build_cache")
        return sum(self._engine.cache.pop(record).size for record in records if record in self._engine.cache)

    def put_archive(self, container: str, path: str, tar: bytes | IO[bytes]) -> None:
        self._changes("put_archive")
        self._existing(container)

    def _asked(self) -> None:
        if self._life.over:
            raise Crash
        if self._engine.down:
            raise DockerUnavailable("the Docker engine does not answer")

    def _changes(self, what: str) -> None:
        self._asked()
        self._life.effect(f"docker {what}")

    def _found(self, container: str) -> Container | None:
        proxy = () if self._engine.proxy is None else (self._engine.proxy,)
        everything = (*self._engine.containers.values(), *proxy)
        return next((one for one in everything if one.name == container or one.id.startswith(container)), None)

    def _taken(self, container: Container) -> str:
        ports = {(ip, port) for _, ip, port in container.bindings}
        for other in list(self._engine.containers.values()):
            for _, ip, port in other.bindings if other.status in ALIVE else ():
                if (ip, port) in ports:
                    return f"driver failed programming external connectivity: Bind for {ip}:{port} failed: port is already allocated"
        return ""

    def _existing(self, container: str) -> Container:
        found = self._found(container)
        if found is None:
            raise NotFound(f"Docker: No such container: {container}")
        return found

    def _refuse_taken(self, name: str) -> None:
        if any(one.name == name for one in list(self._engine.containers.values())):
            raise Conflict(f'Docker: The container name "/{name}" is already in use')
