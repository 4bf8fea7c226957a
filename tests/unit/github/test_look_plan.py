"""Which heads are deployed: each once per change, whatever became of it."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from deployhost.github.look_plan import LookVerdict, PushHint, decided_on, deployed_branch, judge
from deployhost.journal.pinned import PinnedSource
from deployhost.model import AppName, Branch, Deploy, DeployStatus, Release, RepositoryName, Sha, Trigger
from tests.fakes.assembled import sha

SHOP, MAIN = AppName("shop"), Branch("main")
PIN = PinnedSource(
    app=SHOP,
    connection="0" * 16,
    host="https://github.com",
    repository=7,
    written=RepositoryName("octo/shop"),
    current=RepositoryName("octo/shop"),
    default_branch=MAIN,
)


def deploy(number: int, commit: Sha) -> Deploy:
    return Deploy(
        number, SHOP, commit, "", MAIN, Trigger.PUSH, rebuild=False, status=DeployStatus.FAILED, stage="", attempt=1,
        version=None, container=None, port=None, requested_at=0, started_at=None, live_at=None, finished_at=None,
        superseded_by=None, error=None,
    )  # fmt: skip


def live(commit: Sha) -> Release:
    return Release(SHOP, commit, commit, "", "i", "c", 80, 1, 0.0, is_live=True)  # type: ignore[arg-type]


def test_the_branch() -> None:
    assert deployed_branch(None, PIN) == MAIN
    assert deployed_branch(Branch("live"), PIN) == "live"
    assert deployed_branch(None, replace(PIN, default_branch=None)) is None


def test_what_was_decided_on() -> None:
    assert decided_on(None, None, None) is None
    assert decided_on(PIN, None, live(sha(1))) == sha(1), "the journal was lost"
    assert decided_on(PIN, deploy(3, sha(2)), live(sha(1))) == sha(2), "it failed, and counts all the same"
    skipped = replace(PIN, skipped=sha(5), skipped_after=3)
    assert decided_on(skipped, None, None) == sha(5)
    assert decided_on(skipped, deploy(3, sha(2)), live(sha(2))) == sha(5), (
        "what was pushed before it became another app"
    )
    assert decided_on(skipped, deploy(4, sha(2)), live(sha(1))) == sha(2)


def test_what_is_to_be_done() -> None:
    assert judge(sha(1), sha(1), None) is LookVerdict.NOTHING
    assert judge(sha(2), sha(1), sha(2)) is LookVerdict.DEPLOY
    assert judge(sha(2), None, sha(2)) is LookVerdict.DEPLOY
    assert judge(sha(2), sha(1), sha(3)) is LookVerdict.UNPROVEN
    assert judge(sha(2), sha(1), None) is LookVerdict.UNPROVEN


def test_whose_push_it_is() -> None:
    hint = PushHint(connection="0" * 16, repository=7, branch=MAIN, after=sha(1))
    assert hint.is_of(PIN)
    assert not hint.is_of(replace(PIN, repository=8))
    assert not hint.is_of(replace(PIN, connection="1" * 16)), "ids mean nothing at another GitHub"


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=30), st.integers(0, 4))
def test_each_change_of_the_head_is_deployed_once(history: list[tuple[int, int]], skipped: int) -> None:
    """Heads come and go, each is looked at some times; a head is deployed if it is another one than the last, and only then."""
    pinned = replace(PIN, skipped=sha(skipped) if skipped else None)
    newest: Deploy | None = None
    deployed: list[Sha] = []
    heads: list[Sha] = [sha(skipped)] if skipped else []
    for head, looks in history:
        if looks and (not heads or heads[-1] != sha(head)):
            heads.append(sha(head))
        for _ in range(looks):
            if judge(sha(head), decided_on(pinned, newest, None), sha(head)) is LookVerdict.DEPLOY:
                deployed.append(sha(head))
                newest = deploy(len(deployed), sha(head))
    assert deployed == heads[1 if skipped else 0 :]
