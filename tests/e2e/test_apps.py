"""What a person does with an app: push it, configure it, look at it, remove it."""

import base64
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.inputs.foreign_names import HIDDEN, LOGINS, PASSWORD, SERVED, VARIANTS
from tests.real.system_under_test import App, ask, command, deployhost, docker, eventually

MakeApp = Callable[[str], App]


def live_image(app: App) -> str:
    """Return the id of the image that serves; two tags of one image share it."""
    return docker("inspect", "--format", "{{.Image}}", app.status()["live"]["container"])


@pytest.mark.parametrize("sample", ["python", "node", "static"])
def test_push(make_app: MakeApp, sample: str) -> None:
    app = make_app(sample)
    first = app.push()
    assert f"http://{app.host}" in first.said
    assert f"{sample} " in app.body()
    assert "one" in app.body()

    sha = app.set_version("two")
    app.push()
    assert "two" in app.body()
    assert "one" not in app.body()

    status = app.status()
    assert (status["state"], status["live"]["sha"], status["head"]) == ("live", sha, sha)
    assert {"build", "start", "health", "switch"} <= {phase["name"] for phase in status["last_deploy"]["phases"]}
    assert app.name in {listed["name"] for listed in ask("list")["apps"]}


def test_static_files(make_app: MakeApp) -> None:
    app = make_app("static")
    (app.tree / ".env").write_text("SECRET=1\n")
    app.commit("a file that must not be served")
    app.push()
    assert app.get("/assets/style.css").body == "p { color: teal; }\n"
    assert app.get("/assets/style.css").headers["Content-Type"].startswith("text/css")
    for hidden in ("/.env", "/.git/config", "/missing.html"):
        assert app.get(hidden).status == 404, hidden


def test_files_of_another_server(make_app: MakeApp) -> None:
    app = make_app("static")
    for name in (*HIDDEN, *SERVED):
        (app.tree / name).parent.mkdir(exist_ok=True, parents=True)
        (app.tree / name).write_text(f"text of {name}")
    app.commit("what a PHP host would run or hide")
    tracked = set(app.git("ls-files").out.split("\n"))
    assert {*HIDDEN, *SERVED} <= tracked
    app.push()
    assert [name for name in HIDDEN if app.get(f"/{name}").status != 404] == []
    assert [path for path in VARIANTS if app.get(path).status != 404] == []
    assert [name for name in SERVED if app.get(f"/{name}").body != f"text of {name}"] == []


def test_site_with_logins(make_app: MakeApp) -> None:
    app = make_app("static")
    users = app.tree / "Staticfile.auth"
    users.write_text("bob:Hunter2\n")
    app.commit("a password in plain text")
    refused = app.push(check=False)
    assert refused.code == 1
    assert "line 1 of Staticfile.auth does not hold a hash" in refused.said
    assert "openssl passwd -apr1" in refused.said
    assert "Hunter2" not in refused.said

    users.write_text(f"bob:{LOGINS['sha512']}\n")
    app.commit("its hash")
    pushed = app.push()
    asked = app.get()
    assert (asked.status, asked.headers["Www-Authenticate"]) == (401, f'Basic realm="{app.name}"')
    assert app.get("/Staticfile.auth").status == 401
    assert app.get(headers=basic("bob", "wrong")).status == 401
    page = app.get(headers=basic("bob", PASSWORD))
    assert (page.status, page.headers["Cache-Control"]) == (200, "private, no-cache")
    assert "<title>static</title>" in page.body
    assert app.get("/Staticfile.auth", headers=basic("bob", PASSWORD)).status == 404

    inspected = deployhost("inspect", app.name)
    assert "visitors must log in: 1 user (Staticfile.auth)" in inspected.out
    logged = deployhost("logs", app.name)
    assert LOGINS["sha512"] not in pushed.said + inspected.said + logged.said

    time.sleep(3)  # the watcher of the first minute has asked through the proxy, and got 401
    status = app.status()
    assert (status["state"], status["live"]["sha"]) == ("live", app.head())
    users.unlink()
    app.commit("open to everybody")
    app.push()
    assert "<title>static</title>" in app.body()


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_other_port(make_app: MakeApp) -> None:
    app = make_app("other_port")
    app.push()
    assert app.body() == "other_port one\n"
    assert app.status()["live"]["port"] == 3000


