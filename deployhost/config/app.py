"""One app's settings as they stand in apps.yml: their types, defaults and bounds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from deployhost.config.schema import Problems, Section, entries
from deployhost.config.yaml_tree import Node, Scalar
from deployhost.errors import InvalidName
from deployhost.model import WEB, AppName, Branch, Domain, EngineName, ProcessName, RuntimeName, Strategy

LOCAL = ".localhost"
DAY = 86400
SMALLEST = 16 * 1024**2  # bytes; with less no program of ours would start, and Docker itself refuses less than 6 MiB
MOST_CPUS = 512

Choice = TypeVar("Choice", Strategy, EngineName, RuntimeName)


@dataclass(frozen=True)
class ProcessConfig:
    """What the person wants of one process: its command as a Procfile has it (None: the image's own), its limits.

    A command of several words is one that ran before, word by word (containers/ran_with.py): apps.yml has none of those.
    """

    command: str | tuple[str, ...] | None = None
    memory: int | None = None  # bytes
    cpus: float | None = None


@dataclass(frozen=True)
class AppConfig:
    """What the person wants of one app. Times are in seconds, memory in bytes."""

    name: AppName
    branch: Branch | None = None  # None: that of the first push
    domains: tuple[Domain, ...] = ()
    storage: bool = False
    health: str | None = None  # a path that must answer 2xx; None: deployhost judges by /up and /
    port: int | None = None  # None: EXPOSE, $PORT, or what the app listens on
    boot_limit: float = 60
    drain: float = 30
    response_timeout: float = 100
    runtime: RuntimeName | None = None  # of a tree without a Dockerfile; None: deployhost looks
    stand_in_bases: bool = False  # whether its own Dockerfile may start from an image made on the server
    stop_timeout: int = 10
    strategy: Strategy | None = None  # None: handover with storage, overlap without
    memory: int | None = None  # of each process that has no limit of its own
    cpus: float | None = None
    processes: Mapping[ProcessName, ProcessConfig] = field(default_factory=dict)  # beside or in place of the Procfile's
    release: str | None = None  # run once before the switch, in place of the Procfile's
    may_reach: tuple[AppName, ...] = ()  # apps that it may connect to
    engine: EngineName = EngineName.DIRECT
    trust_repo_config: bool = (
        False  # whether Kamal may read the repository's own config/deploy.yml, which is code run as root
    )
    auto_rollback: bool = True  # go back when a new release fails in its first minute

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
        """Given a process, return its memory limit in bytes, or None."""
        return self.processes.get(process, ProcessConfig()).memory or self.memory

    def cpus_of(self, process: ProcessName) -> float | None:
        """Given a process, return how many CPUs it may use, or None."""
        return self.processes.get(process, ProcessConfig()).cpus or self.cpus


KEYS = frozenset(AppConfig.__dataclass_fields__) - {"name"}
_PROCESS_KEYS = frozenset(ProcessConfig.__dataclass_fields__)


def read_app(name: AppName, section: Section, domains: tuple[Domain, ...], may_reach: tuple[AppName, ...]) -> AppConfig:
    """Given an app's name, its section, its domains and whom it may reach, return its settings; mistakes go to the section's problems."""
    seconds = " of seconds"
    config = AppConfig(
        name=name,
        branch=section.word("branch", Branch),
        domains=domains,
        storage=section.flag("storage", AppConfig.storage),
        health=section.word("health", _health_path),
        port=section.whole("port", AppConfig.port, 1, 65535),
        boot_limit=section.number("boot_limit", AppConfig.boot_limit, 1, DAY, seconds),
        drain=section.number("drain", AppConfig.drain, 0, DAY, seconds),
        response_timeout=section.number("response_timeout", AppConfig.response_timeout, 1, DAY, seconds),
        runtime=section.word("runtime", _one_of(RuntimeName)),
        stand_in_bases=section.flag("stand_in_bases", AppConfig.stand_in_bases),
        stop_timeout=section.whole("stop_timeout", AppConfig.stop_timeout, 0, DAY, seconds),
        strategy=section.word("strategy", _one_of(Strategy)),
        memory=section.size("memory", SMALLEST),
        cpus=section.number("cpus", AppConfig.cpus, 0.01, MOST_CPUS),
        processes=_processes(section),
        release=section.word("release", _command),
        may_reach=may_reach,
        engine=section.word("engine", _one_of(EngineName)) or EngineName.DIRECT,
        trust_repo_config=section.flag("trust_repo_config", AppConfig.trust_repo_config),
        auto_rollback=section.flag("auto_rollback", AppConfig.auto_rollback),
    )
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


def _processes(section: Section) -> dict[ProcessName, ProcessConfig]:
    found: dict[ProcessName, ProcessConfig] = {}
    place = section.place("processes")
    for key, value in entries(section.node("processes"), place, section.problems).values():
        where = f"{place}/{key.text}"
        try:
            name = ProcessName(key.text)
        except InvalidName as error:
            section.problems.add(key, where, str(error))
            continue
        if name == "release":
            section.problems.add(key, where, "what runs before the switch is the app's own key `release:`")
            continue
        found[name] = _process(name, key, value, where, section.problems)
    return found


def _process(name: ProcessName, key: Scalar, value: Node, where: str, problems: Problems) -> ProcessConfig:
    if isinstance(value, Scalar) and isinstance(value.value, str):
        try:
            return ProcessConfig(_command(value.value))
        except ValueError as error:
            problems.add(value, where, str(error))
            return ProcessConfig()
    process = Section(value, where, _PROCESS_KEYS, problems)
    config = ProcessConfig(
        command=process.word("command", _command),
        memory=process.size("memory", SMALLEST),
        cpus=process.number("cpus", ProcessConfig.cpus, 0.01, MOST_CPUS),
    )
    if config == ProcessConfig() and name != WEB:
        problems.add(key, where, "has no command: write one after the colon")
    return config


def _command(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be a command on one line")
    return text.strip()


def _one_of(kind: type[Choice]) -> Callable[[str], Choice]:
    def make(text: str) -> Choice:
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"{text!r} must be one of {', '.join(kind)}") from None

    return make


def _health_path(text: str) -> str:
    if not text.startswith("/") or not text.isascii() or not text.isprintable() or " " in text or "#" in text:
        raise ValueError(f"{text!r} is not a path of a URL: it begins with '/' and has no spaces, as in /up")
    return text
