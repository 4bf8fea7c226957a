"""The user of each app: a number of its own, also after a lost journal, and nobody else's."""

import pytest

from deployhost.containers.uid_plan import FIRST
from deployhost.model import AppName, DeployStatus, Trigger
from deployhost.system.owners import Owner
from tests.fakes.assembled import Assembled, Server, sha
from tests.fakes.docker import Behaviour
from tests.fakes.git import RepositoryOfPages

ONE, TWO, THREE = sha(1), sha(2), sha(3)


@pytest.fixture(autouse=True)
def without_dockerfiles(server: Server) -> None:
    server.repository = RepositoryOfPages


def user(server: Server, daemon: Assembled, app: AppName) -> str:
    """Return the user of what is live."""
    return server.engine.images[daemon.live(app).image].user


def test_each_app_has_one_of_its_own_for_all_its_builds(server: Server) -> None:
    apps, daemon = [server.add(name) for name in ("shop", "blog")], server.start()
    for commit in (ONE, TWO):
        for app in apps:
            assert daemon.deploy(app, commit).status is DeployStatus.LIVE
    assert [user(server, daemon, app) for app in apps] == [f"{FIRST}:{FIRST}", f"{FIRST + 1}:{FIRST + 1}"]
    assert daemon.uids.all() == {"shop": FIRST, "blog": FIRST + 1}


def test_the_number_of_a_removed_app_is_nobody_elses(server: Server) -> None:
    daemon = server.start()
    assert daemon.app_users.uid_of(AppName("shop")) == FIRST
    daemon.releases.forget(AppName("shop"))
    assert daemon.app_users.uid_of(AppName("blog")) == FIRST + 1
    assert daemon.app_users.uid_of(AppName("shop")) == FIRST, (
        "what is left in its storage is the next one's of that name"
    )


def test_a_lost_journal_learns_them_again(server: Server) -> None:
    apps, daemon = [server.add(name) for name in ("shop", "blog")], server.start()
    for app in apps:
        daemon.deploy(app, ONE)
    daemon.database.change("DELETE FROM uids")
    assert [daemon.app_users.uid_of(app) for app in reversed(apps)] == [FIRST + 1, FIRST]


def test_storage_whose_images_are_gone_tells_it_too(server: Server) -> None:
    daemon = server.start()
    shop, blog = AppName("shop"), AppName("blog")
    daemon.owners.make(server.paths.storage(shop), Owner(FIRST + 7, FIRST + 7))
    daemon.owners.make(server.paths.storage(AppName("old")), Owner(FIRST, FIRST))
    assert daemon.app_users.uid_of(blog) == FIRST + 1, "what lies there was somebody's"
    assert daemon.app_users.uid_of(shop) == FIRST + 7
    daemon.owners.make(server.paths.storage(AppName("site")), Owner(33, 33))
    assert daemon.app_users.uid_of(AppName("site")) == FIRST + 2


@pytest.mark.parametrize("label", ["1048576", "9" * 30, "-1", "0", "1000"])
def test_a_label_can_claim_no_other_number(server: Server, label: str) -> None:
    daemon = server.start()
    assert daemon.app_users.uid_of(AppName("shop")) == FIRST
    server.engine.add_image(Behaviour(), labels={"deployhost.app": "evil", "deployhost.uid": label})
    assert daemon.app_users.uid_of(AppName("evil")) == FIRST + 1


def test_accounts_and_their_ranges_are_passed_over(server: Server) -> None:
    server.accounts.users, server.accounts.groups = {FIRST: "ann"}, {FIRST + 1: "staff"}
    server.accounts.ranges = [range(FIRST + 2, FIRST + 100)]
    assert server.start().app_users.uid_of(AppName("shop")) == FIRST + 100


@pytest.mark.parametrize("how", ["user", "group", "range"])
def test_a_number_that_became_an_accounts_is_given_up(server: Server, how: str) -> None:
    app, daemon = server.add("shop", text="storage: true"), server.start()
    daemon.deploy(app, ONE)
    if how == "range":
        server.accounts.ranges = [range(FIRST - 5, FIRST + 5)]
    else:
        getattr(server.accounts, f"{how}s")[FIRST] = "ann"
    assert daemon.deploy(app, TWO).status is DeployStatus.LIVE
    new = FIRST + 5 if how == "range" else FIRST + 1
    assert user(server, daemon, app) == f"{new}:{new}"
    assert daemon.owners.of(server.paths.storage(app)) == (new, new)


