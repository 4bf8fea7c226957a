"""Whether names and domains are free in apps.yml: each belongs to one app. Pure."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from deployhost.config.app import LOCAL
from deployhost.errors import Conflict
from deployhost.model import AppName, Domain

if TYPE_CHECKING:  # which asks here
    from deployhost.config.apps import AppsFile


def refuse_new(now: "AppsFile", name: AppName, domains: Iterable[Domain]) -> None:
    """Raise Conflict if the name of a new app, or one of its domains, is taken; InvalidConfig if the file has a mistake."""
    now.check()  # whose the name and the domains are already is only known of a file that is right
    if name in now.apps:
        raise Conflict(f"there is an app {name} already", hint=f"deployhost status {name}")
    local = now.owner(Domain(name + LOCAL))
    if local is not None:
        raise Conflict(
            f"{name}{LOCAL} is a domain of {local} already", hint=f"deployhost domains remove {local} {name}{LOCAL}"
        )
    refuse_taken(now, name, domains)


def refuse_taken(now: "AppsFile", name: AppName, domains: Iterable[Domain]) -> None:
    """Raise Conflict if a domain is another app's."""
    taken = [(domain, owner) for domain in domains if (owner := now.owner(domain)) not in (None, name)]
    if taken:
        domain, owner = taken[0]
        raise Conflict(
            f"{domain} belongs to {owner}",
            hint=f"deployhost domains remove {owner} {domain}" if domain != f"{owner}{LOCAL}" else "",
            details=tuple(f"{domain} belongs to {owner}" for domain, owner in taken) if len(taken) > 1 else (),
        )
