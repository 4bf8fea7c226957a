"""One app's settings as they stand in apps.yml: their types, defaults and bounds."""

from collections.abc import Mapping
from dataclasses import dataclass

from deployhost.config.process import COMMAND, CPUS, KAMAL_CPUS, KAMAL_MEMORY, MEMORY, PROCESSES, ProcessConfig
from deployhost.config.reachable import Reachable, reachable
from deployhost.config.schema import Section
from deployhost.config.settings import DAY, FLAG, Applies, number, one_of, read, rows, setting, size, whole, word, words
from deployhost.model import (
    WEB,
    AppName,
    Branch,
    Domain,
    EngineName,
    ProcessName,
    RepositoryName,
    RuntimeName,
    Strategy,
)

LOCAL = ".localhost"


def _health_path(text: str) -> str:
    if not text.startswith("/") or not text.isascii() or not text.isprintable() or " " in text or "#" in text:
        raise ValueError(f"{text!r} is not a path of a URL: it begins with '/' and has no spaces, as in /up")
    return text


@dataclass(frozen=True)
class AppConfig:
    """The settings of one app, in the order of the README. Times are in seconds, memory in bytes."""

    name: AppName
    # fmt: off
    branch: Branch | None = setting(None, word(Branch, "a branch"),
        "the branch that is deployed", Applies.ITSELF, shown="the first one pushed; GitHub's default branch with `source`")
    source: RepositoryName | None = setting(None, word(RepositoryName, "a GitHub repository"),
        "the GitHub repository that is deployed: `acme/shop`", Applies.ITSELF, shown="what is pushed to this server")
    domains: tuple[Domain, ...] = setting((), words(Domain, "a list of host names"),
        "host names beside `NAME.localhost`: `[shop.example.com]`", Applies.ROUTE, shown="none", kamal="proxy.hosts")
    storage: bool = setting(False, FLAG,
        "mount a directory that outlives deploys at `/storage`", Applies.CONTAINER, kamal="volumes")
    health: str | None = setting(None, word(_health_path, "a path of a URL"),
        "a path that must answer 2xx",
        Applies.DEPLOY, shown="`/up`, then `/`, with any status below 500", kamal="proxy.healthcheck.path")
    port: int | None = setting(None, whole(1, 65535),
        "`$PORT`; by default, another port that the app listens on is detected",
        Applies.CONTAINER, shown="from `EXPOSE`, otherwise 8080", kamal=("proxy.app_port", "env.clear.PORT"))
    strategy: Strategy | None = setting(None, one_of(Strategy),
        "how a new release takes over", Applies.DEPLOY, shown="`handover` with storage, otherwise `overlap`")
    memory: int | None = setting(None, MEMORY,
        "memory limit of each process: `512m`", Applies.CONTAINER, shown="no limit", kamal=KAMAL_MEMORY)
    cpus: float | None = setting(None, CPUS,
        "CPU limit of each process: `0.5`", Applies.CONTAINER, shown="no limit", kamal=KAMAL_CPUS)
    # The log begins anew at that size: with less, a crash would hardly be found in it.
    log_size: int = setting(10 * 1024**2, size(1024**2, 10 * 1024**3),
        "the most that Docker keeps of each container's log: `50m`", Applies.CONTAINER, shown="`10m`",
        kamal="logging.options.max-size")
    # Beside the Procfile's, or in their place.
    processes: Mapping[ProcessName, ProcessConfig] = setting({}, PROCESSES,
        "`worker: python jobs.py`, or `worker: {command: …, memory: 1g, cpus: 1}`",
        Applies.CONTAINER, shown="the Procfile's", kamal="servers")
    release: str | None = setting(None, COMMAND,
        "a command that runs once before the switch", Applies.DEPLOY, shown="the Procfile's")
    may_reach: tuple[Reachable, ...] = setting((), words(reachable, "a list of apps and of ports of the host"),
        "apps that it may connect to, at `http://api:PORT`, and ports of the server itself; all others are blocked: `[api, host:5432]`",
        Applies.ITSELF, shown="none")
    auto_rollback: bool = setting(True, FLAG,
        "roll back when a new release fails in its first minute", Applies.ITSELF)
    boot_limit: float = setting(60, number(1, DAY, "seconds"),
        "seconds within which a new release must become healthy", Applies.DEPLOY, kamal="deploy_timeout")
    drain: float = setting(30, number(0, DAY, "seconds"),
        "seconds that the old release has to finish its requests", Applies.DEPLOY, kamal="drain_timeout")
    response_timeout: float = setting(100, number(1, DAY, "seconds"),
        "seconds within which an answer must begin", Applies.ROUTE, kamal="proxy.response_timeout")
    stop_timeout: int = setting(10, whole(0, DAY, "seconds"),
        "seconds between the stop signal and the kill", Applies.CONTAINER, kamal="servers.*.options.stop-timeout")
    stand_in_bases: bool = setting(False, FLAG,
        "let your own Dockerfile start from a base image made on this server; takes effect on the next `deployhost deploy`",
        Applies.BUILD)
    build_credentials: bool = setting(False, FLAG,
        "lend builds what the host logs in with: npm tokens, passwords of pip indexes, docker logins; takes effect on the next `deployhost deploy`",
        Applies.BUILD)
    runtime: RuntimeName | None = setting(None, one_of(RuntimeName),
        "`python`, `node` or `static`, where several fit; `static` runs no server: it serves what the build script leaves "
        "or, without one, the files as they are; takes effect on the next `deployhost deploy`",
        Applies.BUILD, shown="what the files show")
    engine: EngineName = setting(EngineName.DIRECT, one_of(EngineName),
        "`kamal`: deploy with Kamal's own CLI, with `overlap` only", Applies.DEPLOY)
    trust_repo_config: bool = setting(False, FLAG,
        "let Kamal read the repository's own `config/deploy.yml`, which is code that runs as root", Applies.DEPLOY)
    # fmt: on

    @property
    def hosts(self) -> tuple[Domain, ...]:
        """Return every host name that the app answers at, its own .localhost name first."""
        return (Domain(self.name + LOCAL), *self.domains)

    @property
    def deploys_with(self) -> EngineName:
        """Return what carries its deploys out: a configuration of the repository's own is Kamal's to read."""
        return EngineName.KAMAL if self.trust_repo_config else self.engine

    @property
    def takes_over(self) -> Strategy:
        """Return how a new release takes over: as it was chosen, else `handover` where two of them would share storage."""
        return self.strategy or (Strategy.HANDOVER if self.storage else Strategy.OVERLAP)

    @property
    def names_web(self) -> bool:
        """Return whether the app's settings say how its web process is started."""
        return self.processes.get(ProcessName(WEB), ProcessConfig()).command is not None

    def memory_of(self, process: ProcessName) -> int | None:
        """Return the memory limit of a process in bytes, or None."""
        return self.processes.get(process, ProcessConfig()).memory or self.memory

    def cpus_of(self, process: ProcessName) -> float | None:
        """Return how many CPUs a process may use, or None."""
        return self.processes.get(process, ProcessConfig()).cpus or self.cpus


SETTINGS = rows(AppConfig)
KEYS = frozenset(SETTINGS)
_OF_SEVERAL = ("domains", "may_reach")  # what is checked against the other apps (config/apps.py)
_OF_ONE = {key: row for key, row in SETTINGS.items() if key not in _OF_SEVERAL}


def read_app(
    name: AppName, section: Section, domains: tuple[Domain, ...], may_reach: tuple[Reachable, ...]
) -> AppConfig:
    """Return an app's settings, given its domains and whom it may reach. Mistakes go to the section's problems."""
    config = AppConfig(name=name, domains=domains, may_reach=may_reach, **read(_OF_ONE, section))
    _refuse_what_kamal_cannot(config, section)
    return config


def _refuse_what_kamal_cannot(config: AppConfig, section: Section) -> None:
    key = "engine" if config.engine is EngineName.KAMAL else "trust_repo_config"
    node = section.node(key)
    if config.deploys_with is not EngineName.KAMAL or node is None:
        return
    if config.takes_over is Strategy.HANDOVER:
        why = "an app with storage is handed over" if config.strategy is None else "strategy: handover"
        section.problem(
            node,
            key,
            f"Kamal knows no handover ({why}); write strategy: overlap if two releases may run at once, or engine: direct",
        )
