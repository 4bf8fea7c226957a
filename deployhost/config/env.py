"""An app's environment variables: /etc/deployhost/secrets/<app>.json, readable by root only, whole or not at all."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deployhost.config.secrets import FILE_MODE, locked
from deployhost.errors import InvalidConfig, InvalidName, InvalidRequest
from deployhost.model import AppName, EnvName, Secret
from deployhost.paths import Paths
from deployhost.system import files

LONGEST = 128 * 1024  # bytes of NAME=value and its NUL; Linux starts no program with more (MAX_ARG_STRLEN)
RESERVED = ("KAMAL_", "DEPLOYHOST_")


@dataclass(frozen=True)
class EnvEntry:
    """One variable; `updated_at` is ISO 8601, UTC."""

    name: EnvName
    value: Secret
    updated_at: str


class EnvStore:
    """Reads and changes the variables of each app."""

    def __init__(self, paths: Paths) -> None:
        self._directory = paths.secrets

    def read(self, app: AppName) -> dict[str, Secret]:
        """Return an app's variables as they are set in its containers. Raise InvalidConfig, FileProblem."""
        return {str(entry.name): entry.value for entry in self.entries(app)}

    def entries(self, app: AppName) -> tuple[EnvEntry, ...]:
        """Return an app's variables by name. Raise InvalidConfig if the file was damaged by hand, FileProblem."""
        path = self._path(app)
        raw = files.read(path)
        if raw is None:
            return ()
        try:
            return _parsed(json.loads(raw))
        except (ValueError, TypeError, KeyError, InvalidName) as error:
            # The error's own text may quote a value: only its kind is told.
            details = (f"{path.name}: {type(error).__name__}",)
            raise InvalidConfig(f"{path} can't be read", details=details, hint=f"editor {path}") from None

    def set(self, app: AppName, values: Mapping[EnvName, str], now: datetime) -> tuple[EnvName, ...]:
        """Set variables of an app at a time, and return the names whose value is new.

        Raise InvalidRequest if a name is reserved or a value can't be given to a program; nothing is set then.
        """
        problems = [problem for name, value in values.items() for problem in refusals(name, value)]
        if problems:
            raise InvalidRequest(problems[0], details=tuple(problems) if len(problems) > 1 else ())
        with locked(self._directory):
            entries = {entry.name: entry for entry in self.entries(app)}
            changed = tuple(
                name for name, value in values.items() if name not in entries or entries[name].value != Secret(value)
            )
            stamp = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            entries |= {name: EnvEntry(name, Secret(values[name]), stamp) for name in changed}
            self._write(app, entries.values(), changed)
        return changed

    def unset(self, app: AppName, names: Iterable[EnvName]) -> tuple[EnvName, ...]:
        """Remove variables of an app, and return the names that were set."""
        with locked(self._directory):
            entries = {entry.name: entry for entry in self.entries(app)}
            changed = tuple(name for name in dict.fromkeys(names) if entries.pop(name, None) is not None)
            self._write(app, entries.values(), changed)
        return changed

    def remove(self, app: AppName) -> bool:
        """Delete all variables of an app, and return whether there were any."""
        with locked(self._directory):
            return files.remove(self._path(app))

    def _path(self, app: AppName) -> Path:
        return self._directory / f"{app}.json"

    def _write(self, app: AppName, entries: Iterable[EnvEntry], changed: tuple[EnvName, ...]) -> None:
        if not changed:
            return
        body = {
            entry.name: {"value": entry.value.reveal(), "updated_at": entry.updated_at}
            for entry in sorted(entries, key=lambda entry: entry.name)
        }
        data = json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n"
        files.write_atomically(self._path(app), data, FILE_MODE)


def revealed(variables: Mapping[str, Secret]) -> dict[str, str]:
    """Return variables with their values, for whoever hands them to a program, a container or a file."""
    return {name: value.reveal() for name, value in variables.items()}


def refusals(name: EnvName, value: str) -> list[str]:
    """Return why a variable can't be set, without its value; an empty list if it can."""
    found = []
    if name == "PORT":
        found.append("PORT is set by deployhost: to choose the app's port, set `port:` in apps.yml")
    if name.upper().startswith(RESERVED):
        found.append(f"{name} is reserved: names beginning with KAMAL_ and DEPLOYHOST_ are set by deployhost")
    if "\0" in value:
        found.append(f"the value of {name} has a NUL character in it, which no environment variable can hold")
    try:
        size = len(name) + len(value.encode()) + 2
    except UnicodeEncodeError:
        found.append(f"the value of {name} is not UTF-8 text")
    else:
        if size > LONGEST:
            found.append(
                f"the value of {name} is too long: a variable holds {LONGEST // 1024} KiB; put it into a file in storage"
            )
    return found


def _parsed(body: Any) -> tuple[EnvEntry, ...]:
    if not isinstance(body, dict):
        raise TypeError("not an object")
    found = []
    for name, entry in body.items():
        value, updated_at = entry["value"], entry["updated_at"]
        if not isinstance(value, str) or not isinstance(updated_at, str):
            raise TypeError("not text")
        found.append(EnvEntry(EnvName(name), Secret(value), updated_at))
    return tuple(found)
