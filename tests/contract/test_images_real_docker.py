"""Images on the real engine: bases and stand-ins, builds with the host's settings, kamal-proxy from its Go module.

Run explicitly: `pytest tests/contract`. It needs Docker, root and a way to the package registries.
"""

import base64
import http.client
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from deployhost.build.bases import Bases
from deployhost.build.cache_key import cache_key
from deployhost.build.directory import DirectoryTree, load_templates
from deployhost.build.docker_cli import DockerCli
from deployhost.build.image import ImageBuilder
from deployhost.build.labels import STAND_IN_LABEL
from deployhost.build.limits import BuildLimits
from deployhost.build.plan import plan_build
from deployhost.build.registries import Reference
from deployhost.build.sources.prepare import BuildSources
from deployhost.build.stand_in import StandIns
from deployhost.build.stand_in_plan import recipe_for
from deployhost.config.server import ServerSettings
from deployhost.errors import BaseImageUnavailable, BuildFailed, DockerUnavailable, NotFound
from deployhost.journal.builds import Builds as BuildTimes
from deployhost.journal.database import Database
from deployhost.model import AppName
from deployhost.server import proxy_image
from deployhost.system.docker import Docker
from deployhost.system.docker_model import ContainerSpec, Image
from deployhost.system.guarded_download import GuardedDownload
from deployhost.system.process import run
from tests.inputs.foreign_names import HIDDEN, LOGINS, PASSWORD, SERVED, VARIANTS, users_file
from tests.real.containers import exec_run

NAME = "ximages"


@pytest.fixture(scope="module")
def docker() -> Docker:
    engine = Docker()
    engine.ping()
    return engine


class Builds:
    """A builder in a directory of its own; what it built is removed afterwards."""

    def __init__(self, docker: Docker, root: Path, environ: dict[str, str]) -> None:
        self.docker, self.root = docker, root
        self.context = root / "context"
        self.lines: list[str] = []
        self.said: list[str] = []
        self.tags: list[str] = []
        for name in ("context", "work", "run"):
            (root / name).mkdir()
        bases, server = Bases(docker, root / "state"), ServerSettings(root / "server.yml")
        limits = BuildLimits(docker, server)
        self._builder = ImageBuilder(
            docker,
            bases,
            DockerCli(environ),
            root / "run",
            environ,
            limits=limits,
            builds=BuildTimes(Database(root / "journal.db"), time.time),
            sources=BuildSources(
                docker=docker, bases=bases, server=server, engine=limits.engine, download=GuardedDownload(environ)
            ),
        )

    def build(self, *, stand_in: bool = False, fresh: bool = False) -> Image:
        tag = f"{NAME}:{len(self.tags)}"
        self.tags.append(tag)
        plan = plan_build(DirectoryTree(self.context), templates=load_templates(), app=NAME)
        return self._builder.build(
            plan,
            ready=self._builder.prepare(
                plan,
                app=AppName(NAME),
                context=self.context,
                work=self.root / "work",
                stand_in=stand_in,
                say=self.said.append,
            ),
            key=cache_key(self.root / "work"),
            app=AppName(NAME),
            context=self.context,
            reference=tag,
            source=str(time.time_ns()),
            fresh=fresh,
            on_line=self.lines.append,
            say=self.said.append,
        )

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.context / name.replace("_py", ".py").replace("_txt", ".txt")).write_text(text)


@pytest.fixture
def builds(docker: Docker, tmp_path: Path) -> Iterator[Builds]:
    made = Builds(docker, tmp_path, {**os.environ, "PIP_EXTRA_INDEX_URL": "https://user:t0ps3cret@pypi.org/simple"})
    yield made
    for tag in made.tags:
        docker.remove_image(tag)
    for image in docker.images(f"service={NAME}"):
        docker.remove_image(image.id)


def output(docker: Docker, image: str, *argv: str) -> str:
    """Run an argv in a new container of the image and return what it wrote."""
    name = f"{NAME}-{time.monotonic_ns()}"
    container = docker.create(ContainerSpec(name=name, image=image, command=("sleep", "60")))
    try:
        docker.start(container)
        code, said = exec_run(docker, container, list(argv))
        assert code == 0, said
        return said
    finally:
        docker.remove(container, force=True)


