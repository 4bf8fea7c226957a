"""The image of a deploy: built from the commit, or that of the live release again when only settings changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from deployhost.build.directory import DirectoryTree, load_templates
from deployhost.build.plan import BuildPlan, plan_build
from deployhost.config.app import AppConfig
from deployhost.deploy.report import Progress
from deployhost.errors import NotFound
from deployhost.journal.releases import Releases
from deployhost.kamal import contract
from deployhost.model import AppName, Deploy, Trigger, Version
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Image
from deployhost.system.git import BareRepository

BUILD_TIMEOUT = 1800.0  # seconds


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
        stand_in: bool,
        fresh: bool,
        timeout: float,
        on_line: Callable[[str], None],
        say: Callable[[str], None],
    ) -> Image:
        """Given a plan and a context directory, build the image under that reference. Raise BuildFailed, BaseImageUnavailable."""


class Images:
    """Given the engine, a builder, the journal's releases and the paths, provide each deploy's image."""

    def __init__(self, docker: Docker, builder: Builder, releases: Releases, paths: Paths) -> None:
        self._docker = docker
        self._builder = builder
        self._releases = releases
        self._paths = paths

    def provide(self, deploy: Deploy, version: Version, config: AppConfig, progress: Progress) -> Image:
        """Given a deploy and its version, return its image, tagged. Raise what the build raises; NotFound."""
        if deploy.trigger in (Trigger.RESTART, Trigger.SETTINGS):
            return self._again(deploy.app, version)
        return self._built(deploy, version, config, progress)

    def _again(self, app: AppName, version: Version) -> Image:
        live = self._releases.live(app)
        image = None if live is None else self._docker.image(live.image)
        if image is None:
            raise NotFound(f"the image of {app}'s live release is gone", hint=f"deployhost deploy {app}")
        self._docker.tag(image.id, contract.image(app, version))
        return image

    def _built(self, deploy: Deploy, version: Version, config: AppConfig, progress: Progress) -> Image:
        context = self._paths.build_tree(deploy.app)
        with progress.stage("fetch"):
            BareRepository(self._paths.repo(deploy.app)).check_out(deploy.sha, context)
        with progress.stage("plan"):
            plan = plan_build(DirectoryTree(context), app=deploy.app, templates=load_templates())
            for warning in plan.warnings:
                progress.note(f"warning: {warning}")
        work = self._paths.build_work(deploy.app)
        work.mkdir(parents=True, exist_ok=True, mode=0o700)
        with progress.stage("build", detail=plan.runtime):
            return self._builder.build(
                plan,
                app=deploy.app,
                context=context,
                work=work,
                reference=contract.image(deploy.app, version),
                stand_in=config.stand_in_bases,
                fresh=deploy.rebuild,
                timeout=BUILD_TIMEOUT,
                on_line=progress.output,
                say=progress.note,
            )
