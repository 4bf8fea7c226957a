"""From a recipe to the text of a Dockerfile. Pure: the templates' texts are an argument.

Whatever comes from the repository reaches a template through one of the filters below, so that no name or script can end
an instruction and begin another.
"""

import functools
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deployhost.build.detect.candidate import Recipe
from deployhost.model import AppName

if TYPE_CHECKING:
    from jinja2 import Environment

UID_ARGUMENT = "DEPLOYHOST_UID"  # the build argument that has the number of the app's own user
USER = "10001"  # where nobody passes one: `docker build` by hand, and Kamal elsewhere
PORT = 8080


def render(recipe: Recipe, *, app: AppName, templates: Mapping[str, str]) -> str:
    """Return the Dockerfile of a recipe; the app's caches are its own. Raises KeyError if a template is missing."""
    templates[recipe.template]  # a missing template is a KeyError, not jinja2's own
    environment = _environment(frozenset(templates.items()))
    text = environment.get_template(recipe.template).render(
        **recipe.values, app=str(app), argument=UID_ARGUMENT, default_user=USER, user=f"${{{UID_ARGUMENT}}}", port=PORT
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


def with_user(dockerfile: str, user: str) -> str:
    """Return a generated Dockerfile for the user of an image ("uid:gid"), whose it then is without a build argument too."""
    uid = user.partition(":")[0]
    given = f"ARG {UID_ARGUMENT}="
    return dockerfile.replace(f"{given}{USER}\n", f"{given}{uid}\n") if uid.isdecimal() else dockerfile


@functools.lru_cache(maxsize=1)  # it keeps what it has compiled, which takes 9 ms of a push
def _environment(items: frozenset[tuple[str, str]]) -> "Environment":
    # Jinja2 costs 60 ms, and a repository with a Dockerfile needs none of it.
    from jinja2 import DictLoader, Environment, StrictUndefined  # noqa: PLC0415

    templates = dict(items)
    environment = Environment(  # noqa: S701 (a Dockerfile is no HTML; the filters quote)
        loader=DictLoader(templates),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"exec": exec_form, "sh": shlex.quote, "write": write_command}
    environment.globals["raw_template"] = lambda name: templates[name]
    return environment


def exec_form(words: Sequence[Any]) -> str:
    """Return words as a JSON array on one line of ASCII: the exec form, in which nothing is expanded."""
    return json.dumps([str(word).replace("\x00", "") for word in words], ensure_ascii=True)


def write_command(text: str, path: str) -> str:
    """Return the shell command that writes a text to a path, one quoted word per line: heredocs need a newer BuildKit."""
    lines = [line for line in text.rstrip("\n").split("\n") if line.strip() and not line.lstrip().startswith("#")]
    return (
        "printf '%s\\n' \\\n"
        + "".join(f"      {shlex.quote(line)} \\\n" for line in lines)
        + f"      > {shlex.quote(path)}"
    )