@pytest.mark.parametrize(
    ("given", "text"), [("1000", ""), ("1000:1000", "storage: true"), ("node", ""), ("node", "storage: true")]
)
def test_an_image_whose_user_is_an_account_is_told(server: Server, given: str, text: str) -> None:
    server.accounts.users[1000] = "ann"
    files = {"/etc/passwd": b"node:x:1000:1000::/home/node:/bin/sh\n"}
    server.behaviours[ONE] = Behaviour(user=given, files=files)
    app, daemon = server.add("shop", text=text), server.start()
    deploy = daemon.deploy(app, ONE)
    assert deploy.status is DeployStatus.LIVE
    (told,) = [event["text"] for event in daemon.told(deploy) if "account" in event.get("text", "")]
    assert told.startswith(
        "warning: the image runs as the user 1000, which is the account ann of this server: that account"
    )


@pytest.mark.parametrize("given", ["", "root", "0:0", "1001"])
def test_others_are_not(server: Server, given: str) -> None:
    server.accounts.users |= {0: "root", 1000: "ann"}
    server.behaviours[ONE] = Behaviour(user=given)
    app, daemon = server.add("shop"), server.start()
    assert not [event for event in daemon.told(daemon.deploy(app, ONE)) if "account" in event.get("text", "")]


@pytest.mark.parametrize("processes", [{}, {"release": "migrate"}], ids=str)
def test_nobody_runs_as_another_app_until_it_gives_up(server: Server, processes: dict[str, str]) -> None:
    """Nothing waits for a user's number to be looked up but what takes long anyway."""
    passwd = {"/etc/passwd": f"sly:x:{FIRST}:{FIRST}::/:/bin/sh\n".encode()}
    server.behaviours[TWO] = Behaviour(
        user="sly", files=passwd, listens=False, processes=processes, ends={"migrate": 0}
    )
    shop, evil, daemon = server.add("shop"), server.add("evil"), server.start()
    daemon.deploy(shop, ONE)
    deploy = daemon.deploy(evil, TWO)
    assert "which is the app shop's" in (deploy.error or {})["message"]
    assert "release" not in [phase.name for phase in deploy.phases]


ENGINES = pytest.mark.parametrize(
    "text", ["", "storage: true", "engine: kamal", "engine: kamal\n    storage: true\n    strategy: overlap"]
)


@ENGINES
@pytest.mark.parametrize("given", [f"{FIRST}:0", f"{FIRST}", "sly"])
def test_nobody_takes_the_user_of_another_app(server: Server, text: str, given: str) -> None:
    passwd = {"/etc/passwd": f"sly:x:{FIRST}:{FIRST}::/:/bin/sh\n".encode()}
    server.behaviours[TWO] = Behaviour(user=given, files=passwd)
    shop, evil, daemon = server.add("shop"), server.add("evil", text=text), server.start()
    daemon.deploy(shop, ONE)
    deploy = daemon.deploy(evil, TWO)
    assert deploy.status is DeployStatus.FAILED
    assert (deploy.error or {})["message"].startswith(f"the image runs as the user {FIRST}, which is the app shop's")
    assert daemon.deploy(shop, THREE).status is DeployStatus.LIVE


@ENGINES
@pytest.mark.parametrize("given", [f"{FIRST + 5}:0", f"{FIRST + 5}", "sly", f"{2**31 - 2}"])
def test_nobody_is_there_before_another_app_gets_its_number(server: Server, text: str, given: str) -> None:
    """The next number is no secret: whoever runs as that would share it with the app that comes next."""
    passwd = {"/etc/passwd": f"sly:x:{FIRST + 5}:{FIRST + 5}::/:/bin/sh\n".encode()}
    server.behaviours[TWO] = Behaviour(user=given, files=passwd)
    shop, evil, daemon = server.add("shop"), server.add("evil", text=text), server.start()
    daemon.deploy(shop, ONE)
    deploy = daemon.deploy(evil, TWO)
    assert deploy.status is DeployStatus.FAILED
    assert "are given to apps: name another USER" in (deploy.error or {})["message"]


def test_an_image_of_before_the_journal_was_lost_is_the_apps_own(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    daemon.database.change("DELETE FROM uids")
    assert daemon.deploy(app, ONE, Trigger.RESTART).status is DeployStatus.LIVE
