"""Who fills a disk that is nearly full: apps' containers and storage, measured in the background, for `status`."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.config.current import Apps
from deployhost.config.server import ServerSettings
from deployhost.errors import DeployhostError, DiskFull
from deployhost.paths import Paths
from deployhost.sizes import readable_size
from deployhost.system.docker import Docker
from deployhost.system.process import run
from deployhost.upkeep.disk_plan import Use, missing, most_of, short_of_inodes
from deployhost.upkeep.disk_space import Disks

KNOWN_FOR = 600.0  # seconds for which a measurement counts
WALK = 300.0  # seconds for du(1) to walk one app's storage


@dataclass(kw_only=True)
class DiskUsers:
    """Tells who fills a disk that has less room than a build needs. `measure` returns the bytes below a directory."""

    docker: Docker
    disks: Disks
    settings: ServerSettings
    apps: Apps
    paths: Paths
    monotonic: Callable[[], float]
    measure: Callable[[Path], int]
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _uses: Sequence[Use] = field(default=(), init=False)
    _measured_at: float | None = field(default=None, init=False)
    _measuring: bool = field(default=False, init=False)

    def check(self) -> None:
        """Return if each disk has the room that a build needs.

        Raise DiskFull, naming who has most of it; measuring that takes a while, and is then in the next one. Raise DockerUnavailable,
        FileProblem, InvalidConfig.
        """
        wanted = self.settings.current().disk_reserve
        low = [space for space in self.disks.all() if missing(space, wanted) or short_of_inodes(space)]
        if not low:
            return
        self._begin()
        space = low[0]
        raise DiskFull(
            f"the disk of {space.path} has only {readable_size(space.free)} of {readable_size(space.total)} free"
            f"{most_of(self._uses)}",
            hint="deployhost prune",
        )

    def _begin(self) -> None:
        with self._lock:
            at = self._measured_at
            if self._measuring or (at is not None and self.monotonic() - at < KNOWN_FOR):
                return
            self._measuring = True
        threading.Thread(target=self._look, name="disk users", daemon=True).start()

    def _look(self) -> None:
        try:
            uses = self._read()
            with self._lock:
                self._uses = uses
        except DeployhostError:
            pass  # the engine is away, or apps.yml has a mistake: it is tried again
        finally:
            with self._lock:
                self._measuring, self._measured_at = False, self.monotonic()

    def _read(self) -> list[Use]:
        written, uses = self.docker.written(), list[Use]()
        for app in self.apps.known:
            uses.append(Use(app, "containers", written.get(app, 0)))
            storage = self.paths.storage(app)
            if storage.is_dir():
                uses.append(Use(app, "storage", self.measure(storage)))
        return uses


def size_below(path: Path) -> int:
    """Return the bytes that a directory and all below it take on their file system; 0 if that can't be read.

    By du(1), which leaves Python's one lock to others however many files there are.
    """
    argv = ["nice", "-n", "19", "du", "--summarize", "--one-file-system", "--block-size=1", "--", str(path)]
    try:
        said = run(argv, timeout=WALK, check=False).stdout.split()
    except DeployhostError:
        return 0
    return int(said[0]) if said and said[0].isdigit() else 0
