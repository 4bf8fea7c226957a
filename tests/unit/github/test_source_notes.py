"""What `status` says where a repository can't be looked at."""

from deployhost.errors import DeployhostError, NotConnected, ProviderUnavailable, SourceEmpty
from deployhost.github.source_notes import findings, note
from deployhost.journal.pinned import SourceProblem
from deployhost.model import AppName

SHOP = AppName("shop")


def problem(error: DeployhostError) -> SourceProblem:
    return SourceProblem(SHOP, error.to_json(), 1000.0)


def test_a_note() -> None:
    assert note(None, 1000) == ""
    away = problem(ProviderUnavailable("github.com can't be reached: no route"))
    assert note(away, 1001) == "github.com can't be reached: no route"
    assert note(away, 1000 + 200) == "github.com can't be reached: no route (for 3 min)"
    assert note(away, 1000 + 3 * 86400).endswith("(for 3 d)")
    missing = problem(NotConnected("no App", hint="deployhost connect github", details=("here: https://x",)))
    assert note(missing, 1000) == "no App; here: https://x; to fix it: deployhost connect github"


def test_findings() -> None:
    [found] = findings(
        [problem(NotConnected("no App", hint="deployhost connect github")), problem(SourceEmpty("empty"))]
    )
    assert (found.what, found.fix) == ("no App", "deployhost connect github")
    assert found.why == "shop keeps serving, and gets no new commits"
    assert note(problem(SourceEmpty("empty")), 9000) == "empty", "that is no trouble"
