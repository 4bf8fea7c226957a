"""A Dockerfile of somebody's, made ready: what it names is checked and here, what it adds is fetched, and BuildKit is told its limits."""

import hashlib
import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from deployhost.build import registries
from deployhost.build.bases import Bases
from deployhost.build.overlay import Overlay
from deployhost.build.registries import Reference
from deployhost.build.sources import addresses_plan, frontend_plan, source_policy, sources_plan
from deployhost.build.sources.additions import Addition, with_additions
from deployhost.build.sources.arguments import platform_arguments
from deployhost.build.sources.names import KNOWN, fetched_image, in_full
from deployhost.build.sources.sources_plan import ImageVerdict
from deployhost.build.sources.stages import ImageUse, Stages, check_trigger, read_stages
from deployhost.build.sources.text import (
    Directives,
    LineRefused,
    read_directives,
    read_instructions,
    read_trigger,
)
from deployhost.build.sources.written import written
from deployhost.config.server import ServerSettings
from deployhost.errors import DownloadFailed, SourceRefused
from deployhost.model import AppName
from deployhost.system import files
from deployhost.system.addresses import HostAddresses
from deployhost.system.docker import Docker
from deployhost.system.docker_model import EngineInfo, Image
from deployhost.system.guarded_download import GuardedDownload
from deployhost.system.stop import Stop
from deployhost.system.tree import discard_tree

