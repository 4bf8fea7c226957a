"""Facts in, steps out."""

from dataclasses import replace

import pytest

from deployhost.github.answers import HookConfig, Installation, RegisteredApp
from deployhost.github.connect_plan import ConnectFacts, plan_connect
from deployhost.github.manifest_plan import RIGHTS
from tests.fakes.github import connection

OURS = connection()
URL = "https://hooks.example.com/webhook/0000000000000001"
APP = RegisteredApp(id=OURS.app_id, slug=OURS.slug, owner="octo", owner_id=OURS.owner_id, html_url=OURS.app_url)
INSTALLED = Installation(
    id=3001, owner="octo", owner_id=OURS.owner_id, selection="all", suspended=False, html_url="https://github.com/x",
    permissions=RIGHTS, events=("push",),
)  # fmt: skip
RIGHT = ConnectFacts(
    org="", html_url="https://github.com", webhook_host="hooks.example.com", connection=OURS, app=APP, installation=INSTALLED,
    hook=HookConfig(URL, "json", has_secret=True),
)  # fmt: skip


def words(facts: ConnectFacts) -> list[str]:
    return [step.word for step in plan_connect(facts)]


def test_nothing_is_left() -> None:
    plan = plan_connect(RIGHT)
    assert not plan
    assert plan.notes == ()


def test_a_new_owner() -> None:
    facts = ConnectFacts(org="acme", html_url="https://github.com", webhook_host="")
    assert words(facts) == ["make_app", "await_installation"]
    plan = plan_connect(facts)
    assert "the organization acme" in plan.steps[0].what
    assert "looks for them once a minute" in plan.notes[0]
    assert plan_connect(replace(facts, webhook_host="h.example.com")).notes == ()


def test_what_is_left_of_an_interrupted_run() -> None:
    assert words(replace(RIGHT, installation=None)) == ["await_installation"]


@pytest.mark.parametrize(
    "hook",
    [
        HookConfig("", "json", has_secret=False),
        HookConfig("https://other.example.com", "json", has_secret=True),
        HookConfig(URL, "form", has_secret=True),
        HookConfig(URL, "json", has_secret=False),
        HookConfig(URL, "json", has_secret=True, insecure_ssl=True),
    ],
)
def test_a_hook_that_is_wrong(hook: HookConfig) -> None:
    assert words(replace(RIGHT, hook=hook)) == ["set_hook"]


def test_a_secret_that_we_do_not_have() -> None:
    assert words(replace(RIGHT, connection=replace(OURS, webhook_secret=None))) == ["set_hook"]


def test_without_a_tunnel_the_hook_is_left_alone() -> None:
    plan = plan_connect(
        replace(RIGHT, webhook_host="", hook=HookConfig("https://old.example.com", "form", has_secret=False))
    )
    assert not plan
    assert "without a Cloudflare connection" in plan.notes[0]


def test_the_box_to_tick() -> None:
    """An App that was made without a hook: no call turns it on, only its owner does."""
    without = replace(RIGHT, connection=replace(OURS, hooked=False))
    plan = plan_connect(without)
    assert not plan
    assert "\n".join(plan.notes) == (
        'GitHub does not tell this server of pushes yet: tick "Active" below "Webhook" at https://github.com/settings/apps/deployhost-1'
        f" (URL: {URL}), save, and run this command again"
    )
    assert plan_connect(replace(without, hook=None)).notes == plan.notes
    assert plan_connect(replace(RIGHT, hook=None)).notes == plan.notes  # it lost the one that it was made with
    ticked = plan_connect(replace(without, delivers=True))
    assert [step.word for step in ticked] == ["note_app"]
    tunnel_renamed = replace(
        RIGHT, connection=replace(OURS, webhook_url="https://old.example.com/webhook/0000000000000001")
    )
    assert words(tunnel_renamed) == ["note_app"]
    assert ticked.notes == ()


def test_what_changed_at_github_is_written_down() -> None:
    renamed = replace(
        RIGHT, app=replace(APP, slug="deploys", html_url="https://github.com/apps/deploys", owner="octo2")
    )
    (step,) = plan_connect(renamed).steps
    noted = replace(OURS, slug="deploys", app_url="https://github.com/apps/deploys", owner="octo2")
    assert getattr(step, "connection", None) == noted
    (step,) = plan_connect(replace(RIGHT, installation=replace(INSTALLED, id=77))).steps
    assert getattr(step, "connection", None) == replace(OURS, installation_id=77)


def test_what_only_the_owner_can_mend() -> None:
    suspended = plan_connect(replace(RIGHT, installation=replace(INSTALLED, suspended=True)))
    assert suspended.notes == (f"octo suspended the App: unsuspend it at {OURS.install_page}",)
    fewer = {**RIGHTS, "statuses": "read", "contents": "admin", "checks": "?"}
    lacking = plan_connect(replace(RIGHT, installation=replace(INSTALLED, permissions=fewer)))
    assert lacking.notes == (
        f"the installation lacks rights (checks: read, statuses: write): approve them at {OURS.install_page}",
    )