CACHES = """FROM python:3.13-slim
COPY secret* /
RUN --mount=type=cache,id={id},target=/cache touch /cache/{app} && ls /cache > /found
RUN --mount=type=cache,target=/root/.npm touch /root/.npm/{app} && ls /root/.npm >> /found
RUN head -c 16 /dev/urandom | base64 > /made
"""


@pytest.mark.parametrize("id_", ["blog-pip", "${X:-blog-pip}"])
def test_an_apps_caches_and_results_are_its_own(docker: Docker, tmp_path: Path, id_: str) -> None:
    """Any Dockerfile can name the cache of another app; a step that another app has run already is the same step."""
    found, made = {}, {}
    for app in ("blog", "shop"):
        (tmp_path / app).mkdir()
        builds = Builds(docker, tmp_path / app, dict(os.environ))
        builds.write(Dockerfile=CACHES.format(id=id_, app=app))
        try:
            image = builds.build(stand_in=True)
            found[app] = output(docker, image.id, "cat", "/found").split()
            made[app] = output(docker, image.id, "cat", "/made")
            builds.write(other="")
            again = builds.build(stand_in=True)
            assert output(docker, again.id, "cat", "/made") == made[app], "an app's own steps are cached"
        finally:
            for tag in builds.tags:
                docker.remove_image(tag)
    assert found == {"blog": ["blog", "blog"], "shop": ["shop", "shop"]}
    assert made["blog"] != made["shop"]


@pytest.mark.parametrize(
    "reference",
    ["no-such-registry.invalid/x/y:1", f"no-such-registry.invalid:5000/x@sha256:{'a' * 64}", "127.0.0.1:9/x:1"],
)
def test_a_registry_that_can_not_be_reached_costs_seconds(docker: Docker, reference: str) -> None:
    began = time.monotonic()
    with pytest.raises((DockerUnavailable, NotFound)):
        docker.pull(reference, timeout=60, first=3)
    assert time.monotonic() - began < 5
    docker.ping()


def test_a_registry_that_never_answers_costs_the_time_that_is_given(docker: Docker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(DockerUnavailable, match="no answer within 2 s"):
            docker.pull(f"127.0.0.1:{silent.getsockname()[1]}/x:1", timeout=60, first=2)
        assert 1.9 < time.monotonic() - began < 4


def test_a_from_that_can_not_be_had_is_named_within_seconds(builds: Builds) -> None:
    builds.write(Dockerfile="# a comment\n\nFROM ghcr.io/acme/base:1\n")
    began = time.monotonic()
    with pytest.raises(BaseImageUnavailable, match=r"FROM ghcr\.io/acme/base:1 \(line 3\)"):
        builds.build()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("reference", "program", "says"),
    [
        ("python:3.13-slim", ("python", "--version"), "Python 3.13."),
        ("node:24-slim", ("node", "--version"), "v24."),
        ("nginx:stable", ("nginx", "-v"), "nginx/1."),
    ],
)
def test_a_stand_in_is_made_once_and_runs(
    docker: Docker, tmp_path: Path, reference: str, program: tuple[str, ...], says: str
) -> None:
    recipe = recipe_for(Reference.parse(reference))
    assert recipe is not None
    makes = StandIns(docker, tmp_path, os.environ)
    tag = f"{NAME}:stand-in"
    makes.make(recipe, tag, print)
    began = time.monotonic()
    makes.make(recipe, tag, print)
    assert time.monotonic() - began < 2
    image = docker.image(tag)
    assert image is not None
    assert image.labels[STAND_IN_LABEL] == recipe.key
    assert says in output(docker, tag, *program)
    assert "BEGIN CERTIFICATE" in output(docker, tag, "cat", "/etc/ssl/certs/ca-certificates.crt")
    docker.remove_image(tag)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_generated_build_with_a_real_dependency_runs_and_holds_no_secret(docker: Docker, builds: Builds) -> None:
    builds.write(
        requirements_txt="flask\n",
        main_py="from flask import Flask\napp = Flask(__name__)\n\n@app.get('/')\ndef home():\n    return 'hello'\n",
    )
    image = builds.build()
    tag = builds.tags[-1]
    assert image.labels["service"] == image.labels["deployhost.app"] == NAME
    assert "flask" in output(docker, tag, "python", "-c", "import flask; print(flask.__name__)")
    history = run([str(DockerCli().find().path), "history", "--no-trunc", tag], timeout=20).stdout
    everywhere = "for f in /etc/pip.conf /root/.npmrc /run/secrets/*; do [ -s $f ] && cat $f; done; env; true"
    inside = output(docker, tag, "sh", "-c", everywhere)
    for secret in ("t0ps3cret", "BEGIN CERTIFICATE"):
        assert secret not in history + inside
    assert "t0ps3cret" not in "\n".join(builds.lines)
    assert not (builds.root / "run/build" / NAME).exists()


