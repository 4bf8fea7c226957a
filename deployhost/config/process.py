"""The settings of one process of an app, as they stand below `processes:` in apps.yml. Pure."""

from dataclasses import dataclass

from deployhost.config.schema import Problems, Section, entries
from deployhost.config.settings import MOST_CPUS, Applies, Kind, number, read, rows, setting, size, word
from deployhost.config.yaml_tree import Node, Scalar
from deployhost.model import WEB, ProcessName

MEMORY = size(16 * 1024**2)  # with less no program of ours would start, and Docker itself refuses less than 6 MiB
CPUS = number(0.01, MOST_CPUS)
KAMAL_MEMORY = ("servers.*.options.memory", "servers.*.options.memory-swap")
KAMAL_CPUS = "servers.*.options.cpus"


def _command(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be a command on one line")
    return text.strip()


COMMAND = word(_command, "a command on one line")


@dataclass(frozen=True)
class ProcessConfig:
    """The settings of one process: its command as a Procfile has it (None: the image's own), its limits.

    A command of several words is one that ran before, word by word (containers/ran_with.py): apps.yml has none of those.
    """

    # fmt: off
    command: str | tuple[str, ...] | None = setting(None, COMMAND,
        "the command", Applies.CONTAINER, shown="the image's", kamal="servers.*.cmd")
    memory: int | None = setting(None, MEMORY,
        "its memory limit", Applies.CONTAINER, shown="the app's", kamal=KAMAL_MEMORY)
    cpus: float | None = setting(None, CPUS, "its CPU limit", Applies.CONTAINER, shown="the app's", kamal=KAMAL_CPUS)
    # fmt: on


SETTINGS = rows(ProcessConfig)


def _processes(section: Section, key: str) -> dict[ProcessName, ProcessConfig] | None:
    """Return the processes, or None if there are none. Mistakes go to the section's problems."""
    found: dict[ProcessName, ProcessConfig] = {}
    place = section.place(key)
    for entry, value in entries(section.node(key), place, section.problems).values():
        where = f"{place}/{entry.text}"
        name = section.problems.made(entry, where, ProcessName, entry.text)
        if name == "release":
            section.problems.add(entry, where, "what runs before the switch is the app's own key `release:`")
        elif name is not None:
            found[name] = _process(name, entry, value, where, section.problems)
    return found or None


PROCESSES = Kind("a mapping of process names to commands", _processes)


def _process(name: ProcessName, key: Scalar, value: Node, where: str, problems: Problems) -> ProcessConfig:
    if isinstance(value, Scalar) and isinstance(value.value, str):
        return ProcessConfig(problems.made(value, where, _command, value.value))
    process = Section(value, where, frozenset(SETTINGS), problems)
    config = ProcessConfig(**read(SETTINGS, process))
    if config == ProcessConfig() and name != WEB:
        problems.add(key, where, "has no command: write one after the colon")
    return config
