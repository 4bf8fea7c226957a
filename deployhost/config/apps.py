"""apps.yml: the apps and their settings, parsed once into types, and changed without touching what its owner wrote."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from deployhost.config import yaml_file
from deployhost.config.app import KEYS, LOCAL, AppConfig, read_app
from deployhost.config.free_names import refuse_new, refuse_taken
from deployhost.config.reachable import Reachable, reachable
from deployhost.config.schema import Given, Problems, Section, entries, nearest
from deployhost.config.yaml_edit import YamlText
from deployhost.config.yaml_tree import Node
from deployhost.errors import AppNotFound, Conflict, InvalidConfig
from deployhost.model import AppName, Branch, Domain, RepositoryName

T = TypeVar("T")

HEADER = """\
# The apps of this server. Edit it by hand or with `deployhost add`, `domains`, `storage` and `remove`: both are fine.
# Settings of an app: see "apps.yml" in the README.
apps:
"""


@dataclass(frozen=True)
class AppsFile:
    """The apps, in the order of the file. A mistake in the entry of one does not affect the others.

    `known` has every app, with None for the settings of those whose own entry has mistakes; those are in `mistakes`, and
    `problem` is all of them at once.
    """

    known: Mapping[AppName, AppConfig | None] = field(default_factory=dict)
    mistakes: Mapping[AppName, InvalidConfig] = field(default_factory=dict)
    problem: InvalidConfig | None = None

    @property
    def apps(self) -> dict[AppName, AppConfig]:
        """Return the settings of the apps whose entries are right."""
        return {name: config for name, config in self.known.items() if config is not None}

    def get(self, name: AppName) -> AppConfig:
        """Return the settings of an app. Raises AppNotFound, and InvalidConfig if its entry has a mistake."""
        if name in self.mistakes:
            raise self.mistakes[name]
        config = self.known.get(name)
        if config is None:
            near = nearest(name, self.known)
            details = (f"did you mean {near}?",) if near else ()
            hint = f"deployhost status {near}" if near else f"deployhost add {name}"
            raise AppNotFound(f"there is no app {name}", details=details, hint=hint)
        return config

    def check(self) -> None:
        """Return if the whole file is right. Raises InvalidConfig with every mistake."""
        if self.problem is not None:
            raise self.problem

    def owner(self, domain: Domain) -> AppName | None:
        """Return the app that answers at a host name, or None."""
        return next((app.name for app in self.apps.values() if domain in app.hosts), None)


Edit = Callable[[YamlText, AppsFile], None]


def load(path: Path) -> AppsFile:
    """Return the apps of apps.yml. A missing file has none.

    Raises FileProblem, and InvalidConfig for a mistake that is not in the entry of one app.
    """
    return yaml_file.load(path, parse)


def change(path: Path, edit: Edit, *, then: Callable[[], None] = lambda: None) -> AppsFile:
    """Edit apps.yml under its lock and return the apps as they are then.

    Nothing is written if that would make a mistake in another entry than before. `then` is called once the file is written,
    while its lock is still held. Raises InvalidConfig, FileProblem, Conflict.
    """

    def careful(text: YamlText, now: AppsFile) -> None:
        edit(text, now)
        then = parse(text.root, text.name)
        if set(then.mistakes) - set(now.mistakes):
            then.check()

    return yaml_file.change(path, parse, careful, header=HEADER, then=then)


def add_app(
    path: Path,
    name: AppName,
    branch: Branch | None = None,
    domains: Iterable[Domain] = (),
    *,
    source: RepositoryName | None = None,
    ready: Callable[[], None] = lambda: None,
) -> AppConfig:
    """Add an app and return its settings. Raises Conflict if the name or a domain is taken.

    `ready` is called once that is known, under the file's lock and before the app is in it; what it raises ends the addition.
    """
    wanted = tuple(dict.fromkeys(domains))

    def edit(text: YamlText, now: AppsFile) -> None:
        refuse_new(now, name, wanted)
        ready()
        text.set(("apps", name), None)
        if branch is not None:
            text.set(("apps", name, "branch"), branch)
        if source is not None:
            text.set(("apps", name, "source"), source)
        if wanted:
            text.append(("apps", name, "domains"), wanted)

    return change(path, edit).get(name)


def check_free(path: Path, name: AppName, domains: Iterable[Domain]) -> None:
    """Raise now what adding an app, or domains to the one that is there, would raise: Conflict, InvalidConfig."""
    wanted, now = tuple(domains), load(path)
    if name not in now.known:
        refuse_new(now, name, wanted)
    elif wanted:
        now.check()
        refuse_taken(now, name, wanted)


def remove_app(
    path: Path,
    name: AppName,
    *,
    ready: Callable[[AppConfig], None] = lambda _: None,
    then: Callable[[], None] = lambda: None,
) -> None:
    """Remove an app with all its settings, also from what other apps may reach. Raises AppNotFound.

    `ready` is called with the settings before the file is written and `then` after it, both under the file's lock.
    """

    def edit(text: YamlText, now: AppsFile) -> None:
        ready(now.get(name))
        for other in now.known:
            if other != name:
                text.drop_item(("apps", other, "may_reach"), name)
        text.drop(("apps", name))

    change(path, edit, then=then)


def set_branch(path: Path, name: AppName, branch: Branch) -> None:
    """Set an app's branch. Raises AppNotFound."""
    _set(path, name, "branch", branch)


