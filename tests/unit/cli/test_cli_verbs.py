"""Every verb end to end: arguments in, one request on the socket, lines or one JSON document out."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from deployhost import __version__
from deployhost.cli import views
from deployhost.control import following
from deployhost.control.results import (
    AppsFound,
    Cancelled,
    DomainsChanged,
    DomainsFound,
    EnvChanged,
    EnvFound,
    Ping,
    Pruned,
    ReleasesFound,
    RemovalPlan,
    SourceAppAdded,
    StatusFound,
    StorageChanged,
    StorageShown,
    Waited,
)
from deployhost.control.views import DeployView, StepView
from deployhost.errors import AppNotFound, BuildFailed, Conflict, InvalidConfig, WaitTimedOut
from tests.fakes.command import Run
from tests.fakes.control import HANG_UP, FakeControl
from tests.fakes.views import (
    SHA,
    app_view,
    build_view,
    deploy_view,
    domain_view,
    error_view,
    lock_view,
    process_view,
    release_view,
    rolled_back,
    server_view,
)

BUILD = {"event": "stage", "stage": "build", "state": "done", "ms": 410.0}
ENV = EnvFound(
    app="hello",
    env=[
        {"name": "A", "value": 'x"\n', "updated_at": "2026-01-01T00:00:00Z"},
        {"name": "B", "value": "", "updated_at": "2026-01-01T00:00:00Z"},
    ],
)
DOMAINS = DomainsFound(
    app="hello",
    url="https://hello.example.com",
    domains=["hello.example.com", "b.de"],
    records=[
        domain_view(record="present", why="", url="https://hello.example.com"),
        domain_view("b.de", record="waiting", why="Cloudflare can't be\x1b[31m reached", fix="deployhost status"),
    ],
)


def domains_changed(*changed: str, notes: Sequence[str] = ()) -> DomainsChanged:
    return {**DOMAINS, "changed": list(changed), "notes": list(notes)}


def env_changed(*changed: str, deploy: DeployView | None = None, not_set: Sequence[str] = ()) -> EnvChanged:
    return {"app": "hello", "changed": list(changed), "not_set": list(not_set), "deploy": deploy}


def storage_changed(**more: Any) -> StorageChanged:
    view: StorageChanged = {
        "app": "hello",
        "enabled": True,
        "path": "/var/lib/deployhost/storage/hello",
        "mounted_at": "/storage",
        "changed": False,
        "deploy": None,
    }
    return cast("StorageChanged", {**view, **more})


def source_added(deploy: DeployView | None = None, notes: Sequence[str] = ()) -> SourceAppAdded:
    view = app_view(source="acme/shop")
    return {"app": "hello", "view": view, "notes": list(notes), "deploy": deploy}


DELETE: StepView = {"step": "X", "what": "delete", "why": "gone"}

# arguments; the operation, the rest of the request, the result; what a person reads of it
VERBS: list[tuple[list[str], str, dict[str, Any], Any, list[str]]] = [
    (
        ["add", "hello", "--branch", "main", "-d", "Hello.Example.COM.", "--domain", "b.de"],
        "app.add",
        {"name": "hello", "branch": "main", "domains": ["hello.example.com", "b.de"]},
        app_view(state="empty", live=None, last_deploy=None),
        [
            "git remote add deployhost /var/lib",
            "git push deployhost main",
            "http://hello.localhost, http://hello.example.com",
        ],
    ),
    (
        ["add", "https://github.com/acme/shop", "--name", "hello", "-b", "main", "-d", "b.de", "--no-deploy", "--yes"],
        "app.add_source",
        {
            "source": "https://github.com/acme/shop",
            "name": "hello",
            "branch": "main",
            "domains": ["b.de"],
            "deploy": False,
            "agreed": True,
            "follow": True,
        },
        source_added(notes=["acme/shop is archived: nobody can push to it"]),
        [
            "hello is deployed from acme/shop (branch main): the next push there is deployed\n",
            "! acme/shop is archived",
            "It answers at http://hello.localhost, http://hello.example.com",
        ],
    ),
    (
        ["add", "acme/shop"],
        "app.add_source",
        {"source": "acme/shop", "follow": True},
        source_added(deploy=deploy_view()),
        ["hello is deployed from acme/shop (branch main): push there to deploy\n", "live at http://hello.localhost"],
    ),
    (
        ["list"],
        "app.list",
        {},
        AppsFound(apps=[app_view()], problem=None),
        ["NAME", "hello  live   http://hello.localhost  0123456-2  "],
    ),
    (["list"], "app.list", {}, AppsFound(apps=[], problem=None), ["No apps yet.", "try: deployhost add NAME"]),
    (
        ["status"],
        "app.status",
        {},
        StatusFound(server=server_view(), apps=[app_view()], problem=None),
        [
            "docker 20.10",
            "hello: live",
            "0123456-2 Say hello, ",
            "deploy   7 live in 0.62 s",
            "(queue 2 ms · build 410 ms)",
        ],
    ),
    (
        ["status", "hello"],
        "app.status",
        {"name": "hello"},
        StatusFound(
            server=server_view(docker=None),
            problem=None,
            apps=[
                app_view(
                    head="f" * 40,
                    note="mind this",
                    storage="/s",
                    last_deploy=deploy_view("failed", error=error_view("it broke", hint="mend it")),
                )
            ],
        ),
        [
            "docker does not answer · kamal-proxy unknown, port 80\n! apps may be out of reach: the Docker engine does not",
            "\n  try: deployhost setup --local\n\nhello: live\n",
            "fffffff was pushed last",
            "! mind this",
            "it broke",
            "try: mend it",
            "storage  /s",
        ],
    ),
    (
        ["deploy", "hello", "--rebuild"],
        "deploy.start",
        {"name": "hello", "rebuild": True, "follow": True},
        deploy_view(),
        ["  build    0.41 s", "live at http://hello.localhost in 0.62 s"],
    ),
    (["deploy", "hello"], "deploy.start", {"name": "hello", "follow": True}, deploy_view(), ["live at"]),
    (
        ["deploy", "hello"],
        "deploy.start",
        {"name": "hello", "follow": True},
        deploy_view("superseded", superseded_by=8),
        ["overtaken by a newer push (deploy 8)"],
    ),
    (["restart", "hello"], "app.restart", {"name": "hello", "follow": True}, deploy_view(), ["live at"]),
    (
        ["deploy", "hello", "v1"],
        "deploy.start",
        {"name": "hello", "ref": "v1", "follow": True},
        deploy_view(),
        ["live at"],
    ),
    (
        ["wait", "hello"],
        "deploy.wait",
        {"name": "hello"},
        Waited(app="hello", live=True, why="", deploy=deploy_view()),
        ["live at http://hello.localhost in 0.62 s"],
    ),
    (
        ["releases", "hello"],
        "releases.list",
        {"name": "hello"},
        ReleasesFound(
            app="hello",
            releases=[
                release_view(version=SHA + "-4", live=True, left="failed", why="it answered badly", how="restart"),
                release_view(version=SHA + "-3", live=True, how="auto_rollback"),
                release_view(
                    version=SHA + "-2", left="failed", why="it ended 3 times", subject="Some \x1b[31mred" + "d" * 40
                ),
                release_view(
                    left="rolled_back", why="rolled back to abcdef0", image_available=False, deploy=None, how=None
                ),
            ],
        ),
        [
            "VERSION    SUBJECT ",
            "0123456-3  Say hello ",
            "restart             0.62 s  live, but failed: it answered badly\n",
            "automatic rollback  0.62 s  live\n",
            "failed: it ended 3 times\n",
            "-       rolled back to abcdef0, its image is gone\n",
            "…",
            "try: deployhost rollback hello --dry-run\n",
        ],
    ),
    (
        ["releases", "hello"],
        "releases.list",
        {"name": "hello"},
        ReleasesFound(app="hello", releases=[]),
        ["hello has no release yet"],
    ),
    (
        ["rollback", "hello"],
        "app.rollback",
        {"name": "hello", "follow": True},
        rolled_back(applied=True, deploy=deploy_view(trigger="rollback")),
        ["rolled back hello from 0123456-2 to 0123456 Say hello, which went live ", "live at"],
    ),
    (
        ["rollback", "hello", "0123456", "--dry-run"],
        "app.rollback",
        {"name": "hello", "release": "0123456", "dry_run": True},
        rolled_back(),
        ["would roll back hello from 0123456-2 to 0123456 Say hello"],
    ),
    (
        ["status", "hello"],
        "app.status",
        {"name": "hello"},
        StatusFound(
            server=server_view(),
            problem=None,
            apps=[
                app_view(
                    strategy="handover",
                    engine="kamal",
                    lock=lock_view("\x1b[31malice"),
                    processes=[
                        process_view("web", memory=512 * 1024**2, cpus=1.0),
                        process_view("worker", state="restarting", restarts=3, exit_code=1),
                        process_view("cron", restarts=1, cpus=0.5, memory=1536 * 1024**2),
                    ],
                )
            ],
        ),
        [
            "strategy handover\n",
            "engine   kamal\n",
            "process  web running, at most 512 MB and 1 CPU\n",
            "process  worker restarting (1), restarted 3 times\n",
            "process  cron running, restarted 1 time, at most 1.5 GB and 0.5 CPUs\n",
            "lock     Kamal's, of alice, since 2026",
        ],
    ),
    (["env", "list", "hello"], "env.list", {"name": "hello"}, ENV, ["A     ***    2026"]),
    (
        ["env", "list", "hello"],
        "env.list",
        {"name": "hello"},
        EnvFound(app="hello", env=[]),
        ["hello has no variables"],
    ),
    (
        ["env", "list", "hello", "--reveal"],
        "env.list",
        {"name": "hello", "reveal": True},
        ENV,
        ['A="x\\"\n"\nB=\n'],
    ),
    (
        ["env", "set", "hello", "A=1=2", "B="],
        "env.set",
        {"name": "hello", "values": {"A": "1=2", "B": ""}, "follow": True},
        env_changed("A", deploy=deploy_view()),
        ["set A\n", "live at"],
    ),
    (
        ["env", "unset", "hello", "A", "B"],
        "env.unset",
        {"name": "hello", "names": ["A", "B"], "follow": True},
        env_changed("A", not_set=["B"], deploy=deploy_view()),
        ["removed A\nB was not set\nlive at"],
    ),
    (
        ["env", "unset", "hello", "A"],
        "env.unset",
        {"name": "hello", "names": ["A"], "follow": True},
        env_changed(not_set=["A"]),
        ["A was not set\n"],
    ),
    (
        ["env", "set", "hello", "A=1"],
        "env.set",
        {"name": "hello", "values": {"A": "1"}, "follow": True},
        env_changed(),
        ["already set\n"],
    ),
    (
        ["env", "set", "hello", "A=1"],
        "env.set",
        {"name": "hello", "values": {"A": "1"}, "follow": True},
        env_changed(deploy=deploy_view()),
        ["unchanged, but the live release ran without it: redeployed\nlive at"],
    ),
    (
        ["domains", "list", "hello"],
        "domains.list",
        {"name": "hello"},
        DOMAINS,
        [
            "https://hello.example.com\nhello.example.com  DNS record present\n",
            "\nb.de  DNS record waiting: Cloudflare can't be reached\n",
        ],
    ),
    (
        ["domains", "add", "hello", "X.de", "y.de"],
        "domains.add",
        {"name": "hello", "domains": ["x.de", "y.de"]},
        domains_changed("x.de", "y.de"),
        ["added x.de, y.de\n"],
    ),
    (
        ["domains", "add", "hello", "b.de", "hello.example.com", "--replace"],
        "domains.add",
        {"name": "hello", "domains": ["b.de", "hello.example.com"], "replace": True},
        domains_changed("b.de"),
        [
            "added b.de\nhello.example.com is served at https://hello.example.com\n",
            "\n! b.de has no DNS record yet: Cloudflare can't be reached; deployhost tries again each minute\n",
            "  try: deployhost status\n",
        ],
    ),
    (
        ["domains", "remove", "hello", "x.de"],
        "domains.remove",
        {"name": "hello", "domains": ["x.de"]},
        domains_changed(),
        ["unchanged: hello has hello.example.com, b.de\n"],
    ),
    (
        ["domains", "remove", "hello", "x.de"],
        "domains.remove",
        {"name": "hello", "domains": ["x.de"]},
        domains_changed("x.de", notes=["the DNS record of x.de\x1b[31m stays"]),
        ["removed x.de\n! the DNS record of x.de stays\n"],
    ),
    (
        ["add", "hello", "-d", "a.de", "-d", "b.de", "--replace"],
        "app.add",
        {"name": "hello", "domains": ["a.de", "b.de"], "replace": True},
        app_view(
            state="empty",
            live=None,
            last_deploy=None,
            records=[domain_view("a.de"), domain_view("b.de", record="refused", why="no room: it is taken", fix="x")],
        ),
        [
            "set up DNS and TLS for a.de yourself: Cloudflare is not connected\n",
            "! b.de gets no DNS record: no room: it is taken\n  try: x\n",
        ],
    ),
    (
        ["storage", "enable", "hello"],
        "storage.enable",
        {"name": "hello", "follow": True},
        storage_changed(),
        ["is mounted at /storage"],
    ),
    (
        ["storage", "disable", "hello"],
        "storage.disable",
        {"name": "hello", "follow": True},
        storage_changed(),
        ["its data stays in /var"],
    ),
    (
        ["remove", "hello", "--yes", "--storage"],
        "app.remove",
        {"name": "hello", "storage": True, "dry_run": False},
        RemovalPlan(app="hello", steps=[DELETE], notes=[], applied=True),
        ["hello removed:", "  - delete: gone"],
    ),
    (
        ["remove", "hello", "--dry-run"],
        "app.remove",
        {"name": "hello", "storage": False, "dry_run": True},
        RemovalPlan(
            app="hello", steps=[DELETE], notes=["the data in /data stays; --storage deletes it too"], applied=False
        ),
        ["hello would be removed:", "  the data in /data stays; --storage deletes it too\n"],
    ),
    (
        ["prune", "--dry-run"],
        "prune",
        {"dry_run": True},
        Pruned(
            applied=False,
            apps=[{"app": "hello", "containers": ["hello-web-1"], "images": ["127.0.0.1:5555/hello:1"]}],
            cache={"records": 3, "bytes": 5 * 1024**3},
            freed_bytes=0,
            disk={"path": "/var/lib/docker", "total_bytes": 100 * 1024**3, "free_bytes": 512 * 1024**2},
        ),
        [
            "would remove container hello-web-1\nwould remove image 127.0.0.1:5555/hello:1\n",
            "would remove 3 records of the build cache, 5 GB\n512 MB of 100 GB free on /var/lib/docker\n",
        ],
    ),
    (
        ["prune"],
        "prune",
        {},
        Pruned(
            applied=True,
            apps=[{"app": "hello", "containers": [], "images": []}],
            cache={"records": 0, "bytes": 0},
            freed_bytes=0,
            disk={"path": "/var/lib/docker", "total_bytes": 100 * 1024**3, "free_bytes": 50 * 1024**3},
        ),
        ["nothing to remove\n0 MB freed, 50 GB of 100 GB free on /var/lib/docker\n"],
    ),
    (
        ["version"],
        "ping",
        {},
        Ping(version="0.0.1", pid=1, started_at=None),
        [f"deployhost {__version__}", "deployhostd is 0.0.1"],
    ),
]


@pytest.mark.parametrize(("arguments", "op", "request_", "result", "said"), VERBS)
def test_verbs_for_people(
    control: FakeControl,
    run: Run,
    arguments: list[str],
    op: str,
    request_: dict[str, Any],
    result: Any,
    said: list[str],
) -> None:
    control.on(op, result, BUILD)
    ran = run(*arguments)
    assert (ran.code, ran.err) == (0, "")
    assert control.requests == [{"op": op, **request_}]
    for text in said:
        assert text in ran.out
    assert "\x1b" not in ran.out


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("missing", "no app can be reached: kamal-proxy is missing"),
        ("restarting", "no app can be reached: kamal-proxy is restarting"),
        ("Docker refused: no", "apps may be out of reach: Docker refused: no"),
    ],
)
def test_status_without_the_proxy(proxy: str, said: str) -> None:
    now = datetime(2026, 1, 1, 0, 2, 5, tzinfo=UTC)
    lines = views.status({"server": server_view(proxy=proxy), "apps": [], "problem": None}, now)
    assert lines[1:3] == [f"! {said}", "  try: deployhost setup --local"]
    first, *more = views.status({"server": server_view(), "apps": [], "problem": None}, now)
    assert first == "deployhost 1, up for 2 min · docker 20.10 · kamal-proxy running, port 80"
    assert more == ["", "No apps yet.", "try: deployhost add NAME"]


@pytest.mark.parametrize(("arguments", "result"), [(["list"], {}), (["status"], {"server": server_view()})])
def test_a_mistake_in_apps_yml_hides_nothing(
    control: FakeControl, run: Run, arguments: list[str], result: dict[str, Any]
) -> None:
    error = InvalidConfig(
        "apps.yml has a mistake", details=("apps.yml: apps/x: no (line 3)",), hint="editor /e/apps.yml"
    )
    unknown = app_view(branch=None, storage=None, strategy=None, engine=None)
    result = {**result, "apps": [unknown], "problem": error.to_json()}
    control.on("app." + arguments[0], result)
    control.on("app." + arguments[0], result)
    ran = run(*arguments)
    assert ran.code == 0
    assert "http://hello.localhost" in ran.out
    assert "None" not in ran.out
    said = "warning: apps.yml has a mistake\n  apps.yml: apps/x: no (line 3)\ntry: editor /e/apps.yml\n"
    assert ran.err == said
    ran = run(*arguments, "--json")
    assert (ran.code, ran.err, ran.json) == (0, said, result)


@pytest.mark.parametrize(("arguments", "op", "request_", "result"), [verb[:4] for verb in VERBS if verb[1] != "ping"])
def test_verbs_for_programs(
    control: FakeControl, run: Run, arguments: list[str], op: str, request_: dict[str, Any], result: Any
) -> None:
    control.on(op, result, BUILD)
    ran = run(*arguments, "--json")
    assert (ran.code, ran.json) == (0, result)
    assert control.requests == [{"op": op, **request_}]


@pytest.mark.parametrize("arguments", [verb[0] for verb in VERBS if verb[1] != "ping"])
def test_errors_of_the_daemon(control: FakeControl, run: Run, arguments: list[str]) -> None:
    error = AppNotFound("there is no app hello", hint="deployhost add hello", details=("one", "two"))
    op = next(verb[1] for verb in VERBS if verb[0] == arguments)
    control.on(op, error)
    control.on(op, error)
    ran = run(*arguments)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "error: there is no app hello\n  one\n  two\ntry: deployhost add hello\n"
    ran = run(*arguments, "--json")
    assert (ran.code, ran.err, ran.json) == (3, "", {"error": error.to_json()})


@pytest.mark.parametrize("arguments", [verb[0] for verb in VERBS if verb[1] != "ping"])
def test_no_daemon(run: Run, arguments: list[str]) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (5, "")
    assert "deployhostd is not running" in ran.err
    assert run(*arguments, "--json").json["error"]["code"] == "daemon_unavailable"


FAILED = error_view("npm ci failed", hint="deployhost inspect hello", details=["missing lockfile"])


@pytest.mark.parametrize(
    ("arguments", "op", "wrap"),
    [
        (["deploy", "hello"], "deploy.start", False),
        (["restart", "hello"], "app.restart", False),
        (["env", "set", "hello", "A=1"], "env.set", True),
        (["env", "unset", "hello", "A"], "env.unset", True),
        (["storage", "enable", "hello"], "storage.enable", True),
        (["storage", "disable", "hello"], "storage.disable", True),
    ],
)
def test_a_deploy_that_fails(control: FakeControl, run: Run, arguments: list[str], op: str, wrap: bool) -> None:
    deploy = deploy_view("failed", error=FAILED)
    result = {**storage_changed(), "changed": ["A"], "deploy": deploy} if wrap else deploy
    control.on(op, result)
    control.on(op, result)
    ran = run(*arguments)
    assert ran.code == 1
    assert ran.out.endswith("failed: npm ci failed\n  missing lockfile\ntry: deployhost inspect hello\n")
    ran = run(*arguments, "--json")
    assert (ran.code, ran.json) == (1, result)


def test_progress_beside_json_goes_to_standard_error(control: FakeControl, run: Run) -> None:
    control.on("deploy.start", deploy_view(), BUILD, {"event": "output", "stage": "health", "line": "hi"})
    ran = run("deploy", "hello", "--json")
    assert ran.json == deploy_view()
    assert ran.err == "  build    0.41 s\n  health   …\n    hi\n"


def test_a_daemon_that_dies_during_a_deploy(control: FakeControl, run: Run) -> None:
    control.on("deploy.start", HANG_UP, BUILD)
    ran = run("deploy", "hello")
    assert ran.code == 5
    assert "ended the connection" in ran.err


LOG: list[dict[str, Any]] = [
    {"event": "log", "line": "one", "stream": "stdout", "at": "2026-01-01T00:00:00Z"},
    {"event": "log", "line": "two \x1b[31mred", "stream": "stderr", "at": ""},
]


def test_logs(control: FakeControl, run: Run) -> None:
    for _ in range(3):
        control.on("logs", {}, *LOG)
    ran = run("logs", "hello")
    assert (ran.code, ran.out, ran.err) == (0, "one\n", "two \x1b[31mred\n")
    run("logs", "hello", "-f", "-n", "5", "--deploy", "7")
    ran = run("logs", "hello", "--json", "--lines", "0")
    assert ran.json == {"app": "hello", "lines": [{k: v for k, v in line.items() if k != "event"} for line in LOG]}
    assert control.requests == [
        {"op": "logs", "name": "hello", "lines": 100},
        {"op": "logs", "name": "hello", "lines": 5, "follow": True, "deploy": 7},
        {"op": "logs", "name": "hello", "lines": 0},
    ]


def test_logs_that_never_end_are_no_document(control: FakeControl, run: Run) -> None:
    ran = run("logs", "hello", "-f", "--json")
    assert (ran.code, ran.json["error"]["hint"]) == (2, "deployhost logs hello --json")
    assert control.requests == []


def test_storage_show(control: FakeControl, run: Run) -> None:
    on = StorageShown(app="hello", enabled=True, path="/data", mounted_at="/storage", mounted=True)
    off = StorageShown(app="hello", enabled=False, path="/data", mounted_at=None, mounted=False)
    for result in (on, off, off | {"path": None}, on, on | {"mounted": False}, off | {"mounted": True}):
        control.on("storage.show", result | {"deploy": None})
    assert run("storage", "show", "hello").out == "/data is mounted at /storage\n"
    more = "\ntry: deployhost storage enable hello\n"
    assert run("storage", "show", "hello").out == f"hello has no storage; its data is kept in /data{more}"
    assert run("storage", "show", "hello").out == f"hello has no storage{more}"
    assert run("storage", "show", "hello", "--json").json == on
    late = "the next deploy mounts /data at /storage; the live release of hello runs without it"
    assert run("storage", "show", "hello").out == f"{late}{more}"
    kept = "the live release of hello keeps /data until the next deploy"
    assert run("storage", "show", "hello").out == f"{kept}\ntry: deployhost storage disable hello\n"


KEEP = "; files below /storage persist across deploys"


@pytest.mark.parametrize(
    ("verb", "changed", "deploy", "said"),
    [
        ("enable", True, "live", f"/data is mounted at /storage{KEEP}"),
        ("enable", True, "failed", f"the next deploy mounts /data at /storage{KEEP}"),
        ("enable", True, None, f"the next deploy mounts /data at /storage{KEEP}"),
        ("enable", False, None, f"/data is mounted at /storage{KEEP}"),
        ("disable", True, "live", "hello has no storage any more; its data stays in /data"),
        ("disable", True, "cancelled", "the live release of hello keeps /data until the next deploy"),
        ("disable", True, None, "hello has no storage any more; its data stays in /data"),
    ],
)
def test_storage_that_is_not_there_yet(
    control: FakeControl, run: Run, verb: str, changed: bool, deploy: str | None, said: str
) -> None:
    view = None if deploy is None else deploy_view(deploy, error=error_view("no"))
    result = storage_changed(path="/data", changed=changed, deploy=view)
    control.on(f"storage.{verb}", result)
    ran = run("storage", verb, "hello")
    assert ran.code == (1 if deploy in ("failed", "cancelled") else 0)
    assert ran.out.splitlines()[0] == said


def test_storage_that_never_was(control: FakeControl, run: Run) -> None:
    control.on("storage.disable", storage_changed(enabled=False, path=None, mounted_at=None))
    assert run("storage", "disable", "hello").out == "hello has no storage\n"


def test_version_needs_no_daemon(run: Run) -> None:
    assert run("version").out == f"deployhost {__version__}\n"
    assert run("--version").out == f"deployhost {__version__}\n"
    assert run("version", "--json").json == {"version": __version__, "daemon": None}


def test_env_values_that_are_not_on_the_command_line(control: FakeControl, run: Run, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(b"-----\r\nabc=\n-----\n")
    result = env_changed("A", "K")
    control.on("env.set", result)
    ran = run("env", "set", "hello", "--from-stdin", "A", f"--file=K={key}", stdin="line\nhunter2\n")
    assert ran.code == 0
    assert control.requests[0]["values"] == {"A": "line\nhunter2", "K": "-----\r\nabc=\n-----\n"}
    assert "hunter2" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["env", "set", "hello"], 2, "no variables given"),
        (["env", "set", "hello", "hunter2"], 2, "expected KEY=VALUE"),
        (["env", "set", "hello", "A=1", "A=2"], 2, "A given more than once"),
        (["env", "set", "hello", "--file", "A=/no/such/file"], 3, "there is no file /no/such/file"),
        (["env", "set", "hello", "--file", "A=/proc"], 1, "can't read /proc"),
        (["env", "set", "hello", "--file", "A=/bin/true"], 2, "is not UTF-8 text"),
        (["env", "import", "hello", "/no/such/file"], 3, "there is no file"),
    ],
)
def test_env_mistakes_never_reach_the_daemon(
    control: FakeControl, run: Run, arguments: list[str], code: int, said: str
) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert "hunter2" not in ran.err
    assert control.requests == []


def test_env_import(control: FakeControl, run: Run, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("export A='1'\nB=\"x\ny\"\n")
    for _ in range(2):
        control.on("env.set", {"app": "hello", "changed": ["A", "B"], "deploy": None})
    assert run("env", "import", "hello", str(file)).out == "set A, B\n"
    assert run("env", "import", "hello", "-", stdin="C=3\r\n").code == 0
    assert [request["values"] for request in control.requests] == [{"A": "1", "B": "x\ny"}, {"C": "3"}]
    file.write_text("A\nB C\n")
    ran = run("env", "import", "hello", str(file), "--json")
    assert (ran.code, ran.json["error"]["details"]) == (
        2,
        [f"{file}: line 1: expected NAME=value", f"{file}: line 2: expected NAME=value"],
    )


HOSTILE = ["", " ", "Hello", "../x", "a/b", "-", "x" * 41, "kamal-x", "a\nb", "a b", "$(id)", "é", "hello-", "a\x00b"]


VERBS_WITH_A_NAME = (
    "add", "status", "deploy", "restart", "logs", "env list", "domains list", "storage show", "storage enable", "remove --yes"
)  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "name"),
    [*(("deploy", name) for name in HOSTILE), *((verb, "../x") for verb in VERBS_WITH_A_NAME)],
)
def test_hostile_names_never_reach_the_socket(control: FakeControl, run: Run, verb: str, name: str) -> None:
    ran = run(*verb.split(), "--json", "--", name)
    assert ran.code == 2
    assert control.requests == []
    assert ran.json["error"]["code"] == "invalid_name"


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "hello", "--branch", "-x"],
        ["add", "acme/shop", "--name", "-x"],
        ["add", "acme/shop", "--branch", "a..b"],
        ["add", "hello", "--branch", "a..b"],
        ["add", "hello", "--domain", "a b.de"],
        ["domains", "add", "hello", "x"],
        ["domains", "remove", "hello", "http://x.de"],
        ["env", "unset", "hello", "A=1"],
        ["env", "set", "hello", "1A=1"],
        ["env", "set", "hello", "--from-stdin", "A-B"],
    ],
)
def test_hostile_values_never_reach_the_socket(control: FakeControl, run: Run, arguments: list[str]) -> None:
    assert run(*arguments).code == 2
    assert control.requests == []


def test_conflicts_and_failures_have_their_exit_codes(control: FakeControl, run: Run) -> None:
    control.on("app.add", Conflict("taken"))
    control.on("deploy.start", BuildFailed("no"))
    assert (run("add", "hello").code, run("deploy", "hello").code) == (4, 1)


def test_json_is_readable_unicode(control: FakeControl, run: Run) -> None:
    control.on("domains.list", DOMAINS | {"domains": ["ü"]})
    ran = run("domains", "list", "hello", "--json")
    assert "ü" in ran.out
    assert json.loads(ran.out)["domains"] == ["ü"]


BUILD_VIEW = build_view()


def test_inspect_an_app(control: FakeControl, run: Run) -> None:
    control.on("app.inspect", BUILD_VIEW)
    control.on("app.inspect", BUILD_VIEW)
    assert run("inspect", "hello").out == (
        "runtime  python 3.13\nfrom     python:3.13-slim\nstart    python app.py\nport     8000\n\n"
        "why:\n  it has requirements (requirements.txt:3)\n  so be it\n  ! mind this\n\n"
        "Dockerfile:\n  FROM python:3.13-slim\n"
    )
    assert run("inspect", "hello", "--json").json == BUILD_VIEW
    assert control.requests == [{"op": "app.inspect", "name": "hello"}] * 2


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    repo = tmp_path / "My Repo"
    repo.mkdir()
    (repo / "Dockerfile").write_text("FROM scratch\nEXPOSE 3000\n")
    (tmp_path / "hello").symlink_to(repo)
    monkeypatch.chdir(tmp_path)
    return repo


def test_inspect_a_directory_needs_no_server(run: Run, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for target in (str(directory), "./hello", "hello/", "My Repo", "hello"):
        ran = run("inspect", target)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("runtime  the repository's own Dockerfile\n")
        assert "port     3000\n" in ran.out
    monkeypatch.chdir(directory)
    found = run("inspect", ".", "--json").json
    assert (found["kind"], found["port"], found["bases"]) == ("dockerfile", 3000, [])
    (directory / "app.py").write_text("import sqlite3\nsqlite3.connect('notes.db')\n")
    assert (
        "  ! app.py line 2 opens a SQLite database: without storage it is lost with each deploy"
        in run("inspect", ".").out
    )


@pytest.mark.usefixtures("directory")
def test_an_app_comes_before_a_directory_of_its_name(control: FakeControl, run: Run) -> None:
    control.on("app.inspect", BUILD_VIEW)
    control.on("app.inspect", AppNotFound("no"))
    control.on("app.inspect", Conflict("busy"))
    assert run("inspect", "hello", "--json").json["runtime"] == "python"
    assert run("inspect", "hello", "--json").json["runtime"] == "dockerfile"
    assert run("inspect", "hello").code == 4


@pytest.mark.usefixtures("directory")
def test_inspect_what_is_not_there(run: Run, tmp_path: Path) -> None:
    assert run("inspect", "./nothing").code == 3
    assert run("inspect", "nothing").code == 5
    assert run("inspect", "No Such").code == 2
    (tmp_path / "empty").mkdir()
    ran = run("inspect", "empty", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (1, "nothing_recognised")


CANCELLED = Cancelled(app="hello", deploys=[deploy_view("cancelled", subject="Slow", total_ms=None)])


def test_cancel(control: FakeControl, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    control.on("deploy.cancel", CANCELLED)
    ran = run("cancel", "hello")
    assert (ran.code, ran.out, ran.err) == (0, "deploy 7 (0123456 Slow) is cancelled\n", "")
    assert control.requests == [{"op": "deploy.cancel", "name": "hello", "by": "alice"}]


def test_cancel_that_comes_too_late(control: FakeControl, run: Run) -> None:
    """What could not be ended is told, with the way back."""
    late = Cancelled(app="hello", deploys=[*CANCELLED["deploys"], deploy_view("live"), deploy_view("failed")])
    control.on("deploy.cancel", late)
    ran = run("cancel", "hello")
    assert ran.code == 1
    assert ran.out.splitlines()[1:] == [
        "deploy 7 (0123456) was live already; to roll back: deployhost rollback hello",
        "deploy 7 (0123456) had ended already: failed",
    ]
    control.on("deploy.cancel", late)
    ran = run("cancel", "hello", "--json")
    assert (ran.code, ran.json) == (1, late)


@pytest.mark.parametrize(
    ("deploy", "why", "said"),
    [
        (deploy_view("live"), "it ended 3 times", "failed: it ended 3 times\ntry: deployhost status hello\n"),
        (deploy_view("failed", error=error_view("npm ci failed")), "npm ci failed", "failed: npm ci failed\n"),
        (
            deploy_view("cancelled", error=error_view("cancelled by bob", code="deploy_cancelled")),
            "cancelled by bob",
            "cancelled by bob\n",
        ),
    ],
)
def test_wait_for_what_failed(control: FakeControl, run: Run, deploy: DeployView, why: str, said: str) -> None:
    result = Waited(app="hello", live=False, why=why, deploy=deploy)
    control.on("deploy.wait", result)
    ran = run("wait", "hello")
    assert (ran.code, ran.out, ran.err) == (1, said, "")
    control.on("deploy.wait", result)
    assert run("wait", "hello", "--json").code == 1


def test_wait_no_longer_than_that(control: FakeControl, run: Run) -> None:
    before = time.time()
    control.on("deploy.wait", WaitTimedOut("deploy 7 of hello is still running", hint="deployhost wait hello"))
    ran = run("wait", "hello", "--timeout", "20")
    assert (ran.code, ran.out) == (124, "")
    assert before + 20 <= control.requests[0]["until"] <= time.time() + 20


@pytest.mark.parametrize("given", ["nan", "inf"])
def test_wait_for_no_number(control: FakeControl, run: Run, given: str) -> None:
    ran = run("wait", "hello", "--timeout", given)
    assert ran.code == 2
    assert "--timeout takes a number of seconds" in ran.err
    assert not control.requests


def test_rollback_that_failed(control: FakeControl, run: Run) -> None:
    failed = rolled_back(applied=True, deploy=deploy_view("failed", error=error_view("it broke")))
    control.on("app.rollback", failed)
    ran = run("rollback", "hello")
    assert (ran.code, ran.out) == (1, "failed: it broke\n")


def test_rollback_that_was_overtaken_did_not_happen(control: FakeControl, run: Run) -> None:
    overtaken = deploy_view("superseded", trigger="rollback", superseded_by=8)
    control.on("app.rollback", rolled_back(applied=True, deploy=overtaken))
    ran = run("rollback", "hello")
    assert (ran.code, ran.out) == (1, "overtaken by a later request (deploy 8): nothing was changed\n")


STORY = (
    {"event": "deploy", "id": 7, "rest": {"app": "hello", "changed": ["A"]}},
    BUILD,
    {"event": "note", "text": "one"},
)


def test_daemon_restarts_while_a_deploy_is_followed(
    control: FakeControl, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on where it was, shows nothing twice, and what the verb was about is not lost."""
    monkeypatch.setattr(following, "RETRY", 0.01)
    control.on("env.set", HANG_UP, *STORY)
    control.on("deploy.follow", HANG_UP, STORY[0])
    control.on("deploy.follow", deploy_view(), *STORY, {"event": "note", "text": "two"})
    ran = run("env", "set", "hello", "A=1")
    assert ran.code == 0
    assert [line.strip() for line in ran.out.splitlines()][:4] == ["build    0.41 s", "! one", "! two", "set A"]
    assert ran.err == "  ! deployhostd is restarting; waiting for it …\n"
    assert [request.get("id") for request in control.requests] == [None, 7, 7]


def test_daemon_that_does_not_come_back(control: FakeControl, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "RETRY", 0.01)
    monkeypatch.setattr(following, "PATIENCE", 0.005)
    control.on("deploy.start", HANG_UP, {"event": "deploy", "id": 7})
    control.on("deploy.follow", HANG_UP)
    assert run("deploy", "hello").code == 5


def test_daemon_that_ended_before_it_had_a_deploy(control: FakeControl, run: Run) -> None:
    """Nobody knows whether it was asked for: asking again might do it twice."""
    control.on("app.rollback", HANG_UP, {"event": "note", "text": "one"})
    assert run("rollback", "hello").code == 5
    assert len(control.requests) == 1


def test_daemon_restarts_while_one_waits(control: FakeControl, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "RETRY", 0.01)
    monkeypatch.setattr(following, "CONNECTED", 0.0)
    control.on("deploy.wait", HANG_UP)
    control.on("deploy.wait", Waited(app="hello", live=True, why="", deploy=deploy_view()))
    assert run("wait", "hello").code == 0
