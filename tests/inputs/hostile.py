"""Hostile names, branches, variables and hosts: made here, sent through the code that would hand them on, and looked for there.

One `Case` is one app with everything of it hostile, beside a second app whose name is as near to the first one's as names can
be. `Trial.run` sends it through; whatever is wrong is an AssertionError with the value. No process is started.
"""

import json
import random
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, TypeVar, cast
from unittest import mock

from docker import errors as docker_errors
from ruamel.yaml import YAML

from deployhost.apps.commits import find_commit
from deployhost.build import image as build_image
from deployhost.build.cache_key import NAMESPACE, CacheKey
from deployhost.build.detect.commands import read_procfile, start_of
from deployhost.build.docker_cli import Cli
from deployhost.build.image import ImageBuilder
from deployhost.build.labels import DEPLOY_LABEL, OURS, SETTINGS_LABEL
from deployhost.build.plan import BuildPlan
from deployhost.build.sources.prepare import Prepared
from deployhost.cli import completion
from deployhost.config import apps, dotenv
from deployhost.config.app import AppConfig
from deployhost.config.env import EnvStore, refusals, revealed
from deployhost.config.yaml_edit import YamlText
from deployhost.containers.attempt import Attempt
from deployhost.containers.belongs import app_of, deploy_of, workers_of
from deployhost.containers.boot import BootWatch
from deployhost.containers.make import ContainerMaker
from deployhost.containers.processes import Process, processes_of
from deployhost.containers.ran_with import as_it_ran
from deployhost.containers.spec import PROXY_ADDRESSES, PROXY_NETWORK, container_of
from deployhost.control.progress import error_lines
from deployhost.control.terminal import coloured, escaped, plain
from deployhost.deploy.push_plan import PushKind, judge_push
from deployhost.errors import DeployhostError, InvalidConfig, InvalidName
from deployhost.kamal import contract, env_values
from deployhost.kamal.deploy_yml import Build, KamalApp, Registry, deploy_yml, document
from deployhost.kamal.files import KamalFiles
from deployhost.kamal.proxy import Target, deploy_arguments
from deployhost.model import (
    WEB,
    AppName,
    Branch,
    Deploy,
    DeployStatus,
    Domain,
    EnvName,
    ProcessName,
    Secret,
    Sha,
    Trigger,
    Version,
)  # fmt: skip
from deployhost.paths import Paths
from deployhost.system import git, http
from deployhost.system.clock import CLOCK
from deployhost.system.docker import Docker
from deployhost.system.docker_answers import read_listed
from deployhost.system.docker_model import Image
from deployhost.system.netns import Namespaces
from deployhost.system.process import Completed
from tests.fakes.docker import proxy_container

ATTACKS = (
    "$(touch /tmp/owned)", "`id`", "; id", "&& id", "|| id", "| id", "> /etc/passwd", "$HOME", "${HOME}",
    "${x:-$(id)}", "'", '"', "\\", "'; id; '", '"; id; "', "--privileged", "--upload-pack=id", "-v", "--", "-", "-c",
    "--host=b", "--env-file=/etc/shadow", "../", "..", "/", "//", "/etc/passwd", "\n", "\r\n", "\t", "\0", "\x1b[2J",
    "\x1b]0;x\x07", "\x85", "\u2028", "\u202e", "\ufeff", "%s", "%0a", "{{.Id}}", "<%= `id` %>", "<%", "%>",
    "#{`id`}", "!!python/object/apply:os.system [id]", "!ruby/object:Gem", "&a", "*a", "<<: *a", ": ", "# ", " #x",
    "- ", "? ", "|", ">", "@", "%YAML", "---", "...", "yes", "no", "null", "~", "true", "0x1f", "1e3", "017", "1:30",
    "2001-01-01", "=", "a=b", "service=b", "role=web", ",", "a,b", "[", "]", "{", "}", "web", "b", "b-web", "worker",
    "kamal-proxy", "kamal", "latest", "localhost", "lock-b", ".lock", "@{", "@{1}", "HEAD", "refs/heads/", "~1",
    "^{commit}", ":/x", ":", "*", "?", ".", "-x", "x-", "_", "A", "\xc9", "\xdf", "\u4e2d", "\U0001f4a9", "0",
    "0" * 12, "a" * 41, "f" * 40, " ", "\nPORT=1", "\nLABEL x=y",
)  # fmt: skip
# What labels of ours might be made to say.
VALUES = (
    str(2**63 - 1), "9" * 60, "-1", "\u0661", "7", "web", "worker ghost", "{}", '{"x": "y"}', "[" * 60_000, '{"a":' * 50_000, "null",
    json.dumps({f"p{number}": "sleep 9" for number in range(41)}), json.dumps({"p": "a" * 5000, "q": "\x1b[2J", "../r": "x", "web": "x"}),
    '{"port": 1e999, "health": "x y", "release": "\\u0000"}', '{"port": true, "health": 7}',
)  # fmt: skip
LETTERS = "abcxyz0123456789"
REF = LETTERS + "-/._@{}$()`;&|'\"<>#%!=,+\x85\x9b\u202e\u2066\u200b\xe9\u4e2d"
FLAGS = {
    "--target", "--host", "--health-check-port", "--health-check-path", "--health-check-interval", "--deploy-timeout", "--drain-timeout",
    "--target-timeout", "--log-request-header",
}  # fmt: skip
BUILD_FLAGS = {"--progress", "--file", "--tag", "--label", "--secret", "--build-arg", "--add-host"}
ACTS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
SHA = Sha("0123456789" * 4)
T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """What was made for one round; each field that has a type was taken by it."""

    app: AppName
    other: AppName
    process: ProcessName
    branch: Branch
    tag: Branch  # a tag's name has the same rules
    ref: str
    env: dict[EnvName, str]
    domains: tuple[Domain, ...]
    command: str
    subject: str
    labels: dict[str, str]  # that the image brings along
    refused: int

    @property
    def values(self) -> int:
        """How many hostile values it has, those that the types refused among them."""
        return 7 + (len(self.env) + len(self.labels)) * 2 + len(self.domains) + self.refused


