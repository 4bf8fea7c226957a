"""Complete views of the control socket, one builder each: mypy finds a field that is missing here."""

from collections.abc import Collection
from typing import Any, TypeVar, cast

from deployhost.control.results import RolledBack
from deployhost.control.views import (
    AppView,
    BuildView,
    DeployView,
    DomainView,
    LiveView,
    LockView,
    ProcessView,
    ReleaseView,
    ServerView,
)
from deployhost.errors import ErrorView

SHA = "0123456789abcdef0123456789abcdef01234567"
View = TypeVar("View")


def error_view(message: str = "it broke", **more: Any) -> ErrorView:
    view: ErrorView = {"code": "x", "message": message, "hint": "", "details": [], "exit_code": 1}
    return _with(view, more, optional={"process", "settings"})


def deploy_view(status: str = "live", **more: Any) -> DeployView:
    view: DeployView = {
        "id": 7,
        "app": "hello",
        "sha": SHA,
        "subject": "",
        "version": SHA,
        "trigger": "push",
        "target": None,
        "reason": "",
        "status": status,
        "requested_at": "2026-01-01T00:00:00Z",
        "started_at": "2026-01-01T00:00:00Z",
        "live_at": None,
        "finished_at": None,
        "phases": [{"name": "queue", "ms": 2.0}, {"name": "build", "ms": 410.0}],
        "total_ms": 620.0,
        "url": "http://hello.localhost",
        "error": None,
        "superseded_by": None,
    }
    return _with(view, more)


def live_view(**more: Any) -> LiveView:
    view: LiveView = {
        "version": SHA + "-2",
        "sha": SHA,
        "subject": "Say \x1b[31mhello",
        "since": "2026-01-01T00:00:00Z",
        "container": "c",
        "image": "i",
        "port": 8000,
        "failed": "",
        "proven_at": None,
    }
    return _with(view, more)


def process_view(name: str, **more: Any) -> ProcessView:
    view: ProcessView = {
        "name": name,
        "state": "running",
        "restarts": 0,
        "exit_code": None,
        "container": "c",
        "memory": None,
        "cpus": None,
        "wanted_memory": None,
        "wanted_cpus": None,
    }
    return _with(view, more)


def lock_view(by: str) -> LockView:
    return {"by": by, "text": "", "since": "2026-01-01T00:00:00Z", "age_s": 60}


def domain_view(domain: str = "hello.example.com", **more: Any) -> DomainView:
    view: DomainView = {
        "domain": domain,
        "url": f"http://{domain}",
        "record": "elsewhere",
        "why": "Cloudflare is not connected",
        "fix": "",
    }
    return _with(view, more)


def app_view(**more: Any) -> AppView:
    view: AppView = {
        "name": "hello",
        "listed": True,
        "state": "live",
        "url": "http://hello.localhost",
        "urls": ["http://hello.localhost", "http://hello.example.com"],
        "branch": "main",
        "source": None,
        "remote": "/var/lib/deployhost/repos/hello.git",
        "ssh_remote": "root@box:/var/lib/deployhost/repos/hello.git",
        "domains": ["hello.example.com"],
        "records": [domain_view()],
        "storage": None,
        "strategy": "overlap",
        "engine": "direct",
        "live": live_view(),
        "processes": [process_view("web")],
        "maintenance": False,
        "route": "running",
        "lock": None,
        "rolled_back": None,
        "head": SHA,
        "last_deploy": deploy_view(),
        "note": "",
    }
    return _with(view, more)


def release_view(**more: Any) -> ReleaseView:
    view: ReleaseView = {
        "version": SHA,
        "sha": SHA,
        "subject": "Say hello",
        "live": False,
        "live_since": "2026-01-01T00:00:00Z",
        "left": "replaced",
        "why": "",
        "left_at": None,
        "how": "push",
        "target": None,
        "image": "i",
        "image_available": True,
        "proven_at": None,
        "deploy": deploy_view(),
    }
    return _with(view, more)


def rolled_back(**more: Any) -> RolledBack:
    view: RolledBack = {
        "app": "hello",
        "release": release_view(),
        "from": release_view(version=SHA + "-2", live=True),
        "applied": False,
        "deploy": None,
    }
    return _with(view, more)


def server_view(**more: Any) -> ServerView:
    view: ServerView = {
        "version": "1",
        "pid": 1,
        "started_at": "2026-01-01T00:00:00Z",
        "docker": "20.10",
        "proxy": "running",
        "http_port": 80,
        "warnings": [],
        "findings": [],
    }
    return _with(view, more)


def build_view(**more: Any) -> BuildView:
    view: BuildView = {
        "kind": "generated",
        "runtime": "python",
        "version": "3.13",
        "bases": [{"ref": "python:3.13-slim", "line": None}],
        "syntax": None,
        "start": {"argv": ["python", "app.py"], "shell": None},
        "port": 8000,
        "processes": {},
        "dockerfile": "FROM python:3.13-slim\n",
        "dockerignore": "",
        "reasons": [
            {"text": "it has requirements", "path": "requirements.txt", "line": 3},
            {"text": "so be it", "path": None, "line": None},
        ],
        "warnings": ["mind this"],
    }
    return _with(view, more, optional={"app", "sha"})


def _with(view: View, more: dict[str, Any], optional: Collection[str] = ()) -> View:
    fields = cast("dict[str, Any]", view)
    assert more.keys() <= {*fields, *optional}, f"no such fields: {more.keys() - fields.keys()}"
    return cast("View", {**fields, **more})
