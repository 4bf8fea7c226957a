"""Manifests of the repository (JSON, TOML) as typed values: whatever is in them, reading them does not fail unexpectedly."""

import json
import tomllib
from collections.abc import Callable
from typing import Any

from deployhost.build.tree import READ_LIMIT, Tree

MOST_DOTS = 1000  # in one line: tomllib's time grows with the square of a key's parts


class BadManifest(Exception):
    """A manifest can't be read; the message says which and why, for the person."""


def read_json(tree: Tree, path: str) -> dict[str, Any]:
    """Return the object in a JSON file. Raises BadManifest if the file holds something else."""
    text = _read(tree, path)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadManifest(f"{path} is not valid JSON: {error.msg} (line {error.lineno})") from error
    except (ValueError, RecursionError) as error:
        raise BadManifest(f"{path} is not valid JSON: it is nested too deeply or holds a number too long") from error
    if not isinstance(value, dict):
        raise BadManifest(f"{path} must hold a JSON object")
    return value


def read_toml(tree: Tree, path: str) -> dict[str, Any]:
    """Return the table in a TOML file. Raises BadManifest if the file holds something else."""
    text = _read(tree, path)
    impossible = f"{path} is not valid TOML: it is nested too deeply or holds an impossible value"
    if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
        raise BadManifest(impossible)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadManifest(f"{path} is not valid TOML: {error}") from error
    except (ValueError, RecursionError) as error:
        raise BadManifest(impossible) from error


def if_readable(read: Callable[[Tree, str], dict[str, Any]], tree: Tree, path: str) -> dict[str, Any]:
    """Return what one of the two above reads, or an empty table if there is no such file, or it can't be read."""
    try:
        return read(tree, path) if tree.exists(path) else {}
    except BadManifest:
        return {}


def table(value: Any, *keys: str) -> dict[str, Any]:
    """Return the table at the keys of a parsed manifest, or an empty one if anything else stands there."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def strings(value: Any) -> list[str]:
    """Return the strings of a parsed list, and nothing for any other value."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """Return a parsed value, stripped, if it is a string, else the empty string."""
    return value.strip() if isinstance(value, str) else ""


def _read(tree: Tree, path: str) -> str:
    if tree.size(path) > READ_LIMIT:
        raise BadManifest(f"{path} is too large to be read ({tree.size(path)} bytes, at most {READ_LIMIT})")
    return tree.read(path)
