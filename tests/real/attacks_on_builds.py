"""Dockerfiles that reach for what is not their app's, on the real engine: with nothing in their way, and through deployhost.

Each attack has its variants. An attack that fails with nothing in its way proves nothing, so `Field.succeeds` shows that it works.
"""

import contextlib
import io
import json
import os
import tarfile
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from deployhost.build.bases import Bases
from deployhost.build.cache_key import cache_key
from deployhost.build.directory import DirectoryTree, load_templates
from deployhost.build.docker_cli import DockerCli
from deployhost.build.image import ImageBuilder, ReadyDockerfile
from deployhost.build.limits import BuildLimits
from deployhost.build.plan import plan_build
from deployhost.build.sources import addresses_plan, source_policy
from deployhost.build.sources.names import in_full
from deployhost.build.sources.prepare import POLICY, BuildSources
from deployhost.config.server import ServerSettings
from deployhost.errors import DeployhostError, SourceRefused
from deployhost.journal.builds import Builds
from deployhost.journal.database import Database
from deployhost.model import AppName
from deployhost.system.addresses import HostAddresses
from deployhost.system.docker import Docker
from deployhost.system.guarded_download import GuardedDownload
from deployhost.system.process import run

APP = AppName("xattacker")
BASE = "python:3.13-slim"
VICTIM = "127.0.0.1:5555/xvictim:latest"
OWNERS = "xowner/base:latest"
OWNERS_SHORT = "xownerbase:latest"
TRIGGERS = ("xpublic/copies:1", "xpublic/mounts:1", "xpublic/adds:1")
SECRET = "what-the-other-app-has"
NAMES = (VICTIM, OWNERS, OWNERS_SHORT, *TRIGGERS)


@dataclass(frozen=True)
class Attack:
    """One Dockerfile. It works on Docker `since` and later, below `until`, where nothing is in its way; `since` None: nowhere."""

    name: str
    text: str
    since: int | None = 20
    until: int = 1000


