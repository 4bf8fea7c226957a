"""Having the kernel keep builds within their limits; `limits_plan` says which. What can't be limited is reported, and built anyway."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from deployhost.build.docker_cli import Cli
from deployhost.build.limits_plan import (
    PATIENCE,
    Limits,
    Placement,
    Setting,
    confinement,
    limits,
    placement,
    settings,
    unlimited,
)
from deployhost.config.server import ServerSettings
from deployhost.config.settings import DAY
from deployhost.errors import BuildFailed, FileProblem
from deployhost.sizes import readable_size, size_setting
from deployhost.system import cgroups, machine
from deployhost.system.cgroups import Cgroups
from deployhost.system.docker import Docker
from deployhost.system.docker_model import EngineInfo

ENGINE_KNOWN_FOR = 600.0  # seconds for which the engine's version and cgroup driver are remembered
LOOK = 0.05  # seconds between looks for cgroups that appear


@dataclass
class BuildLimits:
    """Limits what builds use of the machine's CPUs (by their numbers) and bytes of memory."""

    docker: Docker
    server: ServerSettings
    groups: Cgroups = field(default_factory=cgroups.find)
    cpus: Sequence[int] = field(default_factory=machine.cpus)
    memory: int = field(default_factory=machine.memory)
    patience: float = PATIENCE
    _engine: tuple[EngineInfo, float] | None = field(default=None, init=False)

    @contextlib.contextmanager
    def applied(self, cli: Cli, say: Callable[[str], None]) -> Iterator["Limited"]:
        """Have the build of a docker command limited within the block. Raises InvalidConfig, DockerUnavailable.

        `say` gets what this machine can't limit.
        """
        config = self.server.current()
        limited = limits(self.cpus, self.memory, config.build_cpus, config.build_memory)
        engine = self.engine()
        major = int(engine.version.partition(".")[0] or 0)
        where = placement(major, buildx=cli.buildx, systemd=engine.cgroup_driver == "systemd")
        told = Limited(self.server, limited, config.build_timeout, where.argv)
        with contextlib.ExitStack() as stack:
            try:
                self._limit(where, told, stack, say)
            except FileProblem as error:
                say(f"warning: this build is not limited: {error.message}")
            yield told

    def _limit(
        self, where: Placement, told: "Limited", stack: contextlib.ExitStack, say: Callable[[str], None]
    ) -> None:
        limited = told.limits
        if where.group is None:
            stack.enter_context(self._limiting(where.appearing, told))
            return
        files = self.groups.ensure(where.group)
        missing = unlimited(files, unified=self.groups.unified)
        if missing:
            say(f"warning: this kernel can't limit the {', '.join(missing)} of builds")
        self.groups.write(where.group, settings(limited, files, unified=self.groups.unified))
        with contextlib.suppress(FileProblem):  # a build of somebody else's runs in there, and may use them all
            self.groups.write(where.group, confinement(limited, files))
        told.watch = stack.enter_context(self.groups.watched(where.group)).happened
        group = where.group
        if where.away is not None and not self.groups.unified:
            group, files = where.away, self.groups.ensure(where.away)
            self.groups.write(group, settings(limited, files, unified=False))
            stack.enter_context(_meanwhile(partial(self.groups.move, "cpu", f"{where.group}/*", group)))
        self._hurry_one_day(group, settings(limited, files, unified=self.groups.unified, patient=False), stack)

    def _hurry_one_day(self, group: str, hurried: list[Setting], stack: contextlib.ExitStack) -> None:
        """Have the build wait no longer for everything else once it has lasted: on a busy machine it would never end."""

        def hurry() -> None:
            with contextlib.suppress(FileProblem):
                self.groups.write(group, hurried)

        timer = threading.Timer(self.patience, hurry)
        timer.daemon = True
        timer.start()
        stack.callback(timer.cancel)

    @contextlib.contextmanager
    def _limiting(self, patterns: tuple[str, ...], told: "Limited") -> Iterator[None]:
        """Within the block, limit each cgroup that appears, and note whether one of them runs out of memory."""
        before = {name for pattern in patterns for name in self.groups.named(pattern)}  # of somebody else's build
        done: set[str] = set()

        def look() -> None:
            for name in {name for pattern in patterns for name in self.groups.named(pattern)} - before:
                if name not in done:
                    done.add(name)
                    files = self.groups.files(name)
                    with contextlib.suppress(FileProblem):  # it has ended
                        self.groups.write(name, settings(told.limits, files, unified=self.groups.unified))
                        self.groups.write(name, confinement(told.limits, files))
                directory = self.groups.group("memory", name)
                if directory is not None and cgroups.kills(directory) > 0:
                    told.seen = True

        with _meanwhile(look):
            yield

    def engine(self) -> EngineInfo:
        """Return what the engine says of itself, as it was a few minutes ago at the earliest."""
        now = time.monotonic()
        if self._engine is None or now > self._engine[1]:
            self._engine = (self.docker.info(), now + ENGINE_KNOWN_FOR)
        return self._engine[0]


@contextlib.contextmanager
def _meanwhile(look: Callable[[], None]) -> Iterator[None]:
    """Look for new cgroups again and again within the block."""
    over = threading.Event()

    def again() -> None:
        while not over.wait(LOOK):
            look()

    thread = threading.Thread(target=again, name="limits", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass
class Limited:
    """How one build is limited: what `docker build` is told, its seconds, and whether memory ran out."""

    server: ServerSettings
    limits: Limits
    timeout: float
    argv: tuple[str, ...] = ()
    watch: Callable[[], bool] = lambda: False
    seen: bool = False

    def ran_out_of_memory(self) -> bool:
        """Return whether the kernel has killed something of the build for its memory."""
        return self.seen or self.watch()

    def out_of_memory(self, details: tuple[str, ...]) -> BuildFailed:
        """Return the error for a build that ran out of memory; `details` are its last lines."""
        return BuildFailed(
            f"the build was killed: it used more than its {readable_size(self.limits.memory)} of memory",
            hint=self._more("build_memory", size_setting(2 * self.limits.memory)),
            details=details,
        )

    def timed_out(self, details: tuple[str, ...]) -> BuildFailed:
        """Return the error for a build that did not end in time; `details` are its last lines."""
        return too_long(self.server, self.timeout, details)

    def _more(self, key: str, value: str) -> str:
        return _setting(self.server, key, value)


def too_long(server: ServerSettings, seconds: float, details: tuple[str, ...] = ()) -> BuildFailed:
    """Return the error for a build that did not end within `seconds`; `details` are its last lines."""
    return BuildFailed(
        f"the build did not end within {seconds:g} s and was stopped",
        hint=_setting(server, "build_timeout", f"{min(2 * seconds, DAY):g}"),
        details=details,
    )


def _setting(server: ServerSettings, key: str, value: str) -> str:
    """Return the command that has this setting stand in server.yml."""
    if server.has(key):
        return f"sed -i 's/^{key}:.*/{key}: {value}/' {server.path}"
    return f"echo '{key}: {value}' >> {server.path}"
