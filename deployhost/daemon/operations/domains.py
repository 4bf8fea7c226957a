"""The operations on an app's domains: they reach the proxy and the DNS at once, without a deploy."""

from collections.abc import Sequence

from deployhost.config import apps as apps_yml
from deployhost.config.app import AppConfig
from deployhost.control import results
from deployhost.control.messages import Message
from deployhost.daemon.control import Emit
from deployhost.daemon.operations import requests
from deployhost.daemon.operations.apps import listed
from deployhost.daemon.parts import Parts
from deployhost.model import AppName, Domain


def domains_list(parts: Parts, request: Message, _emit: Emit) -> results.DomainsFound:
    """Return an app's domains."""
    return _found(parts, listed(parts, request))


def domains_add(parts: Parts, request: Message, _emit: Emit) -> results.DomainsChanged:
    """Add domains to an app, unless something stands in their way; those that it has are seen to again."""
    app, domains = listed(parts, request).name, _domains_of(request)
    replace = bool(request.get("replace"))
    problem = parts.records.admit(app, domains, replace=replace)
    changed = apps_yml.add_domains(parts.apps.path, app, domains)
    try:
        parts.rerouter.reroute(app)
    finally:
        parts.records.settle(domains, replace=replace, problem=problem)
    return _changed(parts, app, changed, ())


def domains_remove(parts: Parts, request: Message, _emit: Emit) -> results.DomainsChanged:
    """Take domains from an app."""
    app, domains = listed(parts, request).name, _domains_of(request)
    changed = apps_yml.remove_domains(parts.apps.path, app, domains)
    try:
        parts.rerouter.reroute(app)
    finally:
        parts.records.settle(changed)
    return _changed(parts, app, changed, parts.records.undeleted(changed))


def _domains_of(request: Message) -> list[Domain]:
    return [Domain(domain) for domain in requests.texts(request, "domains")]


def _found(parts: Parts, config: AppConfig) -> results.DomainsFound:
    return {
        "app": config.name,
        "url": parts.views.url(config.name),
        "domains": list(config.domains),
        "records": parts.views.domains(config),
    }


def _changed(parts: Parts, app: AppName, changed: Sequence[Domain], notes: Sequence[str]) -> results.DomainsChanged:
    return {**_found(parts, parts.apps.get(app)), "changed": list(changed), "notes": list(notes)}