FIRST = f"FROM {BASE}\n"
# {secret} is what shows it; {port} a server on loopback, {address} another address of this machine that it has.
IMAGES = (
    Attack("another app's image", f"FROM {VICTIM} AS a\n{FIRST}COPY --from=a /secret /\n{{secret}}"),
    Attack("… in a variable", f"ARG R=127.0.0.1:5555\nARG N=victim\nFROM $R/x${{N:-y}} AS a\n{FIRST}COPY --from=a /secret /\n{{secret}}"),
    Attack("… by a prefix", f"ARG R=y127.0.0.1\nFROM ${{R#y}}:5555/xvictim AS a\n{FIRST}COPY --from=a /secret /\n{{secret}}", 26),
    Attack("… continued", f"# escape=`\nFROM 127.0.0.1:55`\n55/xvictim AS a\n{FIRST}COPY --from=a /secret /\n{{secret}}"),
    Attack("… after a carriage return", f"FROM {VICTIM} AS a\r\n{FIRST}COPY --from=a /secret /\n{{secret}}"),
    Attack("copied from", f"{FIRST}COPY --from={VICTIM} /secret /\n{{secret}}"),
    Attack("… by an escaped flag", f"{FIRST}COPY --fr\\om={VICTIM} /secret /\n{{secret}}"),
    Attack("… by a quoted flag", f"{FIRST}COPY --chown=0 --\"from\"='{VICTIM}' /secret /\n{{secret}}"),
    Attack("… in small letters with a tab", f"{FIRST}copy\t--from={VICTIM}\t/secret /\n{{secret}}"),
    Attack("mounted", f"{FIRST}RUN --mount=type=bind,from={VICTIM},target=/v cp /v/secret /\n{{secret}}"),
    Attack("… in capitals", f"{FIRST}RUN --mount=type=bind,FROM={VICTIM},target=/v cp /v/secret /\n{{secret}}"),
    Attack("… quoted", f"{FIRST}RUN --mount='type=bind,from={VICTIM},target=/v' cp /v/secret /\n{{secret}}"),
    Attack("… beside another", f"{FIRST}RUN --mount=type=tmpfs,target=/t --mount=target=/v,from={VICTIM} cp /v/secret /\n{{secret}}"),
    Attack("… as a cache's first content", f"{FIRST}RUN --mount=type=cache,id={{nonce}},from={VICTIM},target=/v cp /v/secret /\n{{secret}}"),
    Attack("its owner's image", f"FROM {OWNERS} AS a\n{FIRST}COPY --from=a /secret /\n{{secret}}"),
    Attack("… in full", f"{FIRST}COPY --from=docker.io/{OWNERS} /secret /\n{{secret}}"),
    Attack("… of one word", f"{FIRST}COPY --from={OWNERS_SHORT.removesuffix(':latest')} /secret /\n{{secret}}"),
    Attack("… under Docker Hub's other name", f"{FIRST}COPY --from=index.docker.io/library/{OWNERS_SHORT} /secret /\n{{secret}}"),
    Attack("by another name of loopback", f"{FIRST}COPY --from=localhost:5555/xvictim /secret /\n{{secret}}", None),
    Attack("… with a port of five digits", f"{FIRST}COPY --from=127.0.0.1:05555/xvictim /secret /\n{{secret}}", None),
    Attack("… by the id of the image", f"FROM {{id}} AS a\n{FIRST}COPY --from=a /secret /\n{{secret}}", None),
    Attack("… as a frontend", f"# syntax={VICTIM}\n{FIRST}{{secret}}", None),
    Attack("… behind a heredoc", f"{FIRST}RUN true <<CMD\nFROM {VICTIM} AS a\nCMD\n{FIRST}COPY --from=a /secret /\n{{secret}}", until=23),
)  # fmt: skip
ONBUILD = (
    Attack("a trigger that copies", f"FROM {TRIGGERS[0]}\n{{secret}}", 28),
    Attack("a trigger that mounts", f"FROM {TRIGGERS[1]}\n{{secret}}", 28),
    Attack("a trigger that adds", f"FROM {TRIGGERS[2]}\n{{secret}}"),
    Attack("a trigger of one's own", f"{FIRST}ONBUILD COPY --from={VICTIM} /secret /\nFROM {TRIGGERS[0]}\n{{secret}}", None),
    Attack("… of an earlier stage", f"FROM {BASE} AS a\nONBUILD COPY --from={VICTIM} /secret /\nFROM a\n{{secret}}", 28),
    Attack("… with another escape", f"# escape=`\nFROM {BASE} AS a\nONBUILD COPY --fr\\om={VICTIM} /secret /\nFROM a\n{{secret}}", 28),
)  # fmt: skip
ADDED = (
    Attack("a service on loopback", f"{FIRST}ADD http://127.0.0.1:{{port}}/x /secret\n{{secret}}"),
    Attack("… by its name", f"{FIRST}ADD http://localhost:{{port}}/x /secret\n{{secret}}"),
    Attack("… by no address", f"{FIRST}ADD http://0.0.0.0:{{port}}/x /secret\n{{secret}}"),
    Attack("… in a variable", f"{FIRST}ENV H=127.0.0.1\nADD http://$H:{{port}}/x /secret\n{{secret}}"),
    Attack("… its scheme in a variable", f"{FIRST}ARG S=http\nADD ${{S}}://127.0.0.1:{{port}}/x /secret\n{{secret}}"),
    Attack("… in a list", f'{FIRST}ADD ["http://127.0.0.1:{{port}}/x", "/secret"]\n{{secret}}'),
    Attack("… in quotes", f"{FIRST}ADD 'http:'//127.0.0.1:{{port}}/x /secret\n{{secret}}"),
    Attack("… escaped", f"{FIRST}ADD ht\\tp://127.0.0.1:{{port}}/x /secret\n{{secret}}"),
    Attack("… as IPv4 in IPv6", f"{FIRST}ADD http://[::ffff:127.0.0.1]:{{port}}/x /secret\n{{secret}}"),
    Attack("… in few numbers", f"{FIRST}ADD http://127.1:{{port}}/x /secret\n{{secret}}", None),
    Attack("… by another address of the host", f"{FIRST}ADD http://{{address}}:{{port}}/x /secret\n{{secret}}"),
    Attack("… by a redirect", f"{FIRST}ADD http://{{address}}:{{port}}/to/http://127.0.0.1:{{port}}/x /secret\n{{secret}}"),
    Attack("… by git", f"{FIRST}ADD http://127.0.0.1:{{port}}/x.git /secret\n{{secret}}", None),
)  # fmt: skip
ATTACKS = (*IMAGES, *ONBUILD, *ADDED)