def test_a_change_of_code_costs_little_more_than_docker_itself(builds: Builds) -> None:
    builds.write(
        requirements_txt="",
        main_py="from http.server import test\nif __name__ == '__main__':\n    test()\n",
        Procfile="web: python main.py\n",
    )
    builds.build()
    cli = str(DockerCli().find().path)
    ours, plain = [], []
    for number in range(6):
        builds.write(main_py=f"# {number}\n")
        began = time.monotonic()
        builds.build()
        ours.append(time.monotonic() - began)
        builds.write(main_py=f"# again {number}\n")
        argv = [cli, "build", "--progress=plain", f"--file={builds.root}/work/Dockerfile", f"--tag={builds.tags[-1]}"]
        began = time.monotonic()
        run(
            [*argv, f"--label=service={NAME}", str(builds.context)],
            timeout=60,
            env={**os.environ, "DOCKER_BUILDKIT": "1"},
        )
        plain.append(time.monotonic() - began)
    print(f"ours {min(ours) * 1000:.0f} ms, docker build alone {min(plain) * 1000:.0f} ms")
    assert min(ours) < min(plain) * 2


def test_failures_of_the_real_builder_are_told_by_their_cause(builds: Builds) -> None:
    base = "python:3.13-slim" if builds.docker.image("python:3.13-slim") else "nginx:stable"
    builds.write(Dockerfile=f"FROM {base}\nRUN echo before && exit 7\n")
    with pytest.raises(BuildFailed, match="RUN echo before && exit 7 failed with exit code 7") as caught:
        builds.build(stand_in=True)
    assert caught.value.details == ("before",)
    builds.write(Dockerfile=f"# syntax=docker/dockerfile:1.999\nFROM {base}\nRUN true\n")
    builds.build(stand_in=True)
    assert builds.said[-1] == "# syntax=docker/dockerfile:1.999 can't be had: building without it"


def test_kamal_proxy_from_its_go_module(docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = f"no-such-registry.invalid/{NAME}:v0.9.2"
    monkeypatch.setattr(proxy_image, "PROXY_IMAGE", image)
    said: list[str] = []
    try:
        assert "made on this server from its Go module" in proxy_image.obtain(docker, file=None, say=said.append)
        container = docker.create(ContainerSpec(name=f"{NAME}-proxy", image=image))
        try:
            docker.start(container)
            time.sleep(0.5)
            code, listing = exec_run(docker, container, ["kamal-proxy", "list"])
            assert (code, "Service" in listing) == (0, True)
        finally:
            docker.remove(container, force=True)
        proxy_image.extract_binary(docker, image, tmp_path / "kamal-proxy")
        assert "kamal-proxy" in run([str(tmp_path / "kamal-proxy"), "--help"], timeout=10).stdout
        saved = tmp_path / "saved.tar"
        run([str(DockerCli().find().path), "save", "--output", str(saved), image], timeout=60)
        docker.remove_image(image)
        assert "loaded from" in proxy_image.obtain(docker, file=saved, say=said.append)
    finally:
        docker.remove_image(image)


class Site:
    """A container of a site's image, asked over one connection."""

    def __init__(self, docker: Docker, container: str, connection: http.client.HTTPConnection) -> None:
        self.docker, self.container, self._connection = docker, container, connection

    def get(self, path: str, user: str = "", password: str = "") -> tuple[int, str, dict[str, str]]:
        headers = {"Accept": "text/html"}  # as a browser navigates: the single-page fallback must not answer either
        if user:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._connection.request("GET", path, headers=headers)
        response = self._connection.getresponse()
        return response.status, response.read().decode(), dict(response.getheaders())

    def files(self, *argv: str) -> set[str]:
        code, said = exec_run(self.docker, self.container, ["find", *argv])
        assert code == 0, said
        return set(said.split())


@contextmanager
def running(docker: Docker, image: str) -> Iterator[Site]:
    container = docker.create(ContainerSpec(name=f"{NAME}-{time.monotonic_ns()}", image=image))
    try:
        docker.start(container)
        address = next(iter(docker.inspect(container).ips.values()))
        for _ in range(250):
            with suppress(OSError), socket.create_connection((address, 8080)):
                break
            time.sleep(0.02)
        with closing(http.client.HTTPConnection(address, 8080, timeout=10)) as connection:
            yield Site(docker, container, connection)
    finally:
        docker.remove(container, force=True)


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"text of {name}")


