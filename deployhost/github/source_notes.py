"""What `status` says of an app's repository on GitHub. Pure."""

from collections.abc import Iterable, Iterator

from deployhost.journal.pinned import SourceProblem
from deployhost.steps import Finding, Severity

EMPTY = "source_empty"  # no problem: there is nothing to deploy yet
SOON = 60.0  # seconds below which it is not said since when


def note(problem: SourceProblem | None, now: float) -> str:
    """Return why an app's repository can't be looked at, since when, and what mends that, or "" if it can."""
    if problem is None:
        return ""
    error = problem.error
    passed = now - problem.since
    since = f" (for {_span(passed)})" if passed >= SOON and error["code"] != EMPTY else ""
    fix = [f"to fix it: {error['hint']}"] if error["hint"] else []
    return "; ".join((f"{error['message']}{since}", *error["details"], *fix))


def findings(problems: Iterable[SourceProblem]) -> Iterator[Finding]:
    """Yield a finding for each repository that can't be looked at. The app that it is of serves on."""
    for problem in problems:
        error = problem.error
        if error["code"] != EMPTY:
            why = "; ".join((*error["details"], f"{problem.app} keeps serving, and gets no new commits"))
            yield Finding(Severity.WARNING, error["message"], why, error["hint"])


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"