class Maker:
    """Given a seed, make cases."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._refused = 0

    def case(self) -> Case:
        """Return the next one."""
        self._refused = 0
        app = self._accepted(AppName, LETTERS + "-", 40)
        process = self._accepted(ProcessName, "abcxyz0123_", 30)
        case = Case(
            app=app,
            other=self._near(app, process),
            process=process,
            branch=self._accepted(Branch, REF, 60),
            tag=self._accepted(Branch, REF, 60),
            ref=self.text(),
            env={
                self._accepted(EnvName, "ABCxyz019_", 20): self.text() for _ in range(self._random.randrange(1, 4))
            },
            domains=tuple({self._accepted(Domain, LETTERS + "-.", 60) for _ in range(self._random.randrange(1, 3))}),
            command=self.text(),
            subject=self.text(),
            labels={self._label(): self._random.choice([self.text(), *VALUES]) for _ in range(3)},
            refused=0,
        )  # fmt: skip
        return Case(**{**case.__dict__, "refused": self._refused})

    def text(self) -> str:
        """Return some text with attacks in it."""
        parts = [self._random.choice(ATTACKS) for _ in range(self._random.randrange(1, 5))]
        parts += ["".join(self._random.choices(LETTERS, k=self._random.randrange(4))) for _ in range(2)]
        self._random.shuffle(parts)
        return "".join(parts)

    def _label(self) -> str:
        """Return the name of a label: one that deployhost or Kamal reads, or may read one day, or any."""
        known = (*OURS, "service", "role", "destination", "deployhost.later", f"deployhost.{self.text()}")
        return self._random.choice([*known, self.text()])

    def _accepted(self, kind: type[T], letters: str, longest: int) -> T:
        """Return a name that the type takes, after having offered it ones that it may not; what it takes is proved harmless."""
        while True:
            hostile = self._random.random() < 0.5
            offered = (
                self.text() if hostile else "".join(self._random.choices(letters, k=self._random.randrange(1, longest)))
            )
            try:
                made = cast("Any", kind)(offered)
            except InvalidName:
                self._refused += 1
                continue
            assert harmless(kind, offered), f"{kind.__name__} takes {offered!r}"
            return cast("T", made)

    def _near(self, app: AppName, process: ProcessName) -> AppName:
        """Return another app whose name is as much like this one's as can be."""
        tried = [
            f"{app}-web",
            f"{app}-{process}".replace("_", "-"),
            f"{app}0",
            app[:-1],
            f"{app}-latest",
            f"lock-{app}",
            f"{app}-audit",
        ]
        self._random.shuffle(tried)
        for name in tried:
            if AppName.pattern.fullmatch(name) and name != app:
                return AppName(name)
        return AppName("b")