class Field:
    """What is attacked: images of others and a server on all addresses; and the two ways to build."""

    def __init__(self, root: Path) -> None:
        self.root, self.docker = root, Docker()
        for name in ("context", "work", "run"):
            (root / name).mkdir()
        self.server = _Server(("", 0), _Handler)
        self.cli = DockerCli(os.environ)
        self.major = int(self.docker.info().version.partition(".")[0])
        addresses = [
            str(one) for one in sorted(HostAddresses().every(), key=str) if one.version == 4 and not one.is_loopback
        ]
        # One that would count as public if it were not the host's own, where there is one: a redirect has to begin there.
        addresses.sort(key=lambda one: addresses_plan.refusal(one, ()) != "")
        self.address = (*addresses, "127.0.0.1")[0]
        self._number = 0

    def set_up(self) -> None:
        """Have the images, and serve."""
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        for name in (VICTIM, OWNERS, OWNERS_SHORT):
            self._image(name)
        port = self.server.server_port
        here = self.docker.image(BASE)
        assert here is not None, BASE
        triggers = (
            f"COPY --from={VICTIM} /secret /",
            f"RUN --mount=from={VICTIM},target=/v cp /v/secret /",
            f"ADD http://127.0.0.1:{port}/x /secret",
        )
        for name, trigger in zip(TRIGGERS, triggers, strict=True):
            self._build(f"FROM {BASE}\nONBUILD {trigger}\n", name)
        # As if they had been pulled: there is no registry that has them.
        pulled = {f"docker.io/{name}": image.id for name in TRIGGERS if (image := self.docker.image(name)) is not None}
        (self.root / "state/bases").mkdir(parents=True)
        (self.root / "state/bases/pulled.json").write_text(json.dumps(pulled))

    def close(self) -> None:
        """Leave nothing."""
        self.server.shutdown()
        self.server.server_close()
        for name in (*NAMES, *(f"xattacker:{number}" for number in range(self._number + 1))):
            self.docker.remove_image(name)

    def text(self, attack: Attack) -> str:
        """Return the attack's Dockerfile; no build of it is known to the cache."""
        self._number += 1
        nonce = f"{time.time_ns()}"
        image = self.docker.image(VICTIM)
        assert image is not None
        words = {
            "secret": f"RUN : {nonce}; cat /secret\n",
            "nonce": nonce,
            "port": str(self.server.server_port),
            "address": self.address,
            "id": image.id.removeprefix("sha256:")[:12],
        }
        text = attack.text
        for word, value in words.items():
            text = text.replace(f"{{{word}}}", value)
        return text

    def succeeds(self, attack: Attack, *, policy: bool = False) -> tuple[bool, str]:
        """Return whether a build by the docker command alone shows the secret, and what it said; `policy` has BuildKit obey what would be allowed."""
        environment = dict[str, str]()
        if policy:
            allowed = [reference for reference in map(in_full, (BASE, *TRIGGERS)) if reference is not None]
            path = self.root / "policy.json"
            path.write_text(source_policy.policy(allowed))
            environment = {POLICY: str(path)}
        said = self._build(self.text(attack), f"xattacker:{self._number}", environment)
        return SECRET in said, said

    def through_deployhost(self, attack: Attack) -> tuple[str, str]:
        """Return how a build through deployhost ended ("refused", "failed", "built"), and all that was said."""
        said: list[str] = []
        settings = ServerSettings(self.root / "server.yml")
        bases, limits = Bases(self.docker, self.root / "state"), BuildLimits(self.docker, settings)
        sources = BuildSources(
            docker=self.docker,
            bases=bases,
            server=settings,
            engine=limits.engine,
            download=GuardedDownload({}),
            own=self._own(attack),
        )
        builds = Builds(Database(self.root / "journal.db"), time.time)
        builder = ImageBuilder(
            self.docker, bases, self.cli, self.root / "run", os.environ, limits=limits, builds=builds, sources=sources
        )
        context = self.root / "context"
        (context / "Dockerfile").write_text(self.text(attack), newline="")
        ready = ReadyDockerfile(context)
        try:
            plan = plan_build(DirectoryTree(context), templates=load_templates(), app=APP)
            ready = builder.prepare(
                plan, app=APP, context=context, work=self.root / "work", stand_in=True, say=said.append
            )
            builder.build(
                plan,
                ready=ready,
                key=cache_key(self.root / "work"),
                app=APP,
                context=context,
                reference=f"xattacker:{self._number}",
                source=attack.name,
                fresh=False,
                on_line=said.append,
                say=said.append,
            )
        except SourceRefused as error:
            return "refused", "\n".join([*said, error.message, *error.details])
        except DeployhostError as error:
            return "failed", "\n".join([*said, error.message, *error.details])
        finally:
            builder.discard(ready)
        return "built", "\n".join(said)

    def _own(self, attack: Attack) -> Callable[[], Collection[addresses_plan.Address]]:
        """A redirect is only followed from an address that is not the host's own: here each is."""
        return frozenset if attack.name.endswith("redirect") else HostAddresses().every

    def _image(self, name: str) -> None:
        path = self.root / "secret.tar"
        with tarfile.open(path, "w") as tar:
            member = tarfile.TarInfo("secret")
            member.size = len(SECRET) + 1
            tar.addfile(member, io.BytesIO(f"{SECRET}\n".encode()))
        self.docker.import_tar(str(path), name)

    def _build(self, text: str, tag: str, environment: dict[str, str] | None = None) -> str:
        folder = self.root / "raw"
        folder.mkdir(exist_ok=True)
        (folder / "Dockerfile").write_text(text, newline="")
        argv = [*self.cli.find().build, "--progress=plain", f"--tag={tag}", str(folder)]
        env = {**os.environ, "DOCKER_BUILDKIT": "1", "BUILDX_BUILDER": "default", **(environment or {})}
        done = run(argv, env=env, timeout=120, check=False)
        return done.stdout + done.stderr


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    """Has the secret, and redirects."""

    def do_GET(self) -> None:
        target = self.path.removeprefix("/to/")
        self.send_response(200 if target == self.path else 302)
        if target != self.path:
            self.send_header("Location", target)
        self.end_headers()
        if target == self.path:
            self.wfile.write(f"{SECRET}\n".encode())

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def field(root: Path) -> Iterator[Field]:
    """Yield a field that is set up; nothing of it is left afterwards."""
    made = Field(root)
    try:
        made.set_up()
        yield made
    finally:
        made.close()
