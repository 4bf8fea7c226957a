"""Builds without Docker: a planner in this process, and a builder that knows how each commit's app behaves."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from deployhost.build.cache_key import CacheKey
from deployhost.build.image import ImageBuilder, ReadyDockerfile
from deployhost.build.labels import of_image
from deployhost.build.plan import BuildPlan
from deployhost.build.planning_pool import PlanningPool
from deployhost.build.planning_process import plan_directory
from deployhost.build.sources.names import fetched_image
from deployhost.errors import BuildFailed
from deployhost.model import AppName, RuntimeName
from deployhost.system.docker_model import Image
from deployhost.system.stop import Stop, unless_stopped
from tests.fakes.docker import Behaviour, Engine, FakeDocker
from tests.fakes.life import Life


class PlannerHere(PlanningPool):
    """Plans builds as the daemon's planner does, but in this process."""

    def plan(
        self,
        directory: Path,
        app: AppName,
        *,
        storage: bool | None,
        variables: Mapping[str, str],
        runtime: RuntimeName | None = None,
        web: bool = False,
        stop: Stop | None = None,
    ) -> BuildPlan:
        """Given a directory and what is known of its app, return what would be built."""
        return plan_directory(directory, app, storage=storage, variables=variables, runtime=runtime, web=web)


class FakeBuilder(ImageBuilder):
    """Given the engine, how each commit's app behaves, and a life, builds without Docker. The tree's file COMMIT says which."""

    def __init__(self, engine: Engine, apps: Mapping[str, Behaviour], life: Life | None = None) -> None:
        self._engine = engine
        self._apps = apps
        self._life = life or Life()
        self.during: Callable[[], None] = lambda: None  # what happens meanwhile
        self.pulls: Callable[[], object] | None = None  # what a pull does, if there is one
        self.fetches = False  # whether there is an image of what Dockerfiles add

    def lacks_images(self, plan: BuildPlan) -> bool:
        return self.pulls is not None

    def prepare(
        self,
        plan: BuildPlan,
        *,
        app: AppName,
        context: Path,
        work: Path,
        stand_in: bool,
        say: Callable[[str], None],
        credentials: bool = False,
        stop: Stop | None = None,
    ) -> ReadyDockerfile:
        assert work.is_dir()
        if self.pulls is not None:
            unless_stopped(self.pulls, stop or Stop())
        if self.fetches:
            self._engine.add_image(Behaviour(), fetched_image(app))
        return ReadyDockerfile(context / "Dockerfile", fetched=fetched_image(app) if self.fetches else "")

    def discard(self, ready: ReadyDockerfile) -> None:
        FakeDocker(self._engine).remove_image(ready.fetched)

    def build(
        self,
        plan: BuildPlan,
        *,
        ready: ReadyDockerfile,
        key: CacheKey,
        app: AppName,
        context: Path,
        reference: str,
        source: str,
        fresh: bool,
        on_line: Callable[[str], None],
        say: Callable[[str], None],
        uid: int | None = None,
        credentials: bool = False,
        stop: Stop | None = None,
    ) -> Image:
        self._life.effect("build")
        behaviour = self._apps.get((context / "COMMIT").read_text().strip(), Behaviour())
        for line in behaviour.build_says:
            on_line(line)
        self.during()
        if behaviour.build_error:
            raise BuildFailed(behaviour.build_error)
        if not behaviour.user and uid is not None:
            behaviour = replace(behaviour, user=f"{uid}:{uid}")
        labels = of_image(app, source, generated=False, processes=behaviour.processes, uid=uid)
        return self._engine.add_image(behaviour, reference, labels={**labels, **behaviour.labels})