def harmless(kind: type[object], text: str) -> bool:
    """Given a type and a text that it took, return whether nothing can read it as anything but a name."""
    if kind is Branch:
        return (
            not re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//", text)
            and text[0] not in "-./"
            and text[-1] not in "./"
        )
    allowed = {AppName: r"[a-z0-9-]+", ProcessName: r"[a-z0-9_]+", Domain: r"[a-z0-9.-]+", EnvName: r"[A-Za-z0-9_]+"}[
        cast("Any", kind)
    ]
    return bool(re.fullmatch(allowed, text)) and not text.startswith("-") and len(text) < 254


class Trial:
    """Given a directory, send cases through the code; files are written there only."""

    def __init__(self, root: Path) -> None:
        self._paths = Paths(root)
        (root / "run").mkdir(parents=True, exist_ok=True)
        self._bodies: list[tuple[str, dict[str, Any]]] = []
        self._docker = _Recording(self._bodies)
        self._env = EnvStore(self._paths)
        self._kamal = KamalFiles(self._paths.kamal)
        self._repository = git.BareRepository(self._paths.repo(AppName("a")))
        self._yaml = YAML(typ="safe", pure=True)
        self._yaml.version = (1, 1)

    def run(self, case: Case) -> None:
        """Given a case, send all of it through. Raise AssertionError."""
        config = self.apps_yml(case)
        env = self.variables(case)
        self.container(case, config, env)
        self.build(case)
        self.git(case)
        self.proxy(case)
        self.kamal(case, config, env)
        self.apart(case)
        self.terminal(case)
        self.completion(case)

    def terminal(self, case: Case) -> None:
        """Nothing that is shown acts on a terminal, hides, or turns what follows it round: colours may stay in what apps write."""
        for text in (case.subject, case.ref, case.branch, case.tag, case.command, *case.labels, *case.labels.values()):
            line = " ".join(text.split("\n"))  # git itself has subjects on one line
            colours = re.sub(r"\x1b\[[0-9;:]*m", "", coloured(line))
            for shown in (
                plain(line),
                escaped(text),
                colours,
                *error_lines(cast("Any", {"message": text, "hint": text})),
            ):
                assert not ACTS.search(shown), f"a terminal would obey {shown!r}"

    def completion(self, case: Case) -> None:
        """What bash inserts is one word, which is the name; what can't be seen is not offered."""
        names = [case.branch, case.tag]
        offered = completion._begins_so(lambda _context: names)(cast("Any", None), "")
        seen = [name for name in names if escaped(name) == name]
        assert [_word_of_bash(word) for word in offered] == seen

    def apps_yml(self, case: Case) -> AppConfig:
        """What is written into apps.yml reads back as the same, and as nothing else."""
        text = YamlText("# mine\napps:\n  zzz: {storage: true}  # kept\n", "apps.yml")
        app = str(case.app)
        text.set(("apps", app), None)
        text.set(("apps", app, "branch"), case.branch)
        text.append(("apps", app, "domains"), case.domains)
        expected = AppConfig(name=case.app, branch=case.branch, domains=case.domains)
        try:
            file = apps.parse(text.root, "apps.yml")
            file.check()
        except InvalidConfig as error:
            # Rules of the file itself: an app's own .localhost name is not to be written, and no other app's.
            if any(rule in line for line in error.details for rule in ("answers at", "own address")):
                return expected
            raise AssertionError(error.details) from error
        assert file.apps == {AppName("zzz"): AppConfig(name=AppName("zzz"), storage=True), case.app: expected}, (
            text.text
        )
        assert text.text.startswith("# mine\napps:\n  zzz: {storage: true}  # kept\n")
        self._command_in_apps_yml(case, text)
        return expected

    def _command_in_apps_yml(self, case: Case, text: YamlText) -> None:
        path = ("apps", str(case.app), "release")
        try:
            text.set(path, case.command)
            file = apps.parse(text.root, "apps.yml")
            file.check()
        except (InvalidConfig, ValueError):
            return
        found = file.apps
        assert found[case.app].release == case.command.strip(), case.command
        assert len(found) == 2

    def variables(self, case: Case) -> dict[EnvName, str]:
        """Variables are kept as they are, or refused; a .env file that is written reads back as the same."""
        fit = {name: value for name, value in case.env.items() if not refusals(name, value)}
        for name in set(case.env) - set(fit):
            assert name == "PORT" or name.upper().startswith(("KAMAL_", "DEPLOYHOST_")) or "\0" in case.env[name]
        now = SimpleNamespace(astimezone=lambda _zone: SimpleNamespace(isoformat=lambda timespec: f"T{timespec}"))
        self._env.set(case.app, fit, cast("Any", now))
        assert revealed(self._env.read(case.app)) == fit
        assert self._env.read(case.other) == {}
        self._env.remove(case.app)
        assert dotenv.parse(dotenv.render(fit)) == fit
        return fit

    def container(self, case: Case, config: AppConfig, env: dict[EnvName, str]) -> None:
        """The body that the engine gets: labels exactly these, variables exactly those, the command one argv."""
        procfile = read_procfile(_tree(f"web: a\n{case.process}: {case.command}\n"))
        command = procfile.others.get(case.process)
        argv = None if command is None else start_of(command).argv
        if command is not None and argv is not None:
            assert argv[:2] == ("/bin/sh", "-c") or list(argv) == shlex.split(command, comments=True)
        version = Version(f"{SHA}-7")
        attempt = Attempt(
            _deploy(case),
            version,
            config,
            {str(name): Secret(value) for name, value in env.items()},
            cast("Any", None),
            cast("Any", None),
            lambda: None,
        )
        name = case.process if argv else WEB
        boot = BootWatch(docker=self._docker, namespaces=Namespaces(), get=http.get, clock=CLOCK)
        image = replace(_IMAGE, labels=case.labels)
        maker = ContainerMaker(docker=self._docker, paths=self._paths, boot=boot, size_limit=lambda: None)
        maker.create(attempt, image, Process(name, argv))
        given, body = self._bodies.pop()
        assert given == f"{case.app}-{name}-{version}"
        said = {} if argv else {SETTINGS_LABEL: "{}"}
        labels = {"service": case.app, "role": name, "destination": "", DEPLOY_LABEL: "7"} | said
        # The engine adds what the image has and the container does not set.
        there = {**case.labels, **body["Labels"]}
        assert {key: value for key, value in there.items() if key.startswith("deployhost.") and value} == {
            key: value for key, value in labels.items() if key.startswith("deployhost.")
        }
        assert {key: there.get(key) for key in ("service", "role", "destination")}.items() <= labels.items()
        self.labels_as_they_are_read(case, image)
        assert body.get("Cmd") == (None if argv is None else list(argv))
        ours = {
            "KAMAL_VERSION",
            "KAMAL_CONTAINER_NAME",
            "KAMAL_HOST",
            "PORT",
            "DEPLOYHOST_APP",
            "DEPLOYHOST_PUSHED_AT",
            PROXY_NETWORK,
            PROXY_ADDRESSES,
        }
        passed = dict(line.split("=", 1) for line in body["Env"])
        assert {key: value for key, value in passed.items() if key not in ours} == env
        assert len(body["Env"]) == len(passed)
        assert not body["HostConfig"]["Binds"]
        assert set(body["NetworkingConfig"]["EndpointsConfig"]) == {contract.NETWORK}
        assert "Privileged" not in body["HostConfig"]
        assert body["HostConfig"]["CapDrop"] == ["ALL"]
        binds = container_of(_IMAGE, _with_storage(config), Process(WEB), self._paths.storage(case.app)).binds
        assert binds == (f"{self._paths.storage_root}/{case.app}:/storage",)

    def labels_as_they_are_read(self, case: Case, image: Image) -> None:
        """Whatever stands in labels, as on images of long ago, is bounded when it is read."""
        read = processes_of(image, AppConfig(case.app))
        assert len(read.workers) <= 16
        for worker in read.workers:
            assert worker.argv is not None
            assert all(word.isprintable() and len(word) <= 2000 for word in worker.argv), worker
        box = read_listed({"Id": "0", "Names": [f"/{case.ref}"], "Labels": case.labels})
        number = deploy_of(box)
        assert number is None or 0 <= number <= 10**12
        assert len(workers_of(box)) <= 100
        assert app_of(box) in (None, case.labels.get("service"))
        web = replace(proxy_container(), labels=case.labels)
        then = as_it_ran(AppConfig(case.app), web, [])
        assert then.port is None or 0 < then.port < 65536
        assert then.health is None or re.fullmatch(r"/[!-~]*", then.health)

    def build(self, case: Case) -> None:
        """The argv of docker build: options that we know, values in them that say what was meant, and the context."""
        plan = BuildPlan(kind="dockerfile", runtime="dockerfile", processes={str(case.process): case.command})
        seen: list[list[str]] = []
        limits = SimpleNamespace(applied=lambda _cli, _say: _Limits())
        noted = SimpleNamespace(seen=lambda: None, end=lambda: None)
        cli = SimpleNamespace(find=lambda: Cli(Path("/usr/bin/docker"), buildx=True))
        docker = SimpleNamespace(image=lambda _reference: replace(_IMAGE, labels=case.labels | _labels_in(seen[0])))
        builder = ImageBuilder(
            cast("Any", docker), cast("Any", None), cast("Any", cli), self._paths.root / "run", {"HOME": "/nonexistent", "PATH": ""},
            limits=cast("Any", limits), builds=cast("Any", SimpleNamespace(begin=lambda: noted)),
            sources=cast("Any", SimpleNamespace(ready=lambda text, _asked: Prepared(text))),
        )  # fmt: skip
        context, work = self._paths.build_tree(case.app), self._paths.build_work(case.app)
        for folder in (context, work):
            folder.mkdir(parents=True, exist_ok=True)
        (context / "Dockerfile").write_text("FROM scratch\n")
        with mock.patch.object(build_image, "run", _recorder(seen)):
            builder.build(
                plan, ready=builder.prepare(plan, app=case.app, context=context, work=work, stand_in=False, say=print),
                key=CacheKey("0" * 64),
                app=case.app, context=context, reference=contract.image(case.app, Version(SHA)), source="s",
                fresh=False, on_line=print, say=print,
            )  # fmt: skip
        (argv,) = seen
        at = argv.index("build")
        assert argv[:at] == ["nice", "-n", "10", "/usr/bin/docker"]
        labels = _labels_in(argv)
        for argument in argv[at + 1 : -1]:
            flag, _, value = argument.partition("=")
            assert flag in BUILD_FLAGS, argument
            if flag == "--secret":  # the host's own certificates
                assert re.fullmatch(r"id=ca,src=/[a-z/.-]+", value), argument
            elif flag == "--build-arg":
                assert value == NAMESPACE, argument
            elif flag == "--add-host":
                assert re.fullmatch(r"deployhost-[0-9a-f]{32}:127\.0\.0\.1", value), argument
        assert argv[-1] == f"{self._paths.builds}/{case.app}"
        assert json.loads(labels.pop("deployhost.processes")) == {str(case.process): case.command}
        said = {"service": case.app, "deployhost.app": case.app, "deployhost.source": "s"}
        assert {*OURS, "role"} <= {*labels, "deployhost.processes"}
        assert {key: value for key, value in labels.items() if value} == said

    def git(self, case: Case) -> None:
        """git gets a ref as one argument that is no option, however it was named."""
        seen: list[list[str]] = []
        with mock.patch.object(git, "run", _recorder(seen, code=1)):
            for named in (case.ref, f"refs/heads/{case.ref}", case.branch):
                with suppress(DeployhostError):
                    find_commit(self._repository, case.app, named)
            self._repository.resolve(case.ref)
            self._repository.set_head(case.branch)
            self._repository.move_branch(case.branch, SHA)
            self._repository.create(case.branch, {})
        for argv in seen:
            for index, argument in enumerate(argv):
                if case.branch in argument or case.ref in argument:
                    self._safe_for_git(argv, index)
        verdict = judge_push(case.app, None, f"refs/heads/{case.ref}", SHA)
        assert verdict.kind is not PushKind.DEPLOY or (verdict.branch == case.ref and harmless(Branch, case.ref))
        assert judge_push(case.app, case.branch, f"refs/heads/{case.branch}", SHA).branch == case.branch

    def _safe_for_git(self, argv: Sequence[str], index: int) -> None:
        argument = argv[index]
        # A branch may be called `=`, which is part of an option that has no value of anybody's.
        ours = argument == "--template=" or argument.startswith(
            (
                "refs/heads/",
                "refs/tags/",
                "--initial-branch=",
                "--git-dir=",
                "--disambiguate=",
                "core.packedGit",
                "core.bigFileThreshold=",
            )
        )
        ours = ours or (argument == "-c" and argv[index + 1].startswith("core."))
        path = argument == str(self._repository.path) or (argument in _GIT_WORDS and argv.count(argument) == 1)
        assert ours or path or "--end-of-options" in argv[:index], argv

    def proxy(self, case: Case) -> None:
        """kamal-proxy gets one service, and the hosts that were meant."""
        hosts = (Domain(f"{case.app}.localhost"), *case.domains)
        target = Target(
            service=contract.service_name(case.app, WEB), address="0123456789ab:8080", hosts=hosts, health_port=1, health_path="/h",
            deploy_timeout=1, drain_timeout=1, response_timeout=1,
        )  # fmt: skip
        arguments = list(deploy_arguments(target))
        assert arguments[:2] == ["deploy", f"{case.app}-web"]
        options = [argument.partition("=") for argument in arguments[2:]]
        assert {flag for flag, _, _ in options} == FLAGS
        # The proxy takes a comma as the end of one host.
        assert [host for flag, _, value in options if flag == "--host" for host in value.split(",")] == list(hosts)

    def kamal(self, case: Case, config: AppConfig, env: dict[EnvName, str]) -> None:
        """Kamal's files hold what was meant, whoever reads them: ERB, YAML 1.1, dotenv, Docker's env files, a shell."""
        argv = ("sh", "-c", case.command.replace("\0", ""))
        spec = container_of(_IMAGE, config, Process(WEB, argv), self._paths.storage(case.app))
        app = KamalApp(
            config=config, roles={WEB: spec, case.process: spec} if case.process != WEB else {WEB: spec}, hosts=config.hosts, port=80,
            health="/up", secrets=tuple(env), registry=Registry(contract.REGISTRY, "deployhost", password=case.subject),
            build=Build(arch="amd64"), proxy_port=80,
        )  # fmt: skip
        text = deploy_yml(app)
        assert "<%" not in text
        read = self._yaml.load(text)
        assert read == _plain(document(app)), text
        assert read["servers"]["web"]["hosts"] == ["127.0.0.1"]
        assert shlex.split(read["servers"]["web"]["cmd"]) == list(argv)
        found = env_values.split({str(name): value for name, value in env.items()})
        assert {*found.secrets, *found.exact, *found.unfit} == set(env)
        assert _dotenv_of_ruby(env_values.secrets_text(found.secrets)) == found.secrets
        assert contract.env_file(dict(found.secrets)) == env_values.env_file_text(found.secrets) or not found.secrets
        assert _env_file_of_docker(env_values.env_file_text(found.exact)) == found.exact
        self._kamal.write_env(case.app, case.process, {str(name): value for name, value in env.items()})
        path = self._paths.kamal / "apps" / case.app / "env" / "roles" / f"{case.process}.env"
        assert path.stat().st_mode & 0o077 == 0
        assert list(_env_file_of_docker(path.read_bytes().decode())) == list(env)
        self._kamal.remove(case.app)

    def apart(self, case: Case) -> None:
        """Nothing of one app is, lies in, or reads like anything of the other."""
        ours, theirs = (_names(app, case.process) for app in (case.app, case.other))
        assert not ours & theirs, ours & theirs
        ours_at, theirs_at = (_places(self._paths, app) for app in (case.app, case.other))
        for one in ours_at:
            for two in theirs_at:
                assert not one.is_relative_to(two), (one, two)
                assert not two.is_relative_to(one), (one, two)
        listed = [_container(app, case.process) for app in (case.app, case.other)]
        self._docker.listing = listed
        for app in (case.app, case.other):
            assert [one.labels["service"] for one in self._docker.listed({"service": app})] == [app]


