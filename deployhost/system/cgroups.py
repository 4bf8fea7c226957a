"""The kernel's cgroups, of version 1 (a tree per controller) and 2 (one for all): make, limit and watch them."""

import contextlib
import itertools
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.errors import FileProblem
from deployhost.system.files import problem

CONTROLLERS = ("cpu", "cpuset", "memory", "pids", "io", "blkio")
OOM_KILLS = "oom_kill"


@dataclass(frozen=True)
class Cgroups:
    """Where the trees are mounted: `trees` by controller; with version 2 all are the same one."""

    unified: bool
    trees: dict[str, Path] = field(default_factory=dict)

    def group(self, controller: str, name: str) -> Path | None:
        """Return the directory of a cgroup, there or not; its name is from the top ("docker/buildkit")."""
        tree = self.trees.get(controller)
        return None if tree is None else tree / name

    def ensure(self, name: str) -> frozenset[str]:
        """Have a cgroup in every tree and return the names of its files. Raises FileProblem."""
        for tree in sorted(set(self.trees.values())):
            path = tree / name
            try:
                path.mkdir(parents=True, exist_ok=True)
                if self.unified:
                    _pass_on(tree, name)
                elif tree == self.trees.get("cpuset"):
                    _inherit(tree, name)
            except OSError as error:
                raise problem("write", path, error) from error
        return self.files(name)

    def named(self, pattern: str) -> Iterator[str]:
        """Yield the cgroups that are there whose name matches a pattern, by the first tree."""
        for tree in sorted(set(self.trees.values()))[:1]:
            yield from (str(path.relative_to(tree)) for path in tree.glob(pattern) if path.is_dir())

    def files(self, name: str) -> frozenset[str]:
        """Return the names of a cgroup's files; none if it is gone."""
        found: set[str] = set()
        for tree in set(self.trees.values()):
            with contextlib.suppress(OSError):
                found.update(entry.name for entry in os.scandir(tree / name) if entry.is_file())
        return frozenset(found)

    def write(self, name: str, settings: Iterable[tuple[str, str, str]]) -> None:
        """Write (controller, file, value) into a cgroup where it does not stand yet. Raises FileProblem.

        A limit that depends on another (memory on memory and swap, in either order) is tried again after the others.
        """
        left = list(settings)
        while left:
            failed = [(one, error) for one in left if (error := self._write(name, *one)) is not None]
            if len(failed) == len(left):
                raise failed[0][1]
            left = [one for one, _ in failed]

    def move(self, controller: str, pattern: str, target: str) -> None:
        """Move every process of the cgroups that match a pattern to another cgroup.

        Version 1 only: there, a process may be elsewhere for each controller. A process that has ended is left out.
        """
        tree = self.trees.get(controller)
        if self.unified or tree is None:
            return
        for path in tree.glob(f"{pattern}/cgroup.procs"):
            with contextlib.suppress(OSError):
                for process in path.read_text(encoding="ascii").split():
                    with contextlib.suppress(OSError):
                        (tree / target / "cgroup.procs").write_text(process, encoding="ascii")

    @contextlib.contextmanager
    def watched(self, name: str) -> Iterator["OutOfMemory"]:
        """Yield what says whether the kernel killed a process of a cgroup, or of one below, for memory since now."""
        memory = self.group("memory", name)
        if memory is None:
            yield OutOfMemory()
        elif self.unified:
            yield OutOfMemory(memory, kills(memory))
        else:
            with _notified(memory) as descriptor:
                yield OutOfMemory(descriptor=descriptor)

    def _write(self, name: str, controller: str, file: str, value: str) -> FileProblem | None:
        directory = self.group(controller, name)
        if directory is None:
            return None
        path = directory / file
        try:
            if path.read_text(encoding="ascii").strip() != value:
                path.write_text(value, encoding="ascii")
        except OSError as error:
            return problem("write", path, error)
        return None


def _pass_on(tree: Path, name: str) -> None:
    """Have the controllers in a cgroup of version 2: each one above it must pass them on."""
    for above in _from_top(tree, name)[:-1]:
        control = above / "cgroup.subtree_control"
        passed = control.read_text(encoding="ascii").split()
        offered = (above / "cgroup.controllers").read_text(encoding="ascii").split()
        for controller in CONTROLLERS:
            if controller in offered and controller not in passed:
                with contextlib.suppress(OSError):  # what can't be had is missing among the files, and told there
                    control.write_text(f"+{controller}", encoding="ascii")


def _inherit(tree: Path, name: str) -> None:
    """Have a cpuset of version 1 hold what its parent does where it is new: one without CPUs takes no process (cpusets.rst)."""
    for above, group in itertools.pairwise(_from_top(tree, name)):
        for file in ("cpuset.cpus", "cpuset.mems"):
            if not (group / file).read_text(encoding="ascii").strip():
                (group / file).write_text((above / file).read_text(encoding="ascii"), encoding="ascii")


def _from_top(tree: Path, name: str) -> list[Path]:
    """Return the tree's root, then every cgroup on the way to one, itself the last."""
    return list(itertools.accumulate(Path(name).parts, Path.joinpath, initial=tree))


@dataclass
class OutOfMemory:
    """Whether the kernel has killed for memory: by version 2's counter, which was at `before`, or version 1's notification."""

    group: Path | None = None
    before: int = 0
    descriptor: int | None = None
    has_happened: bool = False

    def happened(self) -> bool:
        """Return whether it has, since this was made."""
        if self.group is not None:
            self.has_happened = self.has_happened or kills(self.group) > self.before
        elif self.descriptor is not None:
            with contextlib.suppress(OSError):  # nothing to read: nothing happened
                self.has_happened = os.eventfd_read(self.descriptor) > 0 or self.has_happened
        return self.has_happened


def find(controllers: Collection[str] = CONTROLLERS, mounts: Path = Path("/proc/self/mounts")) -> Cgroups:
    """Return where the controllers' cgroups are mounted; version 1 counts where it has any of them."""
    trees: dict[str, Path] = {}
    second: Path | None = None
    with contextlib.suppress(OSError):
        for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
            _, point, kind, options, *_ = (*line.split(), "", "", "", "")
            if kind == "cgroup":
                trees.update({one: Path(point) for one in options.split(",") if one in controllers})
            elif kind == "cgroup2":
                second = Path(point)
    if trees or second is None:
        return Cgroups(unified=False, trees=trees)
    return Cgroups(unified=True, trees=dict.fromkeys(controllers, second))


def kills(directory: Path) -> int:
    """Return how many processes were killed for memory in a cgroup's directory (version 2) and below."""
    with contextlib.suppress(OSError, ValueError):
        for line in (directory / "memory.events").read_text(encoding="ascii").splitlines():
            name, _, count = line.partition(" ")
            if name == OOM_KILLS:
                return int(count)
    return 0


@contextlib.contextmanager
def _notified(memory: Path) -> Iterator[int | None]:
    """Yield an eventfd that the kernel raises when the cgroup runs out of memory (cgroup-v1/memory.rst, section 10)."""
    event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    asked = False
    try:
        with contextlib.suppress(OSError), (memory / "memory.oom_control").open("rb") as control:
            (memory / "cgroup.event_control").write_text(f"{event} {control.fileno()}", encoding="ascii")
            asked = True
        yield event if asked else None
    finally:
        os.close(event)
