"""The operations on apps as a whole: add, list, status, inspect, export, converge, remove."""

import logging
from collections.abc import Callable
from typing import cast

import deployhost
from deployhost.apps.adding import NewSource
from deployhost.apps.broken_view import broken
from deployhost.apps.known_apps import KnownApps, known_apps
from deployhost.apps.remove import Remover
from deployhost.apps.running import Running
from deployhost.apps.view import Views, finding, iso, steps
from deployhost.config.app import AppConfig
from deployhost.config.env import revealed
from deployhost.control.messages import Message
from deployhost.control.results import (
    AppsFound,
    ConvergePlan,
    Exported,
    RemovalPlan,
    SourceAppAdded,
    SourceAppBegun,
    StatusFound,
)
from deployhost.control.views import AppView, BuildView, ServerView, WarningView
from deployhost.daemon.control import Emit
from deployhost.daemon.operations import requests
from deployhost.daemon.operations.following import shown
from deployhost.daemon.parts import Parts
from deployhost.errors import DeployhostError, DockerUnavailable
from deployhost.github import source_notes
from deployhost.github.address import repository_address
from deployhost.kamal.contract import PROXY_CONTAINER
from deployhost.model import AppName, Branch, Domain, EnvName
from deployhost.steps import Finding, Severity, sentence
from deployhost.system.tree import scratch_directory

log = logging.getLogger(__name__)


def listed(parts: Parts, request: Message) -> AppConfig:
    """Return the settings of the app that a request names. Raise AppNotFound, InvalidConfig, InvalidRequest."""
    return parts.apps.get(requests.app_name(request))


def named(parts: Parts, request: Message) -> AppName:
    """Return the app that a request names, also while its settings can't be read. Raise AppNotFound, InvalidRequest."""
    return _known(parts).name(requests.app_name(request))


def add(parts: Parts, request: Message, _emit: Emit) -> AppView:
    """Add an app with an empty repository; return its AppView."""
    name = requests.app_name(request)
    branch = None if request.get("branch") is None else Branch(requests.text(request, "branch"))
    domains = [Domain(domain) for domain in requests.texts(request, "domains")]
    replace = bool(request.get("replace"))
    asked = "".join(f" --domain {domain}" for domain in domains)
    hint = f"deployhost add {name}{asked} --replace"
    problem = parts.records.admit(name, domains, replace=replace, hint=hint)
    if name not in parts.apps.known:
        parts.remover.finish(name)  # what an app of that name was before must not take this one with it
    config = parts.repositories.add(name, branch, domains)
    parts.records.settle(domains, replace=replace, problem=problem)
    return parts.views.app(config)


def add_source(parts: Parts, request: Message, emit: Emit) -> SourceAppAdded:
    """Add an app whose repository is on GitHub, and follow the deploy of its head."""
    host, source = repository_address(requests.text(request, "source"))
    variables = requests.values(request, "variables") if request.get("variables") is not None else {}
    added = parts.additions.add(
        NewSource(
            source=source,
            host=host,
            name=None if request.get("name") is None else requests.app_name(request),
            branch=None if request.get("branch") is None else Branch(requests.text(request, "branch")),
            domains=tuple(Domain(domain) for domain in requests.texts(request, "domains")),
            variables={EnvName(name): value for name, value in variables.items()},
            deploy=request.get("deploy", True) is not False,
            agreed=bool(request.get("agreed")),
            replace=bool(request.get("replace")),
        )
    )
    rest: SourceAppBegun = {
        "app": added.config.name,
        "view": parts.views.app(added.config),
        "notes": list(added.notes),
    }
    return {**rest, "deploy": None if added.deploy is None else shown(parts, added.deploy, request, emit, rest)}


def list_apps(parts: Parts, _request: Message, _emit: Emit) -> AppsFound:
    """Return every app."""
    return _shown(parts, parts.running.read(), None)


def status(parts: Parts, request: Message, _emit: Emit) -> StatusFound:
    """Return the server and its apps, or the one that is named."""
    name = None if request.get("name") is None else requests.app_name(request)
    running = parts.running.read()
    return {"server": _server(parts, running), **_shown(parts, running, name)}


def remove(parts: Parts, request: Message, _emit: Emit) -> RemovalPlan:
    """Remove an app, or, with dry_run, only say how; return the steps."""
    name, found = requests.app_name(request), parts.apps.now()
    lost = name not in found.known and (parts.remover.is_open(name) or parts.remover.is_left(name))
    config = AppConfig(name) if lost else found.get(name)
    applied = not request.get("dry_run")
    act = parts.remover.remove if applied else parts.remover.plan
    records = parts.records.owned(config) if applied else []
    plan = act(config, with_storage=bool(request.get("storage")))
    notes = [*plan.notes, *parts.records.undeleted(records)]
    return {"app": config.name, "steps": steps(plan), "notes": notes, "applied": applied}


def converge(parts: Parts, request: Message, _emit: Emit) -> ConvergePlan:
    """Mend what is not as it should be of one app or of all, or, with dry_run, only say how."""
    only = None if request.get("name") is None else listed(parts, request).name
    applied = not request.get("dry_run")
    plan = parts.converge.run(only) if applied else parts.converge.plan(only)
    everything = applied and only is None
    if everything:
        parts.account_care.look()
        parts.records.check()
    kept = parts.keeping.all() if everything else ()
    accounts = () if only is not None else map(sentence, _of_accounts(parts))
    notes = [*plan.notes, *kept, *accounts, *_exposed(parts), *map(sentence, parts.host_refusals.findings())]
    return {"steps": steps(plan), "notes": [*filter(None, notes)], "applied": applied}


