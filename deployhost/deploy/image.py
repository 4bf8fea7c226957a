"""The image of a deploy: built from the commit, or that of the live release again when only settings changed."""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from deployhost.build.labels import SOURCE_LABEL
from deployhost.build.plan import BuildPlan
from deployhost.containers.attempt import Attempt
from deployhost.deploy.queue import REPEATS
from deployhost.errors import CommandStopped, NotFound
from deployhost.journal.releases import Releases
from deployhost.kamal import contract
from deployhost.model import AppName, Release, RuntimeName
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Image
from deployhost.system.git import BareRepository
from deployhost.system.stop import Stop


class Builder(Protocol):
    """What builds an image: build.image.ImageBuilder, or a fake."""

    def build(
        self,
        plan: BuildPlan,
        *,
        app: AppName,
        context: Path,
        work: Path,
        reference: str,
        source: str,
        stand_in: bool,
        fresh: bool,
        on_line: Callable[[str], None],
        say: Callable[[str], None],
        stop: Stop,
    ) -> Image:
        """Given a plan and a context directory, build the image under that reference. Raise BuildFailed, BaseImageUnavailable."""


class Planner(Protocol):
    """What plans a build: build.planner.Planner, or a fake."""

    def plan(
        self,
        directory: Path,
        app: AppName,
        *,
        storage: bool | None,
        variables: Mapping[str, str],
        runtime: RuntimeName | None,
        web: bool,
        stop: Stop | None,
    ) -> BuildPlan:
        """Given a directory and what is known of its app, return what would be built. Raise NothingRecognised, BuildFailed, CommandStopped."""


class Images:
    """Given the engine, a builder, what plans, the journal's releases and the paths, provide each deploy's image.

    `room` raises DiskFull where a disk has no room for a build.
    """

    def __init__(
        self,
        docker: Docker,
        builder: Builder,
        releases: Releases,
        paths: Paths,
        room: Callable[[Callable[[str], None]], None],
        *,
        planner: Planner,
    ) -> None:
        self._room = room
        self._planner = planner
        self._docker = docker
        self._builder = builder
        self._releases = releases
        self._paths = paths

    def provide(self, attempt: Attempt) -> Image:
        """Given an attempt, return its image, tagged. Raise what the build raises; NotFound."""
        app, target = attempt.deploy.app, attempt.deploy.target
        if attempt.deploy.trigger in REPEATS:
            return self._again(attempt, self._releases.live(app), f"deployhost deploy {app}")
        if target is not None:
            return self._again(attempt, self._releases.get(app, target), f"deployhost deploy {app} {target.sha.short}")
        return self._built(attempt)

    def _again(self, attempt: Attempt, release: Release | None, hint: str) -> Image:
        app = attempt.deploy.app
        image = None if release is None else self._docker.image(release.image)
        if image is None:
            raise NotFound(f"the image of that release of {app} is gone", hint=hint)
        self._docker.tag(image.id, contract.image(app, attempt.version))
        return image

    def _built(self, attempt: Attempt) -> Image:
        deploy, config, progress = attempt.deploy, attempt.config, attempt.progress
        self._room(progress.note)
        context = self._paths.build_tree(deploy.app)
        with progress.stage("fetch"), ThreadPoolExecutor(max_workers=1) as beside:
            repository = BareRepository(self._paths.repo(deploy.app))
            commit = beside.submit(repository.commit, deploy.sha)  # 5 ms each
            repository.check_out(deploy.sha, context)
            tree = commit.result().tree
        with progress.stage("plan"):
            plan = self._planned(attempt, context)
        reference = contract.image(deploy.app, attempt.version)
        source = source_of(tree, plan)
        known = None if deploy.rebuild else self._known(deploy.app, source)
        if known is not None:
            progress.note("these very files are built already: that image is used again (--rebuild builds anew)")
            self._docker.tag(known.id, reference)
            return known
        work = self._paths.build_work(deploy.app)
        work.mkdir(parents=True, exist_ok=True, mode=0o700)
        with progress.stage("build", detail=plan.runtime):
            try:
                return self._builder.build(
                    plan,
                    app=deploy.app,
                    context=context,
                    work=work,
                    reference=reference,
                    source=source,
                    stand_in=config.stand_in_bases,
                    fresh=deploy.rebuild,
                    on_line=progress.output,
                    say=progress.note,
                    stop=attempt.stop,
                )
            except CommandStopped:
                attempt.check()
                raise

    def _planned(self, attempt: Attempt, context: Path) -> BuildPlan:
        """Given an attempt and its files, return how they are built, having said what its owner should know."""
        config = attempt.config
        try:
            plan = self._planner.plan(
                context,
                attempt.deploy.app,
                storage=config.storage,
                variables=attempt.env,
                runtime=config.runtime,
                web=config.names_web,
                stop=attempt.stop,
            )
        except CommandStopped:
            attempt.check()
            raise
        for warning in plan.warnings:
            attempt.progress.note(f"warning: {warning}")
        return plan

    def _known(self, app: AppName, source: str) -> Image | None:
        """Return the newest image of the app's releases that was built from exactly that, or None.

        Only what has been live counts: an image that nobody has seen work may owe that to its build.
        """
        released = {release.image for release in self._releases.of_app(app)}
        found = self._docker.images(f"{SOURCE_LABEL}={source}")
        return next((image for image in found if image.id in released), None)


def source_of(tree: str, plan: BuildPlan) -> str:
    """Given a commit's tree and how it is built, return what names the image's content: the same, the same image."""
    # The plan's own texts count: they are another version's of deployhost, or of another base, once they differ.
    parts = (tree, plan.dockerfile or "", plan.dockerignore or "", *plan.refs)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
