"""apps.yml: the apps and their settings, parsed once into types, and changed without touching what its owner wrote."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.config import yaml_file
from deployhost.config.app import KEYS, LOCAL, AppConfig, read_app
from deployhost.config.schema import Problems, Section, entries
from deployhost.config.yaml_edit import YamlText
from deployhost.config.yaml_tree import Node
from deployhost.errors import AppNotFound, Conflict, InvalidName
from deployhost.model import AppName, Branch, Domain

HEADER = """\
# The apps of this server. Edit it by hand or with `deployhost add`, `domains`, `storage` and `remove`: both are fine.
# Settings of an app: see "apps.yml" in the README.
apps:
"""


@dataclass(frozen=True)
class AppsFile:
    """All apps, in the order of the file."""

    apps: Mapping[AppName, AppConfig] = field(default_factory=dict)

    def get(self, name: AppName) -> AppConfig:
        """Given a name, return its app. Raise AppNotFound."""
        if name not in self.apps:
            near = difflib.get_close_matches(name, self.apps, n=1)
            details = (f"did you mean {near[0]}?",) if near else ()
            hint = f"deployhost status {near[0]}" if near else f"deployhost add {name}"
            raise AppNotFound(f"there is no app {name}", details=details, hint=hint)
        return self.apps[name]

    def owner(self, domain: Domain) -> AppName | None:
        """Given a host name, return the app that answers at it, or None."""
        return next((app.name for app in self.apps.values() if domain in app.hosts), None)


Edit = Callable[[YamlText, AppsFile], None]


def load(path: Path) -> AppsFile:
    """Given the path of apps.yml, return the apps; a missing file has none. Raise InvalidConfig with every mistake, FileProblem."""
    return yaml_file.load(path, parse)


def change(path: Path, edit: Edit) -> AppsFile:
    """Given the path and an edit of the text, carry it out under the file's lock and return the apps then.

    Nothing is written if the file was or would become invalid. Raise InvalidConfig, FileProblem, Conflict.
    """
    return yaml_file.change(path, parse, edit, header=HEADER)


def add_app(path: Path, name: AppName, branch: Branch | None = None, domains: Iterable[Domain] = ()) -> AppConfig:
    """Given a new app's name, add it and return its settings. Raise Conflict if the name or a domain is taken."""
    wanted = tuple(dict.fromkeys(domains))

    def edit(text: YamlText, now: AppsFile) -> None:
        if name in now.apps:
            raise Conflict(f"there is an app {name} already", hint=f"deployhost status {name}")
        local = now.owner(Domain(name + LOCAL))
        if local is not None:
            raise Conflict(
                f"{name}{LOCAL} is a domain of {local} already", hint=f"deployhost domains remove {local} {name}{LOCAL}"
            )
        _refuse_taken(now, name, wanted)
        text.set(("apps", name), None)
        if branch is not None:
            text.set(("apps", name, "branch"), branch)
        if wanted:
            text.append(("apps", name, "domains"), wanted)

    return change(path, edit).get(name)


def remove_app(path: Path, name: AppName) -> None:
    """Given an app's name, take it out with all its settings, and out of what others may reach. Raise AppNotFound."""

    def edit(text: YamlText, now: AppsFile) -> None:
        now.get(name)
        for other in now.apps.values():
            if name in other.may_reach and other.name != name:
                text.drop_item(("apps", other.name, "may_reach"), name)
        text.drop(("apps", name))

    change(path, edit)


def set_branch(path: Path, name: AppName, branch: Branch) -> AppConfig:
    """Given an app's name and its branch, note it and return the settings then. Raise AppNotFound."""

    def edit(text: YamlText, now: AppsFile) -> None:
        if now.get(name).branch != branch:
            text.set(("apps", name, "branch"), branch)

    return change(path, edit).get(name)


def add_domains(path: Path, name: AppName, domains: Iterable[Domain]) -> tuple[Domain, ...]:
    """Given an app's name and domains, add those that it lacks and return them. Raise AppNotFound, Conflict if one is taken."""
    added: list[Domain] = []

    def edit(text: YamlText, now: AppsFile) -> None:
        app = now.get(name)
        added.extend(domain for domain in dict.fromkeys(domains) if domain not in app.hosts)
        _refuse_taken(now, name, added)
        if added:
            text.append(("apps", name, "domains"), tuple(added))

    change(path, edit)
    return tuple(added)


def remove_domains(path: Path, name: AppName, domains: Iterable[Domain]) -> tuple[Domain, ...]:
    """Given an app's name and domains, take away those that it has and return them. Raise AppNotFound."""
    removed: list[Domain] = []

    def edit(text: YamlText, now: AppsFile) -> None:
        app = now.get(name)
        for domain in dict.fromkeys(domains):
            if domain in app.domains:
                text.drop_item(("apps", name, "domains"), domain)
                removed.append(domain)

    change(path, edit)
    return tuple(removed)


def set_storage(path: Path, name: AppName, on: bool) -> bool:
    """Given an app's name and whether it has storage, note it and return whether that is a change. Raise AppNotFound."""
    changed = False

    def edit(text: YamlText, now: AppsFile) -> None:
        nonlocal changed
        changed = now.get(name).storage != on
        if changed:
            text.set(("apps", name, "storage"), on)

    change(path, edit)
    return changed


def parse(root: Node, name: str) -> AppsFile:
    """Given the file's tree and name, return its apps. Raise InvalidConfig with every mistake."""
    problems = Problems(name)
    top = Section(root, "", frozenset({"apps"}), problems)
    apps: dict[AppName, AppConfig] = {}
    domains: list[tuple[Node, str, AppName, Domain]] = []
    for key, value in entries(top.node("apps"), "apps", problems).values():
        try:
            app = AppName(key.text)
        except InvalidName as error:
            problems.add(key, f"apps/{key.text}", str(error))
            continue
        section = Section(value, f"apps/{app}", KEYS, problems)
        found = section.words("domains", Domain)
        domains += [(node, place, app, domain) for node, place, domain in found]
        apps[app] = read_app(app, section, tuple(domain for _, _, domain in found))
    _check_domains(apps, domains, problems)
    for config in apps.values():
        for other in config.may_reach:
            if other not in apps:
                problems.add(top.node("apps") or root, f"apps/{config.name}/may_reach", f"there is no app {other}")
    problems.check()
    return AppsFile(apps)


def _check_domains(
    apps: Mapping[AppName, AppConfig], domains: list[tuple[Node, str, AppName, Domain]], problems: Problems
) -> None:
    seen: dict[Domain, AppName] = {}
    for node, where, app, domain in domains:
        local = domain.removesuffix(LOCAL)
        if domain in seen:
            whose = f"{app} twice" if seen[domain] == app else f"{seen[domain]} too"
            problems.add(node, where, f"{domain} is given to {whose}")
        elif domain == app + LOCAL:
            problems.add(node, where, f"{app} answers at {domain} anyway: leave it out")
        elif domain.endswith(LOCAL) and local in apps:
            problems.add(node, where, f"{domain} is the own address of {local}")
        seen.setdefault(domain, app)


def _refuse_taken(now: AppsFile, name: AppName, domains: Iterable[Domain]) -> None:
    taken = [(domain, owner) for domain in domains if (owner := now.owner(domain)) not in (None, name)]
    if taken:
        domain, owner = taken[0]
        raise Conflict(
            f"{domain} belongs to {owner}",
            hint=f"deployhost domains remove {owner} {domain}" if domain != f"{owner}{LOCAL}" else "",
            details=tuple(f"{domain} belongs to {owner}" for domain, owner in taken) if len(taken) > 1 else (),
        )