def _word_of_bash(text: str) -> str:
    """Return the one word that bash reads in a text, in which nothing but a backslash has a meaning."""
    word = re.sub(r"\\(.)", r"\1", text)
    assert re.fullmatch(r"(?:\\.|[\w./:=@%+-]|[^\x00-\x7f])*", text), text
    assert not word.startswith("-"), text
    return word


class _Recording(Docker):
    """Takes note of what the engine would be asked to create; lists whatever it is given, as an engine that filters badly would."""

    def __init__(self, bodies: list[tuple[str, dict[str, Any]]]) -> None:
        super().__init__("nowhere")
        self._bodies = bodies
        self.listing: list[dict[str, Any]] = []

    @property
    def _api(self) -> Any:
        return SimpleNamespace(
            api_version="1.41",
            create_container_from_config=self._create,
            containers=lambda **_: self.listing,
            networks=lambda **_: [_NETWORK],
            inspect_container=_no_container,
        )

    def _create(self, body: dict[str, Any], name: str) -> dict[str, str]:
        self._bodies.append((name, body))
        return {"Id": "0" * 64}

    def image(self, reference: str) -> Image | None:
        return _IMAGE


class _Limits:
    """No limits."""

    argv: tuple[str, ...] = ()
    timeout = 1.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


_NETWORK = {
    "Name": contract.NETWORK,
    "Id": "0" * 64,
    "IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]},
}