def test_a_static_site_hands_out_no_file_of_another_server(docker: Docker, builds: Builds) -> None:
    put(builds.context, *HIDDEN, *SERVED)
    (builds.context / "link.php").symlink_to("x.js")
    builds.write(Staticfile="index_fallback: true\n", **{".dockerignore": "!.env*\n!**/.env*\n!Staticfile*\n"})
    builds.build()
    with running(docker, builds.tags[-1]) as site:
        assert site.files("/srv/www", "-type", "f") == {f"/srv/www/{name}" for name in (*HIDDEN, *SERVED)}
        answers = {path: site.get(path)[0] for path in (*(f"/{name}" for name in HIDDEN), *VARIANTS)}
        assert {path: status for path, status in answers.items() if status != 404} == {}
        assert [name for name in SERVED if site.get(f"/{name}")[:2] != (200, f"text of {name}")] == []
        assert site.get("/a/route/of/the/page")[:2] == (200, "text of index.html")
        assert site.get("/index.php")[:2] == (200, "text of index.php.html"), "a mirrored page under its old name"


def test_the_folder_that_a_staticfile_names_is_the_site(docker: Docker, builds: Builds) -> None:
    """It need not be new: the build script may only be for what the pages load."""
    put(builds.context, "public/index.html")
    builds.write(Staticfile="root: public\n")
    builds.write(**{"package.json": '{"scripts": {"build": "mkdir dist && echo wrong > dist/index.html"}}'})
    builds.build()
    with running(docker, builds.tags[-1]) as site:
        assert site.get("/")[0] == 200
        assert "wrong" not in site.get("/")[1]


@pytest.mark.parametrize("kind", ["static", "node"])
def test_a_site_with_logins_asks_for_them_and_keeps_the_hashes(docker: Docker, builds: Builds, kind: str) -> None:
    put(builds.context, "index.html", "x.php", "assets/app.0123abcd.js")
    builds.write(Staticfile="")  # so that PHP's page does not refuse the tree
    logins = builds.context / ("Staticfile.auth" if kind == "static" else "public/Staticfile.auth")
    logins.parent.mkdir(exist_ok=True)
    logins.write_text(users_file())
    logins.chmod(0o600)
    if kind == "node":
        (builds.context / "package.json").write_text(
            '{"scripts": {"build": "mkdir dist && cp -r *.html assets x.php public/* dist"}}'
        )
    builds.build()
    tag = builds.tags[-1]
    with running(docker, tag) as site:
        for path in ("/", "/x.php", "/Staticfile.auth", "/missing", "/.env"):
            status, _, headers = site.get(path)
            assert (status, headers["WWW-Authenticate"]) == (401, f'Basic realm="{NAME}"'), path
        assert [user for user in LOGINS if site.get("/", user, PASSWORD)[:2] != (200, "text of index.html")] == []
        assert {site.get("/", user, "wrong")[0] for user in (*LOGINS, "nobody")} == {401}
        for path in ("/x.php", "/Staticfile.auth", "/missing.php"):
            assert site.get(path, "sha512", PASSWORD)[0] == 404, path
        cached = site.get("/assets/app.0123abcd.js", "sha512", PASSWORD)[2]["Cache-Control"]
        assert cached == "private, max-age=31536000, immutable"
        assert site.files("/srv", "-name", "Static*") == set()
        said = "\n".join(one.line for one in docker.logs(site.container))
    said += "\n".join((*builds.lines, *builds.said))
    for argv in (["history", "--no-trunc"], ["inspect"]):
        said += run([str(DockerCli().find().path), *argv, tag], timeout=20).stdout
    assert [hashed for hashed in LOGINS.values() if hashed in said or hashed[-12:] in said] == []
