"""The table of settings: the README says what it says, and each kind reads what it describes."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.config import app, process, server
from deployhost.config.app import AppConfig
from deployhost.config.schema import Problems, Section
from deployhost.config.server import ServerConfig
from deployhost.config.settings import Applies, Setting, rows, size
from deployhost.config.yaml_tree import parse
from deployhost.control.views import AppView
from deployhost.model import AppName
from deployhost.sizes import size_text
from tests.inputs.settings import OF_AN_APP, OF_THE_SERVER

README = (Path(__file__).parents[3] / "README.md").read_text()
TABLES = [("apps.yml", app.SETTINGS), ("server.yml", server.SETTINGS)]


def documented(file: str) -> list[tuple[str, str, str]]:
    """The rows of the table in the README's section on a file: key, default and text."""
    section = README.partition(f"\n## {file}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([a-z_]+)` \| (.*?) \| (.*) \|$", section, re.MULTILINE)


def default_text(row: Setting) -> str:
    """A default as the README shows it."""
    text = str(row.default).lower() if isinstance(row.default, bool) else str(row.default)
    return row.shown or (f"`{text}`" if isinstance(row.default, bool | str) else text)


def read(key: str, value: str) -> tuple[object, list[str]]:
    """What the kind of an app's setting makes of a value, and the mistakes."""
    problems = Problems("apps.yml")
    section = Section(parse(f"{key}: {value}\n", "apps.yml"), "", frozenset({key}), problems)
    found = app.SETTINGS[key].kind.read(section, key)
    error = problems.error()
    return found, [] if error is None else list(error.details)


@pytest.mark.parametrize(("file", "table"), TABLES)
def test_the_readme_has_the_table(file: str, table: dict[str, Any]) -> None:
    assert documented(file) == [(key, default_text(row), row.doc) for key, row in table.items()]


@pytest.mark.parametrize("table", [app.SETTINGS, server.SETTINGS, process.SETTINGS])
def test_a_row_is_complete(table: dict[str, Any]) -> None:
    for key, row in table.items():
        assert row.doc, key
        assert row.default is not None or row.shown, f"{key}: what None means is said in words"
        assert "|" not in row.doc + default_text(row), f"{key}: it stands in a table"
        assert row.doc[0].islower() or row.doc[0] in "`$C", key
        assert row.kind.what, key


def test_every_key_is_a_field_and_has_a_row() -> None:
    assert ["name", *app.SETTINGS] == list(AppConfig.__dataclass_fields__)
    assert list(server.SETTINGS) == list(ServerConfig.__dataclass_fields__)
    assert rows(AppConfig) == app.SETTINGS


def test_defaults_are_those_of_the_table() -> None:
    config, settings = AppConfig(AppName("shop")), ServerConfig()
    assert {key: row.default for key, row in app.SETTINGS.items()} == {
        key: getattr(config, key) for key in app.SETTINGS
    }
    assert {key: row.default for key, row in server.SETTINGS.items()} == {
        key: getattr(settings, key) for key in server.SETTINGS
    }


def test_a_default_is_never_shared() -> None:
    first, second = AppConfig(AppName("a")).processes, AppConfig(AppName("b")).processes
    assert first == second
    assert first is not second


@pytest.mark.parametrize(("table", "others"), [(app.SETTINGS, OF_AN_APP), (server.SETTINGS, OF_THE_SERVER)])
def test_the_other_values_of_the_tests_are_others(table: dict[str, Any], others: dict[str, Any]) -> None:
    assert list(table) == list(others)
    assert not [key for key, row in table.items() if row.default == others[key]]


def test_a_view_shows_settings_of_the_table() -> None:
    assert {"branch", "domains", "storage", "strategy", "engine"} < set(app.SETTINGS) & set(AppView.__annotations__)


def test_what_needs_a_build_says_so_in_the_readme() -> None:
    for key, row in app.SETTINGS.items():
        assert ("`deployhost deploy`" in row.doc) == (row.applies is Applies.BUILD), key


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("storage", "true", True),
        ("port", "9000", 9000),
        ("drain", "0.5", 0.5),
        ("memory", "1.5g", 1536 * 1024**2),
        ("engine", "kamal", "kamal"),
        ("domains", "[a.example]", ("a.example",)),
        ("domains", "[]", ()),
        ("port", "", None),
        ("processes", "{}", None),
    ],
)
def test_values(key: str, value: str, found: object) -> None:
    assert read(key, value) == (found, [])


@pytest.mark.parametrize(
    ("key", "value"), [("storage", "1"), ("port", "0"), ("drain", "true"), ("memory", "1m"), ("memory", "[512m]")]
)
def test_a_mistake_is_told_in_the_kinds_words(key: str, value: str) -> None:
    assert read(key, value) == (None, [f"apps.yml: {key}: must be {app.SETTINGS[key].kind.what} (line 1)"])


def test_a_size_may_have_an_upper_bound() -> None:
    assert size(1024**2, 1024**3).what == "a size of at least 1m and at most 1g, as in 512m or 2g"


@given(st.integers(min_value=1, max_value=2**45))
def test_a_size_is_written_as_it_is_read(value: int) -> None:
    text = size_text(value)
    number, unit = int(text[:-1]), text[-1]
    assert number * {"b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}[unit] == value
