"""Which values reach a container through Kamal as they are, and how they are written so that they do. Pure.

Three files stand in the way. `.kamal/secrets` is read by dotenv, which runs `$(…)`. Kamal writes what it found into an env
file with Ruby's String#dump, which doubles backslashes and writes control characters as escapes (lib/kamal/env_file.rb). And
Docker reads env files line by line, without any quoting. So values that dotenv or dump would change go into an env file of our
own; what is left, and has no way at all, are those of several lines.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deployhost.errors import InvalidConfig

LONGEST_LINE = 64 * 1024 - 2  # bytes; Docker's reader of env files (bufio.Scanner) takes no longer line


@dataclass(frozen=True)
class Split:
    """An app's variables by the way they take: Kamal's secrets, an env file of our own, or none."""

    secrets: Mapping[str, str]
    exact: Mapping[str, str]
    unfit: tuple[str, ...]


def split(values: Mapping[str, str]) -> Split:
    """Return variables by the way that each can take."""
    unfit = tuple(name for name, value in values.items() if not _fits_a_line(name, value))
    fit = {name: value for name, value in values.items() if name not in unfit}
    exact = {name: value for name, value in fit.items() if not _survives_kamal(value)}
    return Split({name: value for name, value in fit.items() if name not in exact}, exact, unfit)


def refuse_unfit(app: str, found: Split) -> None:
    """Raise InvalidConfig if there are variables that Kamal can't pass on."""
    if found.unfit:
        names = ", ".join(found.unfit)
        raise InvalidConfig(
            f"Kamal can't pass on {names}: it takes values of one line and less than 64 KiB",
            hint=f"deployhost env unset {app} {' '.join(found.unfit)}",
            details=("write it on one line (base64), or deploy the app with engine: direct in apps.yml",),
        )


def changed(values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of variables that Kamal by itself would change or run: where `.kamal/secrets` has `NAME=$NAME`."""
    return tuple(
        name
        for name, value in values.items()
        if "$(" in value or not _fits_a_line(name, value) or not _survives_dump(value)
    )


def refuse_commands(app: str, values: Mapping[str, str]) -> None:
    """Raise InvalidConfig if dotenv would run one of the variables in a repository's own .kamal/secrets.

    There `NAME=$NAME` is filled in first and then looked through for commands.
    """
    found = [name for name, value in values.items() if "$(" in value]
    if found:
        raise InvalidConfig(
            f"Kamal would run the command in $(…) in the value of {', '.join(found)}",
            hint=f"deployhost env unset {app} {' '.join(found)}",
        )


def secrets_text(values: Mapping[str, str]) -> str:
    """Return the text of `.kamal/secrets` for variables that survive Kamal: dotenv takes what single quotes hold as it is."""
    return "".join(f"{name}='{value}'\n" for name, value in values.items())


def env_file_text(values: Mapping[str, str]) -> str:
    """Return the text of an env file as Docker reads it, for variables of one line each."""
    return "".join(f"{name}={value}\n" for name, value in values.items())


def secrets_template(names: Iterable[str]) -> str:
    """Return the text of a `.kamal/secrets` that takes each value from the environment of whoever deploys."""
    return "".join(f"{name}=${name}\n" for name in names)


def _fits_a_line(name: str, value: str) -> bool:
    return not {"\n", "\r"} & set(value) and len(f"{name}={value}".encode()) <= LONGEST_LINE


def _survives_kamal(value: str) -> bool:
    return "'" not in value and _survives_dump(value)


def _survives_dump(value: str) -> bool:
    return not any(char == "\\" or char < " " or char == "\x7f" for char in value)
