"""Building an app's image: bases first, then `docker build` with the host's settings lent to it, and a failure told by its cause."""

import contextlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from deployhost.build.bases import Bases
from deployhost.build.cache_key import NAMESPACE, CacheKey
from deployhost.build.docker_cli import DockerCli
from deployhost.build.host_settings import proxy_variables
from deployhost.build.labels import of_image
from deployhost.build.lent import lent
from deployhost.build.limits import BuildLimits, Limited
from deployhost.build.output_pace import OutputPace, left_out
from deployhost.build.plan import BuildPlan
from deployhost.build.progress import BuildProgress, is_about_a_step
from deployhost.build.render import UID_ARGUMENT
from deployhost.build.sources.prepare import Asked, BuildSources
from deployhost.build.tree import READ_LIMIT
from deployhost.errors import BuildFailed, CommandTimedOut
from deployhost.journal.builds import Builds
from deployhost.model import AppName
from deployhost.system import files
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Image
from deployhost.system.process import run
from deployhost.system.stop import Stop

NICENESS = "10"  # a build must not take the time of what is live
NOWHERE = "127.0.0.1"  # where the host of a cache key is: nobody asks for it
LONGEST_DOCKERFILE = READ_LIMIT  # bytes: what planning reads of it
_PASSED = ("PATH", "HOME", "LANG", "DOCKER_CONFIG", "DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")

OnLine = Callable[[str], None]


