"""Facts of one app and of a server on which all is well, to start from."""

from deployhost.build.labels import DEPLOY_LABEL, WORKERS_LABEL
from deployhost.converge.facts import AppContainer, AppFacts, MachineFacts
from deployhost.kamal import contract
from deployhost.kamal.contract import Route
from deployhost.model import AppName, Deploy, DeployStatus, Release, Trigger, Version
from tests.fakes.assembled import sha

ONE = sha(1)
SHOP = AppName("shop")


def seen(
    role: str, *, status: str = "running", workers: tuple[str, ...] = (), deploy: int | None = 5, connected: bool = True
) -> AppContainer:
    """Return a container of that role, made by a deploy, or by Kamal (None)."""
    labels = {"service": "shop", "role": role, WORKERS_LABEL: " ".join(workers)}
    if deploy is not None:
        labels[DEPLOY_LABEL] = str(deploy)
    number = "" if deploy in (5, None) else f"-{deploy}"
    return AppContainer(
        id=f"{role}{number}".ljust(64, "0"),
        name=f"shop-{role}-{ONE}{number}",
        image_id="image",
        status=status,
        labels=labels,
        ips={contract.NETWORK: "172.18.0.5"} if connected else {},
    )


def deploy(number: int, status: DeployStatus, trigger: Trigger, reason: str = "") -> Deploy:
    """Return a deploy as the journal has it."""
    return Deploy(
        number, SHOP, ONE, "", None, trigger, False, status, "", 1, Version(ONE), None, None, 0, 0, 0, 0, None, None,
        reason=reason,
    )  # fmt: skip


WEB_SEEN = seen("web", workers=("mailer", "worker"))
LIVE = Release(SHOP, Version(ONE), ONE, "", "image", WEB_SEEN.id, 8080, 5, 1000.0, True)
BROUGHT = deploy(5, DeployStatus.LIVE, Trigger.PUSH)
ROUTE = Route("shop-web", ("shop.localhost",), "/", f"{WEB_SEEN.id[:12]}:8080", contract.RUNNING)
ALL_THERE = (WEB_SEEN, seen("mailer"), seen("worker"))
FACTS = AppFacts(
    app=SHOP,
    at=2000.0,
    hosts=frozenset({"shop.localhost"}),
    direct=True,
    removed=False,
    known=True,
    live=LIVE,
    since_live=(BROUGHT,),
    route=ROUTE,
    containers=ALL_THERE,
)
MACHINE = MachineFacts(proxy="running", youngest_lock=1e4, highest_label=5, highest_number=5)