def set_source(
    path: Path,
    name: AppName,
    source: RepositoryName,
    *,
    instead_of: RepositoryName | None,
    branch: Branch | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Set an app's GitHub repository, and its branch if one is given. Raises AppNotFound, and Conflict if the app has another one by now.

    `ready` is called under the file's lock, before it is written; what it raises leaves the file as it is.
    """

    def edit(text: YamlText, now: AppsFile) -> None:
        there = now.get(name).source
        if there is not None and not there.is_same(source) and not (instead_of and there.is_same(instead_of)):
            raise Conflict(f"{name} is deployed from {there}", hint=f"deployhost status {name}")
        ready()
        if there != source:
            text.set(("apps", name, "source"), source)
        if branch is not None:
            text.set(("apps", name, "branch"), branch)

    change(path, edit)


def add_domains(path: Path, name: AppName, domains: Iterable[Domain]) -> tuple[Domain, ...]:
    """Add the domains that an app lacks and return these. Raises AppNotFound, and Conflict if one is taken."""
    added: list[Domain] = []

    def edit(text: YamlText, now: AppsFile) -> None:
        now.check()
        app = now.get(name)
        added.extend(domain for domain in dict.fromkeys(domains) if domain not in app.hosts)
        refuse_taken(now, name, added)
        if added:
            text.append(("apps", name, "domains"), tuple(added))

    change(path, edit)
    return tuple(added)


def remove_domains(path: Path, name: AppName, domains: Iterable[Domain]) -> tuple[Domain, ...]:
    """Remove the domains that an app has and return these. Raises AppNotFound."""
    removed: list[Domain] = []

    def edit(text: YamlText, now: AppsFile) -> None:
        app = now.get(name)
        for domain in dict.fromkeys(domains):
            if domain in app.domains:
                text.drop_item(("apps", name, "domains"), domain)
                removed.append(domain)

    change(path, edit)
    return tuple(removed)


def allow_build_credentials(path: Path, name: AppName) -> None:
    """Let an app's builds use what the host logs in with. Raises AppNotFound."""
    _set(path, name, "build_credentials", True)


def set_storage(path: Path, name: AppName, on: bool) -> bool:
    """Set whether an app has storage and return whether that is a change. Raises AppNotFound."""
    return _set(path, name, "storage", on)


def _set(path: Path, name: AppName, key: str, value: bool | str) -> bool:
    changed = False

    def edit(text: YamlText, now: AppsFile) -> None:
        nonlocal changed
        changed = getattr(now.get(name), key) != value
        if changed:
            text.set(("apps", name, key), value)

    change(path, edit)
    return changed


def parse(root: Node, name: str, hint: str = "") -> AppsFile:
    """Return the apps of a file's tree; `hint` is the command that mends the file.

    Raises InvalidConfig with every mistake if one of them is not in the entry of one app.
    """
    problems = Problems(name, hint)
    top = Section(root, "", frozenset({"apps"}), problems)
    apps: dict[AppName, AppConfig] = {}
    domains: dict[AppName, Given[Domain]] = {}
    reached: dict[AppName, Given[Reachable]] = {}
    for key, value in entries(top.node("apps"), "apps", problems).values():
        app = problems.made(key, f"apps/{key.text}", AppName, key.text)
        if app is None:
            continue
        section = Section(value, f"apps/{app}", KEYS, problems)
        domains[app], reached[app] = section.words("domains", Domain), section.words("may_reach", reachable)
        apps[app] = read_app(app, section, _values(domains[app]), _values(reached[app]))
    _check_domains(apps, domains, problems)
    for node, where, other in itertools.chain(*reached.values()):
        if isinstance(other, AppName) and other not in apps:
            problems.add(node, where, f"there is no app {other}")
    return _file(apps, problems)


def _file(apps: Mapping[AppName, AppConfig], problems: Problems) -> AppsFile:
    mistakes = {app: error for app in apps if (error := problems.error(f"apps/{app}"))}
    problem = problems.error()
    if problem is not None and len(problem.details) > sum(len(error.details) for error in mistakes.values()):
        raise problem  # it is no one app's: an app may not even be known by its name
    return AppsFile({app: None if app in mistakes else config for app, config in apps.items()}, mistakes, problem)


def _values(given: Given[T]) -> tuple[T, ...]:
    return tuple(value for _, _, value in given)


def _check_domains(
    apps: Mapping[AppName, AppConfig], domains: Mapping[AppName, Given[Domain]], problems: Problems
) -> None:
    seen: dict[Domain, AppName] = {}
    for app, its in domains.items():
        for node, where, domain in its:
            local = domain.removesuffix(LOCAL)
            if domain in seen:
                whose = f"{app} twice" if seen[domain] == app else f"{seen[domain]} too"
                problems.add(node, where, f"{domain} is given to {whose}")
            elif domain == app + LOCAL:
                problems.add(node, where, f"{app} answers at {domain} anyway: leave it out")
            elif domain.endswith(LOCAL) and local in apps:
                problems.add(node, where, f"{domain} is the own address of {local}")
            seen.setdefault(domain, app)
