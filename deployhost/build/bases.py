"""The images that Dockerfiles start from: here already, pulled, from a mirror, or made on this server."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployhost.build import registries
from deployhost.build.labels import STAND_IN_LABEL
from deployhost.build.registries import Reference
from deployhost.build.stand_in import StandIns
from deployhost.build.stand_in_plan import recipe_for
from deployhost.config.server import MIRRORS
from deployhost.errors import BaseImageUnavailable, DockerUnavailable, NotFound
from deployhost.system import files
from deployhost.system.docker import Docker
from deployhost.system.stop import Stop

HUB_WAIT = 8.0  # seconds for a registry's first answer
MIRROR_WAIT = 3.0
SILENCE = 120.0  # seconds without a byte in a download that has begun
REMEMBERED = 3600.0  # a registry that can't be reached is not asked again for so long, where there is another way
REMEMBERED_BRIEFLY = 60.0  # … and where there is none, as a build fails each time that it is not asked
LOCK_TIMEOUT = 1800.0

Say = Callable[[str], None]
STAND_IN_ADVICE = "`stand_in_bases: true` for the app in apps.yml allows a stand-in made of Debian's packages"


@dataclass(frozen=True)
class _Source:
    """One place to pull from: the registry as it is remembered and shown, the reference there, and how long to wait for an answer."""

    registry: str
    reference: str
    wait: float


class Bases:
    """Has base images: here already, pulled, from a mirror or made on this server. `now` is in seconds since 1970.

    `stand_ins` makes what can't be pulled.
    """

    def __init__(
        self,
        docker: Docker,
        state_dir: Path,
        mirrors: Callable[[], Sequence[str]] = lambda: MIRRORS,
        now: Callable[[], float] = time.time,
        stand_ins: StandIns | None = None,
    ) -> None:
        self._docker = docker
        self._dir = state_dir / "bases"
        self._mirrors = mirrors
        self._now = now
        self._stand_ins = stand_ins or StandIns(docker, self._dir / "making", os.environ)

    def has(self, reference: str) -> bool:
        """Return whether an image of that name is here, whatever it is."""
        return self._docker.image(reference) is not None

    def ensure(self, reference: str, *, say: Say, stop: Stop | None = None) -> None:
        """Have the base of a Dockerfile of ours, by whichever way works; say which one did.

        Raises BaseImageUnavailable if none does, CommandStopped once `stop` is set.
        """
        stop = stop or Stop()
        self._once(reference, True, stop, lambda: self._get(reference, True, True, say, stop=stop))

    def require(self, reference: str, *, line: int, stand_in: bool, say: Say, stop: Stop | None = None) -> None:
        """Have a base that line `line` of a person's own Dockerfile names: a stand-in only where `stand_in` allows it.

        An image that was built or pulled on this server counts. Raises BaseImageUnavailable, naming image and line; CommandStopped.
        """
        another_way = stand_in and recipe_for(Reference.parse(reference)) is not None
        named = f"FROM {reference} (line {line})"
        stop = stop or Stop()
        self._once(
            reference, stand_in, stop, lambda: self._get(reference, stand_in, another_way, say, stop=stop, named=named)
        )

    def has_frontend(self, reference: str, *, line: int, optional: bool, say: Say, stop: Stop | None = None) -> bool:
        """Have the image of a `# syntax=` line and return True; False if it can't be had and is `optional`.

        Raises BaseImageUnavailable, naming the line, if it can't be had and is not; CommandStopped.
        """
        stop, named = stop or Stop(), f"# syntax={reference} (line {line})"
        try:
            self._once(
                reference, True, stop, lambda: self._get(reference, False, optional, say, stop=stop, named=named)
            )
        except BaseImageUnavailable:
            if not optional:
                raise
            return False
        return True

    def _counts(self, reference: str, stand_in: bool) -> bool:
        image = self._docker.image(reference)
        if image is None or stand_in or not image.labels.get(STAND_IN_LABEL):
            return image is not None
        # What a person builds upon a stand-in inherits its label: only under a name that one would be given does it tell.
        return recipe_for(Reference.parse(reference)) is None

    def _once(self, reference: str, stand_in: bool, stop: Stop, get: Callable[[], None]) -> None:
        """Get an image that is not here; `stand_in` says whether one counts. Of several builds one gets it, and the others find it there."""
        if self._counts(reference, stand_in):
            return
        files.make_directory(self._dir, 0o755)
        # A hash: no name that somebody makes up shares another one's lock, and so holds it up.
        named = hashlib.sha256(reference.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        with files.lock(self._dir / f"{named}.lock", timeout=LOCK_TIMEOUT, stop=stop):
            if not self._counts(reference, stand_in):
                get()

    def _get(self, text: str, stand_in: bool, another_way: bool, say: Say, *, stop: Stop, named: str = "") -> None:
        reference = Reference.parse(text)
        recipe = recipe_for(reference)
        problems = self._pull(text, reference, REMEMBERED if another_way else REMEMBERED_BRIEFLY, say, stop)
        if not problems:
            return
        why = "; ".join(f"{registries.shown(registry)}: {problem}" for registry, problem in problems.items())
        if recipe is None or not stand_in:
            raise BaseImageUnavailable(
                f"{named or f'the base image {text}'} can't be had",
                hint="editor /etc/deployhost/apps.yml" if recipe is not None else f"docker pull {text}",
                details=(*why.split("; "), *((STAND_IN_ADVICE,) if recipe is not None else ())),
            )
        say(f"{text} can't be pulled ({why})")
        self._stand_ins.make(recipe, text, say, stop)
        say(f"base image {text}: a stand-in made on this server from {recipe.made_of}")
        if recipe.warning:
            say(f"warning: {recipe.warning}")

    def _pull(self, text: str, reference: Reference, remembered: float, say: Say, stop: Stop) -> dict[str, str]:
        """Try each place in turn. Return nothing if one had the image, else what each said."""
        problems: dict[str, str] = {}
        for source in self._places(text, reference):
            known = self._unreachable().get(source.registry)
            if known is not None and 0 <= self._now() - known[0] < remembered:
                problems[source.registry] = known[1]
                continue
            began = time.monotonic()
            if problem := self._pulled(source, stop):
                problems[source.registry] = problem
                continue
            if source.reference != text:
                self._docker.tag(source.reference, text)
                self._docker.remove_image(source.reference)
            took = time.monotonic() - began
            say(f"base image {text}: pulled from {registries.shown(source.registry)} in {took:.0f} s")
            return {}
        return problems

    def _places(self, text: str, reference: Reference) -> list[_Source]:
        mirrors = [(one.partition("/")[0], reference.on_mirror(one)) for one in self._mirrors() if reference.official]
        return [_Source(reference.registry, text, HUB_WAIT), *(_Source(*mirror, MIRROR_WAIT) for mirror in mirrors)]

    def _pulled(self, source: _Source, stop: Stop) -> str:
        """Pull from one place. Return "" if it worked, else why not; a registry that can't be reached is remembered."""
        try:
            self._docker.pull(source.reference, timeout=SILENCE, first=source.wait, stop=stop)
        except NotFound as error:
            return registries.reason(error.message)
        except DockerUnavailable as error:
            self._docker.ping()  # an engine that went away says nothing of the registry
            why = registries.reason(error.message)
            if not registries.is_about_the_image(error.message):
                self._remember(source.registry, why)
            return why
        self._remember(source.registry, None)
        return ""

    # What is remembered of registries

    @property
    def _memory(self) -> Path:
        return self._dir / "registries.json"

    def _unreachable(self) -> dict[str, tuple[float, str]]:
        try:
            raw = json.loads(files.read(self._memory) or b"{}")
            return {str(name): (float(entry["at"]), str(entry["why"])) for name, entry in raw.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            return {}  # a spoilt memory costs a few seconds, no more

    def _remember(self, registry: str, why: str | None) -> None:
        with files.lock(self._dir / "registries.lock"):
            known = self._unreachable()
            if why is None and registry not in known:
                return
            known.pop(registry, None)
            if why is not None:
                known[registry] = (self._now(), why)
            text: Mapping[str, object] = {name: {"at": at, "why": said} for name, (at, said) in known.items()}
            files.write_atomically(self._memory, json.dumps(text, indent=1).encode())
