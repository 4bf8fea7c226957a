"""An app as a Kamal project that a team takes away: what it needs to deploy it to servers of its own, with Kamal alone."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deployhost.build.directory import DirectoryTree
from deployhost.build.plan import BuildPlan
from deployhost.build.planning_pool import PlanningPool
from deployhost.build.refusals import DOCKERFILE
from deployhost.build.render import with_user
from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.config.env import EnvStore, revealed
from deployhost.containers.processes import Processes, processes_of
from deployhost.containers.spec import container_of
from deployhost.control.results import Exported
from deployhost.deploy.kamal.projects import architecture
from deployhost.errors import NotFound
from deployhost.journal.releases import Releases
from deployhost.kamal import env_values
from deployhost.kamal.deploy_yml import Build, KamalApp, Registry, deploy_yml
from deployhost.model import AppName, Release
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import ContainerSpec, Image
from deployhost.system.git import BareRepository
from deployhost.system.tree import scratch_directory
from deployhost.templates import read_template

SERVER = "192.0.2.1"  # an address that nobody has (RFC 5737)
REGISTRY = Registry("registry.example.com", "REPLACE-ME", secret="KAMAL_REGISTRY_PASSWORD")  # noqa: S106 - a name
DOMAIN = "{app}.example.com"
OURS = "DEPLOYHOST_"
DOCKERIGNORE = ".dockerignore"
GUIDE = "KAMAL.md"

HEADER = """\
{app} as Kamal deploys it, written by `deployhost export`. What is marked REPLACE is yours to fill in; KAMAL.md says how to go on.
"""
COMMENTS = {
    "image": "REPLACE if your registry wants a user or an organisation before the name: acme/{app}",
    "servers": "REPLACE 192.0.2.1 by your servers, several lines for several of them.",
    "proxy.hosts": "{domains}",
    "proxy.ssl": (
        "REPLACE by true to have kamal-proxy get certificates itself: with one server, reachable on ports 80 and 443.\n"
        "With several servers a load balancer before them ends TLS, and this stays false."
    ),
    "registry": "REPLACE by your registry; the password comes from .kamal/secrets.",
    "volumes": "REPLACE the part before the colon if the app's data is to lie elsewhere on your servers.",
}


@dataclass(frozen=True, kw_only=True)
class Exports:
    """Turns apps into Kamal projects that a team takes away."""

    docker: Docker
    releases: Releases
    env: EnvStore
    paths: Paths
    planner: PlanningPool
    apps: Apps
    repository: Callable[[AppName], BareRepository]

    def kamal(self, name: AppName) -> Exported:
        """Return the Kamal project of an app, without any variable's value.

        Raises AppNotFound; NotFound if it has no live release.
        """
        config, live = self.apps.get(name), self.releases.live(name)
        image = None if live is None else self.docker.image(live.image)
        if live is None or image is None:
            raise NotFound(f"{name} has no live release to export", hint=f"deployhost deploy {name}")
        env = revealed(self.env.read(name))
        awkward, processes = env_values.changed(env), processes_of(image, config)
        app = _app(config, image, live, processes, tuple(sorted(env)))
        domains = "The domains of the app." if config.domains else "REPLACE by the domain of the app."
        comments = {key: text.format(app=name, domains=domains) for key, text in COMMENTS.items()}
        files = {
            **self._build_files(config, live, image),
            "config/deploy.yml": deploy_yml(app, header=HEADER.format(app=name), comments=comments),
            ".kamal/secrets": env_values.secrets_template(("KAMAL_REGISTRY_PASSWORD", *sorted(env))),
            GUIDE: _guide(config, processes, awkward),
        }
        notes = [f"Kamal would change the values of {', '.join(awkward)} on their way: see {GUIDE}"] if awkward else []
        return {"app": name, "version": live.version, "files": files, "notes": notes}

    def _build_files(self, config: AppConfig, live: Release, image: Image) -> dict[str, str]:
        """Return the Dockerfile and .dockerignore of what is live: ours, for the user whose the storage is, or the repository's own."""
        with scratch_directory(self.paths.run, prefix="export-") as scratch:
            tree = scratch / "tree"
            self.repository(config.name).check_out(live.sha, tree)
            plan = self.planner.plan(
                tree,
                config.name,
                storage=config.storage,
                variables={},
                runtime=config.runtime,
                web=config.names_web,
            )
            directory = DirectoryTree(tree)
            return {
                DOCKERFILE: directory.read(DOCKERFILE)
                if plan.dockerfile is None
                else with_user(plan.dockerfile, image.user),
                DOCKERIGNORE: _ignored(plan, directory),
            }


def _ignored(plan: BuildPlan, tree: DirectoryTree) -> str:
    if plan.dockerignore is not None:
        return plan.dockerignore
    return tree.read(DOCKERIGNORE) if tree.exists(DOCKERIGNORE) else "**/.git\n**/.env\n**/.kamal/secrets*\n"


def _app(config: AppConfig, image: Image, live: Release, processes: Processes, secrets: tuple[str, ...]) -> KamalApp:
    storage = Path(f"/var/lib/{config.name}/storage")
    roles = {
        one.name: _elsewhere(container_of(image, config, one, storage)) for one in (processes.web, *processes.workers)
    }
    return KamalApp(
        config=config,
        roles=roles,
        hosts=tuple(config.domains) or (DOMAIN.format(app=config.name),),
        port=live.port,
        health=config.health or "/",
        secrets=secrets,
        servers=(SERVER,),
        registry=REGISTRY,
        build=Build(arch=architecture(), driver=None),
    )


def _elsewhere(spec: ContainerSpec) -> ContainerSpec:
    """Return what a container is made from, less what only this server knows of."""
    env: Mapping[str, str] = {name: value for name, value in spec.env.items() if not name.startswith(OURS)}
    return replace(spec, env=env, aliases=())


def _guide(config: AppConfig, processes: Processes, awkward: tuple[str, ...]) -> str:
    """Return the text of the page that says how to go on."""
    sections = []
    if config.storage:
        sections.append(read_template("export/storage.md"))
    if processes.release is not None:
        sections.append(
            read_template("export/release.md").replace("@COMMAND@", shlex.quote(shlex.join(processes.release)))
        )
    if awkward:
        names = ", ".join(f"`{name}`" for name in awkward)
        sections.append(read_template("export/values.md").replace("@NAMES@", names))
    text = read_template("export/kamal.md").replace("@SECTIONS@", "\n".join(sections))
    return text.replace("@APP@", config.name).rstrip("\n") + "\n"
