"""What a push of one ref means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.deploy.push_plan import ZERO, PushKind, judge_push
from deployhost.model import Branch, RepositoryName

SHA, MAIN = "a" * 40, Branch("main")

ELSEWHERE = "branch idea is kept; shop deploys main (to deploy it: git push <remote> idea:main)"
REFUSED = "main is the branch that shop deploys; `deployhost remove shop` removes the app"

# the app's branch, ref, new value -> kind, what is told
CASES = {
    "its branch": (MAIN, "refs/heads/main", SHA, PushKind.DEPLOY, ""),
    "first push": (None, "refs/heads/master", SHA, PushKind.DEPLOY, ""),
    "another branch": (MAIN, "refs/heads/idea", SHA, PushKind.KEEP, ELSEWHERE),
    "deleting another": (MAIN, "refs/heads/idea", ZERO, PushKind.KEEP, "branch idea is deleted; shop deploys main"),
    "deleting its branch": (MAIN, "refs/heads/main", ZERO, PushKind.REFUSE, REFUSED),
    "a tag": (MAIN, "refs/tags/v1", SHA, PushKind.KEEP, "tag v1 is kept; only branches are deployed"),
    "deleting a tag": (MAIN, "refs/tags/v1", ZERO, PushKind.KEEP, "tag v1 is deleted; only branches are deployed"),
    "a tag, to an empty app": (None, "refs/tags/v1", SHA, PushKind.KEEP, "tag v1 is kept; only branches are deployed"),
    "notes": (MAIN, "refs/notes/commits", SHA, PushKind.KEEP, "refs/notes/commits is kept; only branches are deployed"),
    "a name like its branch's": (MAIN, "refs/heads/main2", SHA, PushKind.KEEP, None),
    "deeper": (Branch("a/b"), "refs/heads/a/b", SHA, PushKind.DEPLOY, ""),
    "no name of a branch": (MAIN, "refs/heads/\udcff", SHA, PushKind.REFUSE, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_verdict(case: str) -> None:
    wanted, ref, new, kind, says = CASES[case]
    verdict = judge_push("shop", wanted, ref, new)
    assert verdict.kind is kind
    assert says is None or verdict.says == says
    assert bool(verdict.says) is (kind is not PushKind.DEPLOY), "whatever is not deployed is explained"
    assert verdict.adopt is (kind is PushKind.DEPLOY and wanted is None)


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/idea", "refs/tags/v1"])
@pytest.mark.parametrize("new", [SHA, ZERO])
def test_an_app_that_is_deployed_from_github_takes_no_push(ref: str, new: str) -> None:
    verdict = judge_push("shop", MAIN, ref, new, RepositoryName("acme/shop"))
    assert (verdict.kind, verdict.branch) == (PushKind.REFUSE, None)
    assert verdict.says == "shop is deployed from acme/shop on GitHub: push there"


@given(st.sampled_from([None, MAIN, Branch("x/y")]), st.text(max_size=20), st.sampled_from([SHA, ZERO]))
def test_only_its_own_branch_is_deployed(wanted: Branch | None, rest: str, new: str) -> None:
    for prefix in ("refs/heads/", "refs/tags/", "refs/", ""):
        verdict = judge_push("shop", wanted, prefix + rest, new)
        if verdict.kind is PushKind.DEPLOY:
            assert new != ZERO
            assert prefix + rest == f"refs/heads/{verdict.branch}"
            assert wanted in (None, verdict.branch)
        else:
            assert verdict.branch is None
