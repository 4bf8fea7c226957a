"""What somebody removes or unplugs with Docker comes back by itself."""

from collections.abc import Callable

from tests.real.system_under_test import App, ask, docker, eventually

MakeApp = Callable[[str], App]
PROXY = "kamal-proxy"
AS_SET_UP = (
    "--format={{.Config.Image}} {{json .HostConfig.PortBindings}} {{json .HostConfig.Binds}} "
    "{{json .HostConfig.RestartPolicy}} {{json .HostConfig.LogConfig}} {{json .HostConfig.NetworkMode}}"
)


def steps() -> list[str]:
    """Have everything looked at at once, and return what was done."""
    return [step["what"] for step in ask("converge")["steps"]]


def worker_of(app: App) -> str:
    return docker("ps", "-q", "--no-trunc", "--filter", f"label=service={app.name}", "--filter", "label=role=worker")


def answers(app: App, body: str) -> bool:
    try:
        page = app.get(timeout=5)
    except OSError:
        return False
    return (page.status, page.body) == (200, body)


def test_a_worker_that_was_removed(make_app: MakeApp) -> None:
    app = make_app("workers")
    app.push()
    removed = worker_of(app)
    docker("rm", "--force", removed)
    [shown] = [step["what"] for step in ask("converge", app.name, "--dry-run")["steps"]]
    assert shown == f"restart {app.name}, which makes the process worker anew"
    steps()
    eventually(lambda: worker_of(app) not in ("", removed), within=15, what="there is a worker again")
    assert app.settled()["trigger"] == "restart"
    assert app.last_deploy()["status"] == "live"
    assert app.body() == "one"
    docker("network", "disconnect", "kamal", worker_of(app))
    steps()
    networks = docker("inspect", "--format={{json .NetworkSettings.Networks}}", worker_of(app))
    assert f'"worker.{app.name}"' in networks, "it has its names again"


def test_the_proxy_that_was_removed(make_app: MakeApp) -> None:
    app = make_app("static")
    app.push()
    assert app.get().status == 200
    body = app.body()
    before = docker("inspect", AS_SET_UP, PROXY)
    docker("rm", "--force", PROXY)
    steps()
    assert docker("inspect", AS_SET_UP, PROXY) == before
    eventually(lambda: answers(app, body), within=10, what="the app answers again")
    docker("network", "disconnect", "kamal", PROXY)
    steps()
    eventually(lambda: answers(app, body), within=10, what="the app answers again")
    assert app.status()["state"] == "live"