def _no_container(name: str) -> None:
    raise docker_errors.NotFound(name)


_IMAGE = Image("sha256:0", (), {}, "1000", (8080,), "")
_GIT_WORDS = {
    "git",
    "HEAD",
    "init",
    "config",
    "rev-parse",
    "symbolic-ref",
    "update-ref",
    "--quiet",
    "--bare",
    "--verify",
    "-c",
    SHA,
    "--end-of-options",
}


def _recorder(seen: list[list[str]], code: int = 0) -> Any:
    def run(argv: Sequence[str], **_: object) -> Completed:
        assert all(isinstance(argument, str) for argument in argv)
        seen.append(list(argv))
        return Completed(code, "", "")

    return run


def _labels_in(argv: Sequence[str]) -> dict[str, str]:
    """Return the labels that `docker build` is told to set."""
    options = [argument.removeprefix("--label=") for argument in argv if argument.startswith("--label=")]
    labels = dict(option.split("=", 1) for option in options)
    assert len(labels) == len(options)
    return labels


def _tree(procfile: str) -> Any:
    return SimpleNamespace(exists=lambda _path: True, read=lambda _path: procfile)


def _deploy(case: Case) -> Deploy:
    return Deploy(
        id=7, app=case.app, sha=SHA, subject=case.subject, branch=case.branch, trigger=Trigger.PUSH, rebuild=False, status=DeployStatus.RUNNING,
        stage="", attempt=1, version=None, container=None, port=None, requested_at=1.0, started_at=None, live_at=None, finished_at=None,
        superseded_by=None, error=None,
    )  # fmt: skip