def inspect(parts: Parts, request: Message, _emit: Emit) -> BuildView:
    """Return what an app's newest commit would be built as, and why."""
    config = listed(parts, request)
    sha = parts.commits.newest(config.name)
    with scratch_directory(parts.paths.run, prefix="inspect-") as scratch:
        tree = scratch / "tree"
        parts.repository(config.name).check_out(sha, tree)
        plan = parts.planner.plan(
            tree,
            config.name,
            storage=config.storage,
            variables=revealed(parts.env.read(config.name)),
            runtime=config.runtime,
            web=config.names_web,
        )
    return {**cast("BuildView", plan.to_json()), "app": config.name, "sha": sha}


def export(parts: Parts, request: Message, _emit: Emit) -> Exported:
    """Return the files of an app's Kamal project, as texts by path. Whoever asks writes them, as themselves."""
    return parts.exports.kamal(requests.app_name(request))


def _known(parts: Parts) -> KnownApps:
    return known_apps(parts.apps, parts.paths, parts.releases)


def _shown(parts: Parts, running: Running, name: AppName | None) -> AppsFound:
    """Return all apps, or the one that is named, and what is wrong with apps.yml."""
    known, views = _known(parts), parts.views
    wanted = {*known.apps, *known.unlisted} if name is None else {known.name(name)}
    shows: dict[AppName, Callable[[AppName], AppView]] = {
        app: (lambda app: views.unread(app, running)) if config is None else _of_config(views, config, running)
        for app, config in known.apps.items()
    }
    shows |= dict.fromkeys(known.unlisted, lambda app: views.unlisted(app, running))
    apps = [_view(views, app, show) for app, show in shows.items() if app in wanted]
    return {"apps": apps, "problem": None if known.problem is None else known.problem.to_json()}


def _of_config(views: Views, config: AppConfig, running: Running) -> Callable[[AppName], AppView]:
    return lambda _app: views.app(config, running)


def _view(views: Views, app: AppName, show: Callable[[AppName], AppView]) -> AppView:
    """Return an app's view. What one app raises keeps nobody from seeing the others."""
    try:
        return show(app)
    except DockerUnavailable:
        raise
    except Exception as error:
        log.exception("%s can't be shown", app)
        return broken(app, error, url=views.local_url(app), repository=views.paths.repo(app))


def _server(parts: Parts, running: Running) -> ServerView:
    docker, proxy = None, running.problem or "unknown"
    try:
        if running.problem:  # it need not be waited for twice
            raise DockerUnavailable(running.problem)
        docker = parts.docker.info().version
        container = parts.docker.find(PROXY_CONTAINER)
        proxy = "missing" if container is None else container.status
    except DeployhostError as error:
        proxy = error.message
    return {
        "version": deployhost.__version__,
        "pid": parts.pid,
        "started_at": iso(parts.started_at),
        "docker": docker,
        "proxy": proxy,
        "http_port": parts.settings.current().http_port,
        "warnings": _warnings(parts),
        "findings": [finding(one) for one in _findings(parts)],
    }


def _findings(parts: Parts) -> list[Finding]:
    """Return what is wrong with the server and its apps: what converge found, and what fails again and again."""
    reported = [
        Finding(Severity.ERROR if one["hint"] else Severity.WARNING, one["message"], fix=one["hint"])
        for one in _warnings(parts)
    ]
    apps = _known(parts).apps
    problems = [parts.sources.problem(name) for name, config in apps.items() if config and config.source]
    of_sources = source_notes.findings(filter(None, problems))
    found = (*parts.converge.findings(), *_of_accounts(parts), *of_sources, *parts.host_refusals.findings())
    known = {one.what for one in found}
    return [*found, *(one for one in reported if not any(one.what.startswith(what) for what in known))]


def _of_accounts(parts: Parts) -> tuple[Finding, ...]:
    """Return what is wrong with what this server is joined to."""
    tunnel = parts.cloudflare_connection.now()
    host = "" if tunnel is None else tunnel.webhook_host
    return (
        *parts.tunnel.findings(),
        *parts.account_care.findings(),
        *parts.records.findings(),
        *parts.github_accounts.findings(host),
    )


def _warnings(parts: Parts) -> list[WarningView]:
    """Return what is wrong with the server, each with the command that mends it, or ""."""
    problems = (*_exposed(parts), *parts.converge.warnings())
    return [*unfinished(parts.remover), *parts.troubles.now(*problems)]


def _exposed(parts: Parts) -> tuple[str, ...]:
    """Return what of the server is open to whom it should not be, and why; "" where it is not."""
    return (parts.isolation.problem, parts.host_isolation.problem, parts.registry_guard.problem)


def unfinished(remover: Remover) -> list[WarningView]:
    """Return a warning for each removal that has begun and could not be finished."""
    return [
        {"message": f"the removal of {app} can't be finished: {error.message}", "hint": f"deployhost remove {app}"}
        for app, error in remover.unfinished().items()
    ]
