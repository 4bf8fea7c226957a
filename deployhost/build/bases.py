"""The images that Dockerfiles start from: here already, pulled, from a mirror, or made on this server."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deployhost.build import registries
from deployhost.build.labels import STAND_IN_LABEL
from deployhost.build.registries import Reference
from deployhost.build.sources.sources_plan import Origin
from deployhost.build.stand_in import StandIns, kept_as
from deployhost.build.stand_in_plan import recipe_for
from deployhost.config.server import MIRRORS
from deployhost.errors import BaseImageUnavailable, DockerUnavailable, NotFound
from deployhost.system import files
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Image
from deployhost.system.stop import Stop

HUB_WAIT = 8.0  # seconds for a registry's first answer
MIRROR_WAIT = 3.0
SILENCE = 120.0  # seconds without a byte in a download that has begun
REMEMBERED = 3600.0  # a registry that can't be reached is not asked again for so long, where there is another way
REMEMBERED_BRIEFLY = 60.0  # … and where there is none, as a build fails each time that it is not asked
LOCK_TIMEOUT = 1800.0

Say = Callable[[str], None]
LOGIN_ADVICE = "`build_credentials: true` for the app in apps.yml lets it use the server's login to that registry"
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
        *,
        logged_in: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._docker = docker
        self._dir = state_dir / "bases"
        self._mirrors = mirrors
        self._now = now
        self._logged_in = logged_in
        self._stand_ins = stand_ins or StandIns(docker, self._dir / "making", os.environ)

    def has(self, reference: str) -> bool:
        """Return whether an image of that name is here, whatever it is."""
        return self._docker.image(reference) is not None

    def ensure(self, reference: str, *, say: Say, stop: Stop | None = None) -> None:
        """Have the base of a Dockerfile of ours, by whichever way works; say which one did.

        Raises BaseImageUnavailable if none does, CommandStopped once `stop` is set.
        """
        stop = stop or Stop()
        self._once(
            reference, lambda: self.has(reference), stop, lambda: self._get(reference, True, True, say, stop=stop)
        )

    def require(
        self, reference: str, *, line: int, stand_in: bool, say: Say, stop: Stop | None = None, logins: bool = False
    ) -> None:
        """Have a base that line `line` of a person's own Dockerfile names: a stand-in only where `stand_in` allows it.

        Only an image that was pulled counts, with the host's logins only where `logins` allows it.
        Raises BaseImageUnavailable, naming image and line; CommandStopped.
        """
        parsed = Reference.parse(reference)
        # What was made here under an official image's name is left to its owner unless the real one can be had.
        stand_in = stand_in and self.origin(parsed) is not Origin.MADE_HERE
        another_way = stand_in and recipe_for(parsed) is not None
        enough = {Origin.PULLED, Origin.STAND_IN} if stand_in else {Origin.PULLED}
        named = f"FROM {reference} (line {line})"
        stop = stop or Stop()
        get = partial(self._get, reference, stand_in, another_way, say, stop=stop, named=named, logins=logins)
        self._once(reference, lambda: self.origin(parsed, logins=logins) in enough, stop, get)

    def has_frontend(
        self, reference: str, *, line: int, optional: bool, say: Say, stop: Stop | None = None, logins: bool = False
    ) -> bool:
        """Have the image of a `# syntax=` line and return True; False if it can't be had and is `optional`.

        Raises BaseImageUnavailable, naming the line, if it can't be had and is not; CommandStopped.
        """
        stop, named = stop or Stop(), f"# syntax={reference} (line {line})"
        try:
            get = partial(self._get, reference, False, optional, say, stop=stop, named=named, logins=logins)
            parsed = Reference.parse(reference)
            self._once(reference, lambda: self.origin(parsed, logins=logins) is Origin.PULLED, stop, get)
        except BaseImageUnavailable:
            if not optional:
                raise
            return False
        return True

    def origin(self, reference: Reference, *, logins: bool = True) -> Origin:
        """Return where the image that has this name on this server came from.

        Without `logins` one is absent that may have been pulled with the host's login, as not everybody may have it.
        """
        image = self._docker.image(reference.familiar)
        if image is None or not (logins or self._is_anybodys(reference, image)):
            return Origin.ABSENT
        recipe = recipe_for(reference)
        # What a person builds upon a stand-in inherits its label: only under a name that one would be given does it tell.
        if recipe is not None and image.labels.get(STAND_IN_LABEL) == recipe.key:
            kept = self._docker.image(kept_as(recipe))
            if kept is None or kept.id == image.id:
                return Origin.STAND_IN
        return Origin.PULLED if self._was_pulled(reference, image) else Origin.MADE_HERE

    def _was_pulled(self, reference: Reference, image: Image) -> bool:
        known = self._pulled_images()
        if image.id in (known.get(reference.full), known.get(_with_login(reference))):
            return True
        digests = map(Reference.parse, image.digests)
        if not any((one.registry, one.repository) == (reference.registry, reference.repository) for one in digests):
            return False
        return not self._docker.info().snapshotter

    def _is_anybodys(self, reference: Reference, image: Image) -> bool:
        return not self._has_login(reference) or self._pulled_images().get(reference.full) == image.id

    def _has_login(self, reference: Reference) -> bool:
        """Return whether the host has a login where an image is from. Official images are anybody's."""
        known = {registries.of_login(name) for name in self._logged_in()}
        return not reference.official and bool(known & {"*", reference.registry})

    def _once(self, reference: str, is_here: Callable[[], bool], stop: Stop, get: Callable[[], None]) -> None:
        """Get an image that is not here. Of several builds one gets it, and the others find it there."""
        if is_here():
            return
        files.make_directory(self._dir, 0o755)
        # A hash: no name that somebody makes up shares another one's lock, and so holds it up.
        named = hashlib.sha256(reference.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        with files.lock(self._dir / f"{named}.lock", timeout=LOCK_TIMEOUT, stop=stop):
            if not is_here():
                get()

    def _get(
        self,
        text: str,
        stand_in: bool,
        another_way: bool,
        say: Say,
        *,
        stop: Stop,
        named: str = "",
        logins: bool = True,
    ) -> None:
        reference = Reference.parse(text)
        recipe = recipe_for(reference)
        problems = self._pull(
            text, reference, REMEMBERED if another_way else REMEMBERED_BRIEFLY, say, stop=stop, logins=logins
        )
        if not problems:
            return
        why = "; ".join(f"{registries.shown(registry)}: {problem}" for registry, problem in problems.items())
        if recipe is None or not stand_in:
            lacks_login = not logins and self._has_login(reference)
            advice = STAND_IN_ADVICE if recipe is not None else LOGIN_ADVICE if lacks_login else ""
            raise BaseImageUnavailable(
                f"{named or f'the base image {text}'} can't be had",
                hint="editor /etc/deployhost/apps.yml" if advice else f"docker pull {text}",
                details=(*why.split("; "), *((advice,) if advice else ())),
            )
        say(f"{text} can't be pulled ({why})")
        self._stand_ins.make(recipe, text, say, stop)
        say(f"base image {text}: a stand-in made on this server from {recipe.made_of}")
        if recipe.warning:
            say(f"warning: {recipe.warning}")

    def _pull(
        self, text: str, reference: Reference, remembered: float, say: Say, *, stop: Stop, logins: bool
    ) -> dict[str, str]:
        """Try each place in turn. Return nothing if one had the image, else what each said."""
        problems: dict[str, str] = {}
        for source in self._places(text, reference):
            known = self._unreachable().get(source.registry)
            if known is not None and 0 <= self._now() - known[0] < remembered:
                problems[source.registry] = known[1]
                continue
            began = time.monotonic()
            if problem := self._pulled(source, stop, logins or reference.official):
                problems[source.registry] = problem
                continue
            if source.reference != text:
                self._docker.tag(source.reference, text)
                self._docker.remove_image(source.reference)
            self._note_pulled(text, _with_login(reference) if logins and self._has_login(reference) else reference.full)
            took = time.monotonic() - began
            say(f"base image {text}: pulled from {registries.shown(source.registry)} in {took:.0f} s")
            return {}
        return problems

    def _places(self, text: str, reference: Reference) -> list[_Source]:
        mirrors = [(one.partition("/")[0], reference.on_mirror(one)) for one in self._mirrors() if reference.official]
        return [_Source(reference.registry, text, HUB_WAIT), *(_Source(*mirror, MIRROR_WAIT) for mirror in mirrors)]

    def _pulled(self, source: _Source, stop: Stop, logins: bool) -> str:
        """Pull from one place. Return "" if it worked, else why not; a registry that can't be reached is remembered."""
        try:
            self._docker.pull(source.reference, timeout=SILENCE, first=source.wait, stop=stop, logins=logins)
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

    # What was pulled: an engine that keeps images with containerd has digests of those made here too, and one that was pulled from
    # a mirror has none of the registry that it is named for.

    @property
    def _pulled_file(self) -> Path:
        return self._dir / "pulled.json"

    def _pulled_images(self) -> dict[str, str]:
        """Return the id of each image as it was pulled, by its reference in full."""
        try:
            raw = json.loads(files.read(self._pulled_file) or b"{}")
            return {str(name): str(image) for name, image in raw.items()}
        except (ValueError, AttributeError):
            return {}  # then each is pulled once more

    def _note_pulled(self, text: str, name: str) -> None:
        image = self._docker.image(text)
        if image is None:
            return
        with files.lock(self._dir / "pulled.lock"):
            known = self._pulled_images() | {name: image.id}
            files.write_atomically(self._pulled_file, json.dumps(known, indent=1).encode())

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


def _with_login(reference: Reference) -> str:
    """Return the name by which an image is noted that was pulled with a login of the host's."""
    return f"{reference.full} with a login"
