"""The image of a deploy: built from the commit, or that of the live release again when only settings changed."""

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deployhost.build.cache_key import cache_key
from deployhost.build.image import ImageBuilder
from deployhost.build.labels import SOURCE_LABEL
from deployhost.build.plan import BuildPlan
from deployhost.build.planning_pool import PlanningPool
from deployhost.config.env import revealed
from deployhost.containers.app_users import AppUsers
from deployhost.containers.attempt import Attempt
from deployhost.deploy.build_turns import BuildTurns
from deployhost.deploy.queue import REPEATS
from deployhost.errors import NotFound
from deployhost.journal.releases import Releases
from deployhost.kamal import contract
from deployhost.model import AppName, Release
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Image
from deployhost.system.git import BareRepository
from deployhost.traffic.host_isolation import HostIsolation


@dataclass(frozen=True, kw_only=True)
class Images:
    """Provides each deploy's image: built, or that of an earlier release."""

    docker: Docker
    builder: ImageBuilder
    planner: PlanningPool
    releases: Releases
    app_users: AppUsers
    paths: Paths
    host_isolation: HostIsolation
    repository: Callable[[AppName], BareRepository]
    turns: BuildTurns

    def provide(self, attempt: Attempt) -> Image:
        """Return the image of an attempt, tagged. Raise what the build raises; NotFound; CommandStopped once its `stop` is set."""
        app, target = attempt.deploy.app, attempt.deploy.target
        if attempt.deploy.trigger in REPEATS:
            return self._again(attempt, self.releases.live(app), f"deployhost deploy {app}")
        if target is not None:
            return self._again(attempt, self.releases.get(app, target), f"deployhost deploy {app} {target.sha.short}")
        with self.host_isolation.building(app) as kept_away:  # that takes as long as fetching and planning do
            return self._built(attempt, kept_away)

    def _again(self, attempt: Attempt, release: Release | None, hint: str) -> Image:
        app = attempt.deploy.app
        image = None if release is None else self.docker.image(release.image)
        if image is None:
            raise NotFound(f"the image of that release of {app} is gone", hint=hint)
        self.docker.tag(image.id, contract.image(app, attempt.version))
        return image

    def _built(self, attempt: Attempt, kept_away: Callable[[], None]) -> Image:
        deploy, config, progress = attempt.deploy, attempt.config, attempt.progress
        context = self.paths.build_tree(deploy.app)
        with progress.stage("fetch"):
            files = self.repository(deploy.app).check_out(deploy.sha, context, attempt.stop)
        with progress.stage("plan"):
            plan = self._planned(attempt, context)
        reference = contract.image(deploy.app, attempt.version)
        uid = self.app_users.uid_of(deploy.app) if plan.kind == "generated" else None
        source = source_of(files, plan, uid)
        known = None if deploy.rebuild else self._known(deploy.app, source)
        if known is not None:
            progress.note("these very files are built already: that image is used again (--rebuild builds anew)")
            self.docker.tag(known.id, reference)
            return known
        work = self.paths.build_work(deploy.app)
        work.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Before the turn: a registry that takes its time must not keep other builds waiting.
        with progress.stage("pull") if self.builder.lacks_images(plan) else contextlib.nullcontext():
            ready = self.builder.prepare(
                plan,
                app=deploy.app,
                context=context,
                work=work,
                stand_in=config.stand_in_bases,
                credentials=config.build_credentials,
                say=progress.note,
                stop=attempt.stop,
            )
        with contextlib.ExitStack() as stack:
            stack.callback(self.builder.discard, ready)
            stack.enter_context(self.turns.turn(attempt))
            stack.enter_context(progress.stage("build", detail=plan.runtime))
            kept_away()
            return self.builder.build(
                plan,
                ready=ready,
                key=cache_key(work),
                app=deploy.app,
                context=context,
                reference=reference,
                source=source,
                fresh=deploy.rebuild,
                credentials=config.build_credentials,
                on_line=progress.output,
                say=progress.note,
                uid=uid,
                stop=attempt.stop,
            )

    def _planned(self, attempt: Attempt, context: Path) -> BuildPlan:
        """Return how an attempt's files are built, having said what their owner should know."""
        config = attempt.config
        plan = self.planner.plan(
            context,
            attempt.deploy.app,
            storage=config.storage,
            variables=revealed(attempt.env),
            runtime=config.runtime,
            web=config.names_web,
            stop=attempt.stop,
        )
        for warning in plan.warnings:
            attempt.progress.note(f"warning: {warning}")
        return plan

    def _known(self, app: AppName, source: str) -> Image | None:
        """Return the newest image of the app's releases that was built from exactly that, or None.

        Only what has been live counts: an image that nobody has seen work may owe that to its build.
        """
        released = {release.image for release in self.releases.of_app(app)}
        return next((image for image in self.docker.images(f"{SOURCE_LABEL}={source}") if image.id in released), None)


def source_of(files: str, plan: BuildPlan, uid: int | None = None) -> str:
    """Return what names the content of an image, from a digest of a commit's files, how it is built, and the uid that it was given.

    The same name, the same image.
    """
    # The plan's own texts count: they are another version's of deployhost, or of another base, once they differ.
    parts = (files, plan.dockerfile or "", plan.dockerignore or "", *plan.refs, *(() if uid is None else (str(uid),)))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