POLICY = "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY"
ADDED_MODE = 0o600  # as BuildKit gives what it fetches itself
NOT_PULLED = "the image on this server was not pulled from a registry"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """A Dockerfile's text that is ready to be built, what docker's environment needs for it, and the image of what was fetched, or ""."""

    text: str
    environment: dict[str, str] = field(default_factory=dict)
    fetched: str = ""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be made ready: for which app, with which build arguments, and in which directory there is room for files."""

    app: AppName
    work: Path
    stand_in: bool
    policies: bool
    say: Say
    credentials: bool = False
    given: Mapping[str, str] = field(default_factory=dict)
    stop: Stop | None = None

    @property
    def fetched(self) -> str:
        """Return the reference of the image that holds what was fetched for this build."""
        return fetched_image(self.app)


@dataclass(frozen=True, kw_only=True)
class BuildSources:
    """Makes Dockerfiles ready. `engine` tells what the Docker engine says of itself."""

    docker: Docker
    bases: Bases
    server: ServerSettings
    engine: Callable[[], EngineInfo]
    download: GuardedDownload
    own: Callable[[], Collection[addresses_plan.Address]] = HostAddresses().every

    def environment(self, bases: Collection[str], asked: Asked) -> dict[str, str]:
        """Return what docker's environment needs for a Dockerfile of ours, whose bases are here."""
        found = [reference for reference in map(in_full, bases) if reference is not None]
        return self._policy(asked, source_policy.policy(found))

    def ready(self, text: str, asked: Asked) -> Prepared:
        """Return a person's own Dockerfile, ready.

        Raises SourceRefused, BaseImageUnavailable, DockerUnavailable, CommandStopped, FileProblem.
        """
        try:
            return self._ready(text, asked)
        except LineRefused as error:
            raise SourceRefused(f"line {error.line} of the Dockerfile: {error.why}") from error
        finally:
            discard_tree(asked.work / "added")

    def _ready(self, text: str, asked: Asked) -> Prepared:
        directives = read_directives(text)
        syntax = self._syntax(directives, asked)
        if syntax is not None and not sources_plan.is_frontend(syntax):
            return Prepared(text, self._policy(asked, self._open_policy(syntax)))
        instructions = read_instructions(text, directives.escape)
        frontend_plan.check_heredocs(instructions, syntax, self.engine().version)
        stages = read_stages(
            instructions,
            escape=directives.escape,
            given=asked.given,
            platform=platform_arguments(os.uname().machine),
        )
        images = self._have(stages, asked)
        if syntax is not None and (frontend := self.docker.image(syntax.familiar)) is not None:
            triggers = [read_trigger(text, 1) for image in images.values() for text in image.on_build]
            frontend_plan.check_caches([*instructions, *triggers], syntax, frontend.labels)
        found, additions = with_additions(stages, asked.fetched, asked.given, _variables(images), directives.escape)
        ready = written(directives, "" if syntax is None else syntax.full, found)
        allowed = {use.reference for _, use in stages.uses()} | ({syntax} if syntax is not None else set())
        if additions:
            allowed |= {one for one in [in_full(asked.fetched)] if one is not None}
        environment = self._policy(asked, source_policy.policy(sorted(allowed, key=lambda one: one.full)))
        if additions:
            self._fetch(additions, asked)  # last: what fails after it would leave its image behind
        return Prepared(ready, environment, asked.fetched if additions else "")

    # Images

    def _syntax(self, directives: Directives, asked: Asked) -> Reference | None:
        """Return the frontend that the Dockerfile asks for, here; None where there is none, or it can be done without."""
        if not directives.syntax:
            return None
        line, shown = directives.syntax_line, f"# syntax={directives.syntax[:200]}"
        reference = in_full(directives.syntax)
        if reference is None:
            raise LineRefused(line, f"{shown} is not the name of an image")
        if not sources_plan.is_frontend(reference) and not self._enforces(asked):
            raise LineRefused(
                line,
                f"{shown}: before Docker {source_policy.ENGINE} with buildx 0.11 only docker/dockerfile is allowed",
            )
        self._check(ImageUse(reference, line, shown), asked)
        optional = asked.stand_in and sources_plan.is_frontend(reference)
        if self.bases.has_frontend(
            reference.familiar, line=line, optional=optional, say=asked.say, stop=asked.stop, logins=asked.credentials
        ):
            return reference
        asked.say(f"{shown} can't be had: building without it")
        return None

    def _have(self, stages: Stages, asked: Asked) -> dict[Reference, Image]:
        """Have each image that is needed, and return them. Raises LineRefused, SourceRefused, BaseImageUnavailable."""
        needed = stages.needed()
        found: dict[Reference, Image] = {}
        for index, use in stages.uses():
            if use.reference in found:
                continue
            what = self._check(use, asked)
            if index not in needed:
                continue
            if what is ImageVerdict.GET:
                self.bases.require(
                    use.reference.familiar,
                    line=use.line,
                    stand_in=asked.stand_in,
                    say=asked.say,
                    stop=asked.stop,
                    logins=asked.credentials,
                )
            image = self.docker.image(use.reference.familiar)
            if image is not None:
                found[use.reference] = image
                for text in image.on_build:
                    check_trigger(read_trigger(text, use.line), text.strip())
        return found

    def _check(self, use: ImageUse, asked: Asked) -> ImageVerdict:
        """Return what to do with an image. Raises SourceRefused."""
        why = sources_plan.refusal(use.reference, asked.app, self._named())
        if why:
            raise self._refused(use, why)
        origin = self.bases.origin(use.reference, logins=asked.credentials)
        what = sources_plan.verdict(use.reference, origin, stand_in=asked.stand_in)
        if what is None:
            raise self._refused(use, f"{NOT_PULLED}, so that only its owner may use it")
        if origin is sources_plan.Origin.MADE_HERE and what is ImageVerdict.GET:
            asked.say(f"{use.shown}: {NOT_PULLED}, so that it is not used")
        return what

    def _refused(self, use: ImageUse, why: str) -> SourceRefused:
        registry = use.reference.registry
        hint = ""
        if why.startswith(registries.shown(registry)):
            known = self.server.has("registries")
            hint = (
                f"editor {self.server.path}" if known else f"echo 'registries: [\"{registry}\"]' >> {self.server.path}"
            )
        return SourceRefused(f"line {use.line} of the Dockerfile: {use.shown} is refused: {why}", hint=hint)

    def _named(self) -> frozenset[str]:
        config = self.server.current()
        return frozenset((*config.registries, *(mirror.partition("/")[0] for mirror in config.mirrors)))

    # What BuildKit enforces

    def _enforces(self, asked: Asked) -> bool:
        return asked.policies and frontend_plan.major(self.engine().version) >= source_policy.ENGINE

    def _policy(self, asked: Asked, text: str) -> dict[str, str]:
        """Return the environment that has BuildKit obey a policy; nothing where it can't."""
        if not self._enforces(asked):
            return {}
        path = asked.work / "sources.json"
        files.write_atomically(path, text.encode())
        return {POLICY: str(path)}

    def _open_policy(self, frontend: Reference) -> str:
        """Return the policy for a frontend that names images by itself: what is public, but nothing that was made here."""
        local = [reference for reference in map(in_full, self.docker.tags()) if reference is not None]
        denied = [one for one in local if self.bases.origin(one) is not sources_plan.Origin.PULLED]
        return source_policy.open_policy(sorted({*KNOWN, *self._named(), frontend.registry}), denied)

    # What ADD fetches

    def _fetch(self, additions: list[Addition], asked: Asked) -> None:
        """Fetch files, and have an image that holds them."""
        folder = asked.work / "added"
        discard_tree(folder)
        files.make_directory(folder, 0o700)
        refuse = partial(addresses_plan.refusal, own=self.own())
        left = self.download  # what one file may be, all of them together may be
        with Overlay(folder / "added.tar") as overlay:
            for number, one in enumerate(additions):
                target = folder / str(number)
                asked.say(f"fetching {one.url}")
                try:
                    began = time.monotonic()
                    got = left.to_file(one.url, target, refuse, asked.stop)
                    took = time.monotonic() - began
                    left = replace(left, largest=left.largest - got.size, longest=left.longest - took)
                except DownloadFailed as error:
                    raise SourceRefused(f"line {one.line} of the Dockerfile: ADD {one.url}: {error.message}") from error
                _check_sum(one, target)
                overlay.from_disk(one.path.lstrip("/"), target, ADDED_MODE, got.modified)
                target.unlink()
        self.docker.remove_image(asked.fetched)  # of a build that was broken off
        self.docker.import_tar(str(folder / "added.tar"), asked.fetched)


def _check_sum(one: Addition, path: Path) -> None:
    """Raise SourceRefused if a file has not the checksum that its line gives."""
    kind, _, wanted = one.checksum.partition(":")
    if not kind:
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, kind).hexdigest()
    if found != wanted:
        raise SourceRefused(f"line {one.line} of the Dockerfile: ADD {one.url}: its checksum is {kind}:{found}")


def _variables(images: Mapping[Reference, Image]) -> dict[str, dict[str, str]]:
    return {
        reference.full: {name: value for name, _, value in (one.partition("=") for one in image.env)}
        for reference, image in images.items()
    }
