"""What docker is asked to do, what it is lent and what becomes of that, on a docker command that notes it."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from deployhost.build import docker_cli
from deployhost.build.bases import Bases
from deployhost.build.cache_key import NAMESPACE, cache_key
from deployhost.build.docker_cli import DockerCli
from deployhost.build.dockerfile import BaseRef
from deployhost.build.image import ImageBuilder
from deployhost.build.labels import OURS, PROCESSES_LABEL
from deployhost.build.limits import BuildLimits, Limited
from deployhost.build.plan import BuildPlan
from deployhost.build.registries import Reference
from deployhost.build.sources.prepare import BuildSources
from deployhost.build.sources.sources_plan import Origin
from deployhost.config.server import ServerConfig, ServerSettings
from deployhost.errors import BaseImageUnavailable, BuildFailed, SourceRefused
from deployhost.journal.builds import Builds
from deployhost.journal.database import Database
from deployhost.model import AppName
from deployhost.system.cgroups import Cgroups
from deployhost.system.docker import Docker
from deployhost.system.docker_model import EngineInfo, Image
from deployhost.system.guarded_download import GuardedDownload
from deployhost.system.stop import Stop
from tests.fakes.docker import Behaviour, Engine, FakeDocker

REFERENCE = "127.0.0.1:5555/shop:abc"
SCRIPT = """#!/bin/sh
case $1 in --version) echo 'Docker version 20.10.24, build x'; exit ;; esac
printf '%s\\n' "$@" > {root}/argv
env > {root}/env
for one in "$@"; do
  case $one in
    --secret=id=ca*) ;;
    --secret=*) path=${{one##*src=}}; stat -c '%a %n' $path >> {root}/secrets; cat $path >> {root}/secrets ;;
    --file=*) cp ${{one#--file=}}* {root}/seen/ ;;
  esac
done
cat {root}/output >&2
exit {code}
"""


class Had(Bases):
    """Bases of which some can't be had; notes what was asked for."""

    def __init__(self, engine: Docker, state: Path) -> None:
        super().__init__(engine, state)
        self.missing: set[str] = set()
        self.asked: list[str] = []

    def ensure(self, reference: str, *, say: object, stop: Stop | None = None) -> None:
        self.asked.append(f"ensure {reference}")

    def require(
        self,
        reference: str,
        *,
        line: int,
        stand_in: bool,
        say: object,
        stop: Stop | None = None,
        logins: bool = False,
    ) -> None:
        self.asked.append(f"require {reference} {line} {stand_in}")

    def origin(self, reference: Reference, *, logins: bool = True) -> Origin:
        return Origin.ABSENT

    def has_frontend(
        self,
        reference: str,
        *,
        line: int,
        optional: bool,
        say: object,
        stop: Stop | None = None,
        logins: bool = False,
    ) -> bool:
        if reference in self.missing and not optional:
            raise BaseImageUnavailable(f"# syntax={reference} (line {line}) can't be had")
        return reference not in self.missing


class Told(ServerSettings):
    """Settings as a test wants them, which server.yml would refuse."""

    def __init__(self, path: Path, config: ServerConfig) -> None:
        super().__init__(path)
        self._config = config

    def current(self) -> ServerConfig:
        return self._config


def groups_in(root: Path) -> Cgroups:
    """Given a directory, have a kernel's cgroups of version 1 in it, with BuildKit's."""
    trees = {name: root / name for name in ("cpu", "memory", "pids")}
    files = {
        "cpu": ("cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.idle"),
        "memory": ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.oom_control"),
        "pids": ("pids.max",),
    }
    for name, tree in trees.items():
        (tree / "docker/buildkit").mkdir(parents=True)
        for file in files[name]:
            (tree / "docker/buildkit" / file).write_text("0\n")
    return Cgroups(unified=False, trees=trees)


class Labelling(FakeDocker):
    """An engine whose images have the labels that docker's command was told to set, and those of the frontend."""

    def __init__(self, world: "World") -> None:
        super().__init__(world.engine)
        self._world = world

    def image(self, reference: str) -> Image | None:
        image = super().image(reference)
        options = [
            one.removeprefix("--label=").partition("=") for one in self._world.argv if one.startswith("--label=")
        ]
        told = {name: value for name, _, value in options}
        return None if image is None else replace(image, labels={**told, **self._world.frontends})


class World:
    """A builder with everything around it in a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.engine = Engine(info=EngineInfo("20.10.24+dfsg1", "/var/lib/docker"))
        self.engine.add_image(Behaviour(user="10001"), REFERENCE)
        self.frontends: dict[str, str] = {}  # labels that the frontend writes whatever it is told
        self.bases = Had(FakeDocker(self.engine), root)
        for name in ("bin", "context", "work", "home", "seen"):
            (root / name).mkdir()
        self.environ = {
            "PATH": f"{root}/bin:/usr/bin:/bin",
            "HOME": str(root / "home"),
            "SSL_CERT_FILE": str(root / "ca.pem"),
        }
        (root / "ca.pem").write_text("certificates")
        self.docker()
        self.groups = groups_in(root / "cgroup")
        self.journal = Database(root / "journal.db")
        self.lines: list[str] = []
        self.said: list[str] = []

    def docker(self, output: str = "#1 [1/1] RUN a\n#1 0.1 hello\n#1 DONE 2.0s\n", code: int = 0) -> None:
        (self.root / "output").write_text(output)
        (self.root / "bin/docker").write_text(SCRIPT.format(root=self.root, code=code))
        (self.root / "bin/docker").chmod(0o755)

    def build(
        self,
        plan: BuildPlan,
        *,
        stand_in: bool = False,
        fresh: bool = False,
        credentials: bool = False,
        timeout: float = 20,
    ) -> Image:
        server = Told(self.root / "server.yml", ServerConfig(build_timeout=timeout))
        docker = FakeDocker(self.engine)
        limits = BuildLimits(docker, server, self.groups, cpus=range(4), memory=4 * 1024**3)
        builder = ImageBuilder(
            Labelling(self),
            self.bases,
            DockerCli(self.environ),
            self.root / "run",
            self.environ,
            limits=limits,
            builds=Builds(self.journal, time.time),
            sources=BuildSources(
                docker=docker,
                bases=self.bases,
                server=server,
                engine=limits.engine,
                download=GuardedDownload(self.environ),
            ),
        )
        context = self.root / "context"
        return builder.build(
            plan,
            ready=builder.prepare(
                plan,
                app=AppName("shop"),
                context=context,
                work=self.root / "work",
                stand_in=stand_in,
                say=self.said.append,
            ),
            key=cache_key(self.root / "work"),
            app=AppName("shop"),
            context=context,
            reference=REFERENCE,
            source="tree",
            fresh=fresh,
            credentials=credentials,
            on_line=self.lines.append,
            say=self.said.append,
        )

    @property
    def argv(self) -> list[str]:
        return (self.root / "argv").read_text().splitlines()

    def text(self, name: str) -> str:
        return (self.root / name).read_text()


GENERATED = BuildPlan(
    kind="generated",
    runtime="python",
    bases=(BaseRef("python:3.13-slim"),),
    dockerfile="FROM python:3.13-slim\n",
    dockerignore=".git\n",
)


def own(**more: object) -> BuildPlan:
    return BuildPlan(kind="dockerfile", runtime="dockerfile", **more)  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(docker_cli, "USUAL", ())
    (tmp_path / "run").mkdir()
    return World(tmp_path)


def test_a_generated_dockerfile_lies_outside_of_the_context(world: World) -> None:
    image = world.build(GENERATED)
    assert image.tags == (REFERENCE,)
    assert world.bases.asked == ["ensure python:3.13-slim"]
    key = cache_key(world.root / "work")
    assert f"{NAMESPACE}={key.namespace}" in world.text("env").splitlines()
    assert world.argv == [
        "build",
        "--progress=plain",
        f"--file={world.root}/work/Dockerfile",
        f"--tag={REFERENCE}",
        "--label=deployhost.app=shop",
        "--label=deployhost.init=true",
        "--label=deployhost.processes=",
        "--label=deployhost.source=tree",
        "--label=deployhost.uid=",
        "--label=deployhost.stand-in=",
        "--label=deployhost.deploy=",
        "--label=deployhost.workers=",
        "--label=deployhost.settings=",
        "--label=service=shop",
        "--label=role=",
        f"--build-arg={NAMESPACE}",
        f"--add-host={key.host}:127.0.0.1",
        f"--secret=id=ca,src={world.root}/ca.pem",
        f"{world.root}/context",
    ]
    assert world.text("seen/Dockerfile") == GENERATED.dockerfile
    assert world.text("seen/Dockerfile.dockerignore") == ".git\n"
    assert world.lines == ["[1/1] RUN a", "  hello", "  done in 2.0 s"]


def test_labels_of_a_dockerfile_of_ones_own_do_not_rule(world: World) -> None:
    """`--label` goes before LABEL, and before what the base image has."""
    (world.root / "context/Dockerfile").write_text("FROM scratch\n")
    image = world.build(own(processes={"worker": "python w.py"}))
    assert {*OURS, "service", "role"} <= image.labels.keys()
    assert {name: value for name, value in image.labels.items() if value} == {
        "service": "shop",
        "deployhost.app": "shop",
        "deployhost.source": "tree",
        PROCESSES_LABEL: '{"worker": "python w.py"}',
    }


@pytest.mark.parametrize("label", [*OURS, "service", "role"])
def test_a_frontend_that_ignores_labels_is_refused(world: World, label: str) -> None:
    """`# syntax=` names a program that writes the image's configuration."""
    world.frontends = {label: "9223372036854775807"}
    with pytest.raises(BuildFailed, match=f"did not set the label {label}"):
        world.build(GENERATED)


def test_a_fresh_build_uses_no_cache(world: World) -> None:
    world.build(GENERATED, fresh=True)
    assert "--no-cache" in world.argv


def test_the_build_gets_little_of_our_environment(world: World) -> None:
    world.environ |= {"SECRET_TOKEN": "t0p", "DOCKER_CONFIG": "/root/.docker"}
    world.build(GENERATED)
    names = {line.partition("=")[0] for line in world.text("env").splitlines()}
    assert {"DOCKER_BUILDKIT", "DOCKER_CONFIG", "BUILDX_NO_DEFAULT_ATTESTATIONS", "HOME"} <= names
    assert "SECRET_TOKEN" not in names


def test_proxies_are_named_in_the_arguments_and_told_in_the_environment_only(world: World) -> None:
    world.environ |= {"HTTPS_PROXY": "http://user:t0p@proxy:1", "no_proxy": "localhost"}
    world.build(GENERATED)
    assert [one for one in world.argv if one.startswith("--build-arg")] == [
        f"--build-arg={NAMESPACE}",
        "--build-arg=HTTPS_PROXY",
        "--build-arg=no_proxy",
    ]
    assert "t0p" not in world.text("argv")
    assert "HTTPS_PROXY=http://user:t0p@proxy:1" in world.text("env").splitlines()


def test_index_settings_are_lent_as_private_files_and_gone_afterwards(world: World) -> None:
    world.environ["PIP_INDEX_URL"] = "https://user:t0p@pypi.example/simple"
    (world.root / "home/.npmrc").write_text("//npm.example/:_authToken=n0p\n")
    world.build(GENERATED, credentials=True)
    lent = world.text("secrets")
    assert f"600 {world.root}/run/build/shop/pip_conf" in lent
    assert "index-url = https://user:t0p@pypi.example/simple" in lent
    assert "_authToken=n0p" in lent
    assert "t0p" not in world.text("argv") + world.text("env")
    assert not (world.root / "run/build/shop").exists()


def test_what_the_host_is_let_in_with_is_lent_only_where_that_is_allowed(world: World) -> None:
    world.environ["PIP_INDEX_URL"] = "https://user:t0p@pypi.example/simple"
    (world.root / "home/.npmrc").write_text("registry=https://npm.example/\n//npm.example/:_authToken=t0p\n")
    (world.root / "home/.docker").mkdir()
    (world.root / "home/.docker/config.json").write_text('{"auths": {"npm.example": {"auth": "t0p"}}, "x": 1}')
    world.build(GENERATED)
    lent = world.text("secrets")
    assert "t0p" not in lent
    assert "index-url = https://pypi.example/simple" in lent
    assert f"DOCKER_CONFIG={world.root}/run/build/shop/docker" in world.text("env").splitlines()
    assert not (world.root / "run/build/shop").exists()
    world.build(GENERATED, credentials=True)
    assert "_authToken=t0p" in world.text("secrets")
    assert "DOCKER_CONFIG" not in world.text("env")


def test_they_are_gone_after_a_failure_too(world: World) -> None:
    world.environ["PIP_INDEX_URL"] = "https://pypi.example/simple"
    world.docker(code=1)
    with pytest.raises(BuildFailed):
        world.build(GENERATED)
    assert not (world.root / "run/build/shop").exists()


def test_a_bundle_that_buildkit_would_refuse_is_left_out_and_said(world: World) -> None:
    (world.root / "ca.pem").write_bytes(b"x" * 600_000)
    world.build(GENERATED)
    assert not [one for one in world.argv if "id=ca" in one]
    assert world.said == [f"warning: {world.root}/ca.pem is too large to be lent to the build"]


def test_a_repositorys_own_dockerfile_is_built_with_its_images_in_full(world: World) -> None:
    (world.root / "context/Dockerfile").write_text("ARG X=b\nFROM a\n\nFROM $X AS c\nFROM c\nRUN d \\\n  e\n")
    (world.root / "context/Dockerfile.dockerignore").write_text("*.md\n")
    world.build(own())
    assert f"--file={world.root}/work/Dockerfile" in world.argv
    assert "--label=deployhost.init=" in world.argv
    assert world.bases.asked == ["require b:latest 4 False"]
    assert world.text("seen/Dockerfile") == (
        "ARG X=b\nFROM docker.io/library/a:latest\n\nFROM docker.io/library/b:latest AS c\nFROM c\nRUN d   e\n"
    )
    assert world.text("seen/Dockerfile.dockerignore") == "*.md\n"


def test_what_another_app_has_is_refused_before_anything_runs(world: World) -> None:
    (world.root / "context/Dockerfile").write_text("FROM a\nCOPY --from=127.0.0.1:5555/other / /x\n")
    with pytest.raises(
        SourceRefused, match=r"line 2 of the Dockerfile: COPY --from=127\.0\.0\.1:5555/other is refused"
    ):
        world.build(own())
    assert not (world.root / "argv").exists()


def test_a_dockerfile_that_leads_out_of_the_repository_is_not_read(world: World) -> None:
    (world.root / "elsewhere").write_text("FROM a\n")
    (world.root / "context/Dockerfile").symlink_to(world.root / "elsewhere")
    with pytest.raises(BuildFailed, match="leads out"):
        world.build(own())


def test_newer_docker_is_told_which_sources_there_are(world: World) -> None:
    world.engine.info = EngineInfo("26.1.5", "/var/lib/docker")
    script = world.root / "bin/docker"
    script.write_text(script.read_text().replace("20.10.24", "26.1.5").replace("case $1 in", BUILDX))
    world.build(GENERATED)
    (line,) = [one for one in world.text("env").splitlines() if one.startswith("EXPERIMENTAL_BUILDKIT_SOURCE_POLICY=")]
    assert "library/python:3" in Path(line.partition("=")[2]).read_text()


BUILDX = 'case $1 in buildx) echo "github.com/docker/buildx v0.13.1"; exit ;; info) exit ;;'


def test_a_syntax_image_that_can_not_be_had_is_named_before_anything_runs(world: World) -> None:
    world.bases.missing = {"docker/dockerfile:1"}
    (world.root / "context/Dockerfile").write_text("# syntax=docker/dockerfile:1\nFROM a\n")
    with pytest.raises(BaseImageUnavailable, match=r"# syntax=docker/dockerfile:1 \(line 1\)"):
        world.build(own())
    assert not (world.root / "argv").exists()


def test_where_stand_ins_are_allowed_it_is_built_without_that_line(world: World) -> None:
    world.bases.missing = {"docker/dockerfile:1"}
    (world.root / "context/Dockerfile").write_text("# syntax=docker/dockerfile:1\nFROM a\n")
    (world.root / "work/Dockerfile.dockerignore").write_text("left by an earlier, generated build")
    world.build(own(), stand_in=True)
    assert "syntax" not in world.text("seen/Dockerfile")
    assert world.text("seen/Dockerfile") == "\nFROM docker.io/library/a:latest\n"
    assert not (world.root / "seen/Dockerfile.dockerignore").exists()
    assert world.text("context/Dockerfile").startswith("# syntax")


def test_a_failure_is_told_by_its_cause(world: World) -> None:
    world.docker(
        "#1 [1/1] RUN npm ci\n#1 0.1 npm error x\n#1 ERROR: executor failed running [/bin/sh]: exit code: 1\n", 1
    )
    with pytest.raises(BuildFailed) as caught:
        world.build(GENERATED)
    assert caught.value.message == "RUN npm ci failed with exit code 1"
    assert caught.value.details == ("npm error x",)


def test_a_full_disk_is_named(world: World) -> None:
    world.docker("#1 [1/1] RUN a\n#1 0.1 write x: no space left on device\n#1 ERROR: process: exit code: 1\n", 1)
    with pytest.raises(BuildFailed, match="the disk is full") as caught:
        world.build(GENERATED)
    assert caught.value.hint == "docker builder prune --all --force"


def test_a_heredoc_on_an_old_engine_is_explained(world: World) -> None:
    """That engine would take the lines of the heredoc for instructions."""
    (world.root / "context/Dockerfile").write_text("FROM a\nRUN <<CMD\nFROM 127.0.0.1:5555/other\nCMD\n")
    with pytest.raises(SourceRefused, match=r"line 2 of the Dockerfile: a heredoc, which Docker 20\.10\.24"):
        world.build(own())
    assert not (world.root / "argv").exists()


def test_a_build_that_takes_too_long_is_stopped(world: World) -> None:
    path = world.root / "bin/docker"
    path.write_text(path.read_text().replace(f"cat {world.root}/output", "exec sleep 60 #"))
    with pytest.raises(BuildFailed, match=r"did not end within 0\.3 s"):
        world.build(GENERATED, timeout=0.3)


def test_an_image_that_is_not_there_after_a_good_end_is_a_failure(world: World) -> None:
    world.engine.images.clear()
    with pytest.raises(BuildFailed, match="there is no image"):
        world.build(GENERATED)


def test_a_build_is_limited_and_noted(world: World) -> None:
    began = time.time()
    world.build(GENERATED)
    group = world.root / "cgroup"
    assert (group / "memory/docker/buildkit/memory.limit_in_bytes").read_text() == str(2 * 1024**3)
    assert (group / "cpu/docker/buildkit/cpu.idle").read_text() == "1"
    assert world.said == []
    (span,) = Builds(world.journal, time.time).spans()
    assert began <= span.start <= span.end <= time.time()


def test_a_build_that_runs_out_of_memory_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Limited, "ran_out_of_memory", lambda _self: True)
    world.docker('#5 [2/2] RUN make\n#5 ERROR: process "make" did not complete successfully: exit code: 2\n', 1)
    with pytest.raises(BuildFailed) as caught:
        world.build(GENERATED)
    assert caught.value.message == "the build was killed: it used more than its 2 GB of memory"
    assert caught.value.hint == f"echo 'build_memory: 4g' >> {world.root}/server.yml"
    assert caught.value.details == ("RUN make failed with exit code 2",)
    (world.root / "server.yml").write_text("build_memory: 2g\n")
    with pytest.raises(BuildFailed) as caught:
        world.build(GENERATED)
    assert caught.value.hint == f"sed -i 's/^build_memory:.*/build_memory: 4g/' {world.root}/server.yml"


def test_a_build_that_succeeds_is_not_failed_for_what_was_killed_in_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limited, "ran_out_of_memory", lambda _self: True)
    assert world.build(GENERATED).tags == (REFERENCE,)


def test_limits_that_can_not_be_set_are_told_and_nothing_else(world: World) -> None:
    world.groups = Cgroups(unified=False, trees={})
    assert world.build(GENERATED).tags == (REFERENCE,)
    assert world.said == ["warning: this kernel can't limit the memory, CPU time, processes of builds"]


def test_a_dockerfile_that_is_no_text_of_a_person_is_not_read_into_memory(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployhost.build.image.LONGEST_DOCKERFILE", 100)
    world.bases.missing = {"docker/dockerfile:1"}
    (world.root / "context/Dockerfile").write_text("# syntax=docker/dockerfile:1\nFROM a\n" + "#" * 100)
    with pytest.raises(BuildFailed, match="too large"):
        world.build(own(), stand_in=True)


def test_a_flood_of_output_is_told_in_part_and_its_end_whole(world: World) -> None:
    """Each line cost an entry in a list, several searches and an append to a file: 65 MB in 16 s took a whole core."""
    flood = "".join(f"#5 0.{number % 10} line {number}\n" for number in range(100_000))
    world.docker(f"#5 [2/2] RUN make\n{flood}#5 ERROR: process did not complete successfully: exit code: 2\n", 1)
    with pytest.raises(BuildFailed) as caught:
        world.build(GENERATED)
    assert caught.value.message == "RUN make failed with exit code 2"
    assert caught.value.details == tuple(f"line {number}" for number in range(99_980, 100_000))
    assert len(world.lines) < 30_000, "it takes a while on a busy machine, and so many more are told"
    assert [line for line in world.lines if line.endswith(" lines left out")]
