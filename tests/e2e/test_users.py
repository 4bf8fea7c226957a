"""Each app has a user of its own, and its storage goes with it: under load, with a writer that has its database open."""

from collections.abc import Callable
from pathlib import Path

from deployhost.paths import Paths
from tests.real.ledger import audit
from tests.real.load import Load, Target
from tests.real.system_under_test import App, deployhost, docker

MakeApp = Callable[[str], App]
FIRST = 2**20
RATE = 60  # requests a second, half of them writes
# What every app's image looked like before: all had the same user.
BEFORE = """\
FROM python:3.13-slim
WORKDIR /app
COPY . .
ENV PYTHONUNBUFFERED=1
USER 10001:10001
CMD ["python", "main.py"]
"""


def user(app: App) -> int:
    """Return the uid of the process of an app's newest container, as this machine sees it; the one before may still drain."""
    container, *_ = docker("ps", "--filter", f"label=service={app.name}", "--format", "{{.Names}}").split()
    pid = docker("inspect", "--format", "{{.State.Pid}}", container)
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1])


def owners(app: App) -> set[tuple[int, int]]:
    """Return the owners of an app's storage and of what lies in it."""
    storage = Paths().storage_root / app.name
    return {(found.st_uid, found.st_gid) for path in (storage, *storage.rglob("*")) for found in (path.lstat(),)}


def test_two_apps(make_app: MakeApp) -> None:
    apps = [make_app("stdlib"), make_app("static")]
    for app in apps:
        app.push()
    first, second = map(user, apps)
    assert first != second
    assert min(first, second) >= FIRST
    inside = docker(
        "exec", *apps[0].containers(), "sh", "-c", "id -u; stat -c %u /app ~; tail -n 1 /etc/passwd"
    ).split()
    assert inside == [str(first)] * 3 + [f"app:x:{first}:{first}::/home/app:/bin/sh"]
    apps[0].set_version("two")
    apps[0].push()
    assert user(apps[0]) == first


def test_storage_changes_hands_under_load(make_app: MakeApp) -> None:
    """There, back with a rollback, and back where a release fails: no request fails, no write is lost."""
    app = make_app("sqlite")
    deployhost("storage", "enable", app.name)
    app.configure(strategy="overlap", stand_in_bases=True)
    main = (app.tree / "main.py").read_text()
    (app.tree / "Dockerfile").write_text(BEFORE)
    app.commit("before")
    app.push()
    assert owners(app) == {(10001, 10001)}

    load = Load(Target(app.host, port=app.http_port), rate=RATE, allowed=[b"sqlite one\n"], writes=0.5, name="users")
    load.start()
    load.allow(b"sqlite two\n")
    (app.tree / "Dockerfile").unlink()
    app.set_version("two")
    app.push()
    own = user(app)
    assert own >= FIRST
    assert owners(app) == {(own, own)}

    deployhost("rollback", app.name)
    assert app.body() == "sqlite one\n"
    assert owners(app) == {(10001, 10001)}

    (app.tree / "main.py").write_text("raise SystemExit(3)\n")
    app.set_version("broken")
    assert app.push(check=False).code != 0
    assert user(app) == 10001
    assert owners(app) == {(10001, 10001)}

    (app.tree / "main.py").write_text(main)
    app.set_version("two")
    app.push()
    report = load.stop()
    assert owners(app) == {(own, own)}
    assert report.right + report.backwards == report.sent, report.examples  # a rollback is backwards
    ledger = audit(app, load.acknowledged)
    assert ledger.right, ledger
