"""The way of Kamal's own CLI, for push_to_live."""

import shutil
import subprocess
import time
from pathlib import Path

from deployhost.config import server
from deployhost.kamal import installation
from deployhost.paths import Paths
from tests.bench.ways import Run, Watcher
from tests.real.system_under_test import App, ask, docker, run

DEPLOY_YML = """\
service: {name}
image: {name}
servers:
  web:
    hosts: [127.0.0.1]
    options: {{init: true}}
proxy:
  host: {host}
  app_port: {port}
  healthcheck: {{path: /, interval: 1, timeout: 5}}
  run: {{bind_ips: [127.0.0.1], http_port: {http_port}}}
registry: {{server: "127.0.0.1:5555", username: bench, password: [KAMAL_REGISTRY_PASSWORD]}}
builder: {{arch: amd64, driver: docker, context: .}}
env: {{clear: {{PORT: "{port}"}}}}
ssh: {{user: root, port: {ssh_port}, keys: [{key}], keys_only: true, config: {config}}}
"""


class ByKamal:
    """`kamal redeploy` of a project of its own with the Dockerfile that deployhost generates, everything of it warm."""

    def __init__(self, app: App, directory: Path) -> None:
        self.name = f"{app.name}-kamal"
        self.host = f"{self.name}.localhost"
        self.tree = directory / "kamal"
        self._app = app
        self._log = directory / "kamal.log"
        paths = Paths()
        installation.check(paths, server.load(paths.server_yml).ssh_port)
        self._program = str(paths.kamal_program)
        self._environment = installation.environment(paths)
        shutil.copytree(app.tree, self.tree, ignore=shutil.ignore_patterns(".git"))
        plan = ask("inspect", app.name)
        texts = {
            "Dockerfile": plan["dockerfile"],
            ".dockerignore": plan["dockerignore"],
            "config/deploy.yml": DEPLOY_YML.format(
                name=self.name,
                host=self.host,
                port=app.status()["live"]["port"],
                http_port=app.http_port,
                ssh_port=server.load(paths.server_yml).ssh_port,
                key=paths.ssh_key,
                config=paths.ssh / "config",
            ),
            ".kamal/secrets": "KAMAL_REGISTRY_PASSWORD=bench\n",
        }
        for name, text in texts.items():
            (self.tree / name).parent.mkdir(exist_ok=True)
            (self.tree / name).write_text(text, encoding="utf-8")
        run(["git", "init", "--quiet", "--initial-branch=main"], cwd=self.tree)
        self._commit("first")
        self._kamal("deploy")

    def run(self, version: str) -> Run:
        """Given a version, commit it, redeploy, and return how long it took to live and to the command's end."""
        self._app.set_version(version)
        for name in ("version.txt", "index.html"):
            if (self._app.tree / name).exists():
                shutil.copy(self._app.tree / name, self.tree / name)
        self._commit(version)
        watcher = Watcher(self.host, self._app.http_port, version)
        began = time.perf_counter()
        self._kamal("redeploy")
        ended = time.perf_counter()
        return Run((watcher.wait() - began) * 1000, {"until the command ends": (ended - began) * 1000})

    def settle(self) -> None:
        """`kamal redeploy` returns when what it replaced has stopped; the stopped ones are removed."""
        for container in docker(
            "ps", "--all", "--quiet", "--filter", f"label=service={self.name}", "--filter", "status=exited"
        ).split():
            docker("rm", container)

    def remove(self) -> None:
        """Leave nothing behind."""
        docker("exec", "kamal-proxy", "kamal-proxy", "remove", f"{self.name}-web", check=False)
        for container in docker("ps", "--all", "--quiet", "--filter", f"label=service={self.name}").split():
            docker("rm", "--force", container, check=False)
        for image in set(docker("images", "--quiet", f"127.0.0.1:5555/{self.name}").split()):
            docker("rmi", "--force", image, check=False)
        shutil.rmtree(Path("/root/.kamal/apps") / self.name, ignore_errors=True)

    def _commit(self, subject: str) -> None:
        run(["git", "add", "--all"], cwd=self.tree)
        run(["git", "commit", "--quiet", "--message", subject], cwd=self.tree)

    def _kamal(self, *arguments: str) -> None:
        with self._log.open("w") as log:
            done = subprocess.run(
                [self._program, *arguments], cwd=self.tree, env=self._environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, timeout=300, check=False,
            )  # fmt: skip
        assert done.returncode == 0, self._log.read_text()[-3000:]
