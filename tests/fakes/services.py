"""A service manager that keeps what it is told, and starts nothing."""

from dataclasses import dataclass, field

from deployhost.errors import SetupFailed
from deployhost.system.services import Manager


@dataclass
class FakeServices:
    """Keeps services in memory; `fails` are those that can't be started. `done` is what it was asked to do."""

    manager: Manager = "systemd"
    definitions: dict[str, str] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    fails: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)

    def definition(self, name: str) -> str | None:
        return self.definitions.get(name)

    def define(self, name: str, text: str) -> None:
        self.done.append(f"define {name}")
        self.definitions[name] = text

    def enabled(self, name: str) -> bool:
        return name in self.running

    def active(self, name: str) -> bool:
        return name in self.running

    def start(self, name: str) -> None:
        self.done.append(f"start {name}")
        if name in self.fails:
            raise SetupFailed(f"{name} failed", details=("the last line",))
        self.running.add(name)

    def restart(self, name: str) -> None:
        self.done.append(f"restart {name}")
        if name in self.fails:
            raise SetupFailed(f"{name} failed", details=("the last line",))

    def remove(self, name: str) -> None:
        self.done.append(f"remove {name}")
        self.running.discard(name)
        self.definitions.pop(name, None)

    def release(self, name: str) -> None:
        self.done.append(f"release {name}")

    def output(self, name: str) -> tuple[str, ...]:
        return (f"{name} said something",)