def _with_storage(config: AppConfig) -> AppConfig:
    return AppConfig(**{**config.__dict__, "storage": True})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value


def _dotenv_of_ruby(text: str) -> dict[str, str]:
    """Read `.kamal/secrets` as Ruby's dotenv 3 does, which takes single-quoted values as they are and no others."""
    found = {}
    for line in text.split("\n")[:-1]:
        match = re.fullmatch(r"([A-Za-z_][A-Za-z0-9_]*)='([^'\\]*)'", line)
        assert match is not None, line
        found[match[1]] = match[2]
    return found


def _env_file_of_docker(text: str) -> dict[str, str]:
    """Read an env file as Docker does: by lines, blank ones and comments left out, no quoting (opts/file.go)."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _names(app: AppName, process: ProcessName) -> set[str]:
    """Everything by which Docker, Kamal and the proxy would know this app."""
    versions = (Version(SHA), Version(f"{SHA}-1"))
    processes = {WEB, process}
    return {
        contract.repository(app),
        contract.latest_image(app),
        *(contract.image(app, version) for version in versions),
        *(contract.container_name(app, one, version) for one in processes for version in versions),
        *(contract.replaced_name(contract.container_name(app, one, versions[0]), "0" * 16) for one in processes),
        *(f"service {contract.service_name(app, one)}" for one in processes),
        *(f"alias {alias}" for one in processes for alias in contract.aliases(app, one)),
    }


def _places(paths: Paths, app: AppName) -> Iterator[Path] | list[Path]:
    """Every place on the disk that is this app's."""
    kamal = paths.kamal
    return [
        paths.repo(app), paths.build_tree(app), paths.build_work(app), git.index_of(paths.build_tree(app)), paths.storage(app),
        paths.secrets / f"{app}.json", paths.kamal_projects / app, kamal / f"lock-{app}", kamal / f"{app}-audit.log", kamal / "apps" / app,
        kamal / "proxy" / "apps-config" / app,
    ]  # fmt: skip


def _container(app: AppName, process: ProcessName) -> dict[str, Any]:
    return {
        "Id": "0" * 64,
        "Names": [f"/{app}-{process}-{SHA}"],
        "State": "running",
        "Labels": contract.role_labels(app, process),
    }


@contextmanager
def nothing_started() -> Iterator[None]:
    """Fail whoever starts a process meanwhile."""
    with mock.patch("subprocess.Popen", side_effect=AssertionError("a process was started")):
        yield