def test_env(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    key = "-----BEGIN KEY-----\nü = \"quoted\" $HOME 'x'\n\n-----END KEY-----\n"
    app.push()
    image, sha = live_image(app), app.head()

    deployhost("env", "set", app.name, f"KEY={key}", "EMPTY=")
    assert app.body("/env/KEY") == key
    assert (app.body("/env/EMPTY"), app.body("/env/NOTHING")) == ("", "")
    assert live_image(app) == image, "a change of settings builds nothing"
    assert app.status()["live"]["version"].startswith(f"{sha}-"), "the same commit with other settings"
    assert app.get("/").body == "stdlib one\n"

    app.set_version("two")
    app.push()
    assert app.body("/env/KEY") == key, "the next release has it too"

    listed = deployhost("env", "list", app.name)
    assert "KEY" in listed.out
    assert "quoted" not in listed.out, "values are not shown unless one asks"

    deployhost("env", "unset", app.name, "KEY")
    assert app.body("/env/KEY") == ""


def test_domains(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    app.push()
    domain = f"{app.name}.example.com"
    assert app.get(host=domain).status == 404
    ask("domains", "add", app.name, domain)
    assert app.get(host=domain).body == app.body() == "stdlib one\n"
    assert ask("domains", "list", app.name)["domains"] == [domain]

    other = make_app("stdlib")
    refused = ask("domains", "add", other.name, domain, check=False)
    assert refused["error"]["code"] == "conflict"

    ask("domains", "remove", app.name, domain)
    assert app.get(host=domain).status == 404
    assert app.body() == "stdlib one\n"


def test_storage(make_app: MakeApp) -> None:
    app = make_app("sqlite")
    path = Path(ask("storage", "enable", app.name)["path"])
    app.push()
    assert [app.body("/add") for _ in range(3)] == ["count 1\n", "count 2\n", "count 3\n"]

    app.set_version("two")
    app.push()
    assert (app.body(), app.body("/add")) == ("sqlite two\n", "count 4\n")
    deployhost("restart", app.name)
    assert app.body("/add") == "count 5\n"

    user = docker("inspect", "--format", "{{.Config.User}}", app.status()["live"]["container"]).partition(":")[0]
    assert str((path / "app.db").stat().st_uid) == user != "0"

    deployhost("remove", app.name, "--yes")
    assert (path / "app.db").exists(), "storage stays unless one asks"
    assert app.get().status == 404

    ask("add", app.name)
    ask("storage", "enable", app.name)
    app.push()
    assert app.body("/add") == "count 6\n", "an app of that name has it again"
    deployhost("remove", app.name, "--yes", "--storage")
    assert not path.exists()


def test_logs(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    app.push()
    assert "stdlib one starts" in deployhost("logs", app.name).out
    seen: list[str] = []
    with subprocess.Popen([command(), "logs", app.name, "-f"], stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        lines = following.stdout
        reader = threading.Thread(target=lambda: seen.extend(lines), daemon=True)
        reader.start()
        try:
            app.get("/say/before")
            eventually(
                lambda: any("before" in line for line in seen), within=10, what="a line of the log comes by itself"
            )
            app.set_version("two")
            app.push()
            app.get("/say/after")
            eventually(lambda: any("after" in line for line in seen), within=10, what="the log goes on after a deploy")
        finally:
            following.terminate()
            reader.join(5)


def test_logs_of_a_failure(make_app: MakeApp) -> None:
    app = make_app("crash_at_boot")
    assert app.push(check=False).code == 1
    failed = app.last_deploy()
    shown = deployhost("logs", app.name, "--deploy", str(failed["id"]))
    assert "DATABASE_URL is not set" in shown.said


def test_restart(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    app.push()
    before, image = app.containers(), live_image(app)
    deployhost("restart", app.name)
    eventually(lambda: app.containers().isdisjoint(before), within=40, what="the old container has stopped")
    assert (len(app.containers()), live_image(app), app.body()) == (1, image, "stdlib one\n")


def test_remove(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    app.push()
    planned = ask("remove", app.name, "--dry-run")
    assert planned["applied"] is False
    assert app.body() == "stdlib one\n"

    removed = ask("remove", app.name, "--yes")
    assert removed["applied"] is True
    assert removed["steps"] == planned["steps"]
    assert app.containers(running=False) == set()
    assert docker("images", "--quiet", f"127.0.0.1:5555/{app.name}") == ""
    assert app.get().status == 404
    assert ask("status", app.name, check=False)["error"]["code"] == "app_not_found"
    assert not Path(app.remote).exists()