@dataclass(frozen=True)
class ReadyDockerfile:
    """A Dockerfile that can be built: where it lies, what docker's environment needs for it, and the image to remove afterwards, or ""."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)
    fetched: str = ""


@dataclass(frozen=True)
class ImageBuilder:
    """Builds images. `run_dir` is a directory in memory, for secrets.

    `limits` bounds what builds use, `builds` notes when they ran.
    """

    docker: Docker
    bases: Bases
    cli: DockerCli
    run_dir: Path
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    _: KW_ONLY
    limits: BuildLimits
    builds: Builds
    sources: BuildSources

    def lacks_images(self, plan: BuildPlan) -> bool:
        """Return whether an image that a plan starts from has yet to be brought."""
        frontend = [] if plan.syntax is None else [plan.syntax.ref]
        return not all(self.bases.has(ref) for ref in (*frontend, *(base.ref for base in plan.bases)) if "$" not in ref)

    def prepare(
        self,
        plan: BuildPlan,
        *,
        app: AppName,
        context: Path,
        work: Path,
        stand_in: bool,
        say: OnLine,
        credentials: bool = False,
        stop: Stop | None = None,
    ) -> ReadyDockerfile:
        """Have what a plan's Dockerfile takes from, check that its app may, and return the Dockerfile to build.

        `work` (outside the context) gets what is written; `stand_in` allows stand-ins for the bases of a person's own
        Dockerfile; `say` gets what happens. `stop` ends it at once. Raises SourceRefused, BaseImageUnavailable, BuildFailed,
        CommandStopped.
        """
        given = {name: self.environ[name] for name in proxy_variables(self.environ)}
        policies = self.cli.find().policies
        asked = Asked(
            app=app,
            work=work,
            stand_in=stand_in,
            policies=policies,
            say=say,
            credentials=credentials,
            given=given,
            stop=stop,
        )
        if plan.kind == "generated":
            for base in plan.bases:
                self.bases.ensure(base.ref, say=say, stop=stop)
            environment = self.sources.environment(plan.refs, asked)
            return ReadyDockerfile(_written(work, plan.dockerfile or "", plan.dockerignore), environment)
        beside = "Dockerfile.dockerignore"
        ignored = _read(context, beside) if (context / beside).is_file() else None
        ready = self.sources.ready(_read(context, "Dockerfile"), asked)
        return ReadyDockerfile(_written(work, ready.text, ignored), ready.environment, ready.fetched)

    def discard(self, ready: ReadyDockerfile) -> None:
        """Remove what was fetched for a build, whether it took place or not."""
        if ready.fetched:
            self.docker.remove_image(ready.fetched)

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
        on_line: OnLine,
        say: OnLine,
        uid: int | None = None,
        credentials: bool = False,
        stop: Stop | None = None,
    ) -> Image:
        """Build the image of a plan that is prepared from its context directory, tag it with `reference` and return it.

        `uid` is the user of an image whose Dockerfile is generated; `key` keeps the app's cache its own, `fresh` uses none;
        `credentials` lends it those of the host. `on_line` gets the build's output, readable, `say` what happens besides; `stop`
        ends the build at once. Raises BuildFailed, CommandMissing, CommandStopped.
        """
        cli = self.cli.find()
        with contextlib.ExitStack() as stack:
            folder = self.run_dir / "build" / app
            lends = stack.enter_context(lent(self.environ, folder, credentials=credentials, say=say))
            limited = stack.enter_context(self.limits.applied(cli, say))
            argv = ["nice", "-n", NICENESS, *cli.build, "--progress=plain"]
            argv += [f"--file={ready.path}", f"--tag={reference}", *limited.argv]
            if fresh:
                argv.append("--no-cache")
            labels = of_image(app, source, generated=plan.kind == "generated", processes=plan.processes, uid=uid)
            argv += [f"--label={name}={value}" for name, value in labels.items()]
            argv += [f"--build-arg={name}" for name in (NAMESPACE, *proxy_variables(self.environ))]
            if uid is not None:
                argv.append(f"--build-arg={UID_ARGUMENT}={uid}")
            argv.append(f"--add-host={key.host}:{NOWHERE}")
            argv += [f"--secret=id={name},src={path}" for name, path in lends.secrets.items()]
            environment = {**lends.environment, **ready.environment, NAMESPACE: key.namespace}
            self._run([*argv, str(context)], environment, limited, on_line, stop)
        image = self.docker.image(reference)
        if image is None:
            raise BuildFailed(f"docker build succeeded, but there is no image {reference}")
        if wrong := [name for name, value in labels.items() if image.labels.get(name) != value]:
            # A frontend of somebody's own (`# syntax=`) writes the image's configuration, and may ignore what it is told.
            raise BuildFailed(
                f"the build's frontend did not set the label {wrong[0]} as it was told: remove the # syntax line"
            )
        return image

    def _run(
        self,
        argv: list[str],
        environment: dict[str, str],
        limited: Limited,
        on_line: OnLine,
        stop: Stop | None,
    ) -> None:
        progress, pace, lock = BuildProgress(), OutputPace(), threading.Lock()
        env = self._child_environment() | environment
        build = self.builds.begin()

        def tell(raw: Sequence[str]) -> None:
            if dropped := pace.dropped if raw else 0:
                on_line(left_out(dropped))
            for one in raw:
                build.seen()
                for line in progress.feed(one):
                    on_line(line)

        def feed(raw: str) -> None:
            with lock:  # the process's two streams are read by a thread each
                tell(pace.take(raw, marked=is_about_a_step(raw)))

        try:
            done = run(argv, env=env, timeout=limited.timeout, on_line=feed, check=False, dies_with_us=True, stop=stop)
        except CommandTimedOut as error:
            raise limited.timed_out(error.details) from error
        finally:
            with lock:
                tell(pace.rest())
            build.end()
        if done.code != 0:
            raise self._failure(progress, limited)

    def _failure(self, progress: BuildProgress, limited: Limited) -> BuildFailed:
        failure = progress.failure()
        if limited.ran_out_of_memory():
            return limited.out_of_memory((failure.message, *failure.details))
        if any("no space left on device" in line for line in (failure.message, *failure.details)):
            return BuildFailed(
                f"the disk is full: {failure.message}",
                hint="docker builder prune --all --force",
                details=failure.details,
            )
        return BuildFailed(failure.message, details=failure.details)

    def _child_environment(self) -> dict[str, str]:
        """Return what docker's command needs of our environment, and the proxies: named in argv, their values are only here."""
        names = (*_PASSED, *proxy_variables(self.environ))
        passed = {name: self.environ[name] for name in names if name in self.environ}
        ours = {"DOCKER_BUILDKIT": "1", "BUILDX_BUILDER": "default", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
        return {"HOME": "/root", "PATH": os.defpath, **passed, **ours}


def _written(work: Path, dockerfile: str, dockerignore: str | None) -> Path:
    """Write both files to where BuildKit finds the second beside the first; return the Dockerfile's path."""
    path, beside = work / "Dockerfile", work / "Dockerfile.dockerignore"
    try:
        path.write_text(dockerfile, encoding="utf-8", errors="surrogateescape")
        if dockerignore is None:
            beside.unlink(missing_ok=True)  # the repository's own counts then
        else:
            beside.write_text(dockerignore, encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise files.problem("write", path, error) from error
    return path


def _read(context: Path, name: str) -> str:
    path = (context / name).resolve()
    if not path.is_relative_to(context.resolve()):
        raise BuildFailed(f"{name} leads out of the repository")
    try:
        with path.open("rb") as stream:
            data = stream.read(LONGEST_DOCKERFILE + 1)
    except OSError as error:
        raise files.problem("read", path, error) from error
    if len(data) > LONGEST_DOCKERFILE:
        raise BuildFailed(f"the {name} is too large to read", hint=f"wc --bytes {name}")
    return data.decode("utf-8", "surrogateescape")
