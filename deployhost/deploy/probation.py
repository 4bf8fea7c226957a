"""Judging a release's first minute, and what follows from that. Pure: `watch` looks, asks and acts.

Slow answers alone never fail a release, and neither do a few bad ones: a machine that is busy must not take back what is well.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from deployhost.model import Deploy, NoAnswer, Release, Trigger

MINUTE = 60.0  # seconds in which a release has to prove itself
FORGOTTEN = 2 * MINUTE  # what was not watched in its first minute is not judged by what came after
LOOP = 2  # times that the engine has started a process again: once may be an accident
AWAY = 5.0  # seconds without its process
BAD = 8.0  # seconds of nothing but bad answers
BAD_AFTER_RESTART = 20.0  # … where the process has just been started again, and has to boot
TRIES = 4  # bad answers that there have to be at least
SLOW = 504  # the proxy waited in vain for the app's answer: it is slow, or the machine is
DOWN = ("restarting", "dead")  # the engine waits before it starts it again, longer each time, or has given up


@dataclass(frozen=True)
class ProcessSeen:
    """One process of the release: how it is, how often the engine has started it again, and how it ended if it has."""

    name: str
    status: str
    restarts: int
    exit_code: int = 0
    out_of_memory: bool = False


@dataclass(frozen=True)
class Observation:
    """What was seen at one moment (monotonic seconds): the processes, and the answer from outside, None if it says nothing."""

    at: float
    processes: tuple[ProcessSeen, ...]
    bad: bool | None = None
    said: str = ""  # the bad answer


@dataclass(frozen=True)
class Verdict:
    """Whether the release has failed (`why`), or has proved itself; neither: it is still watched. `by_answers`: not by its processes."""

    why: str = ""
    process: str = ""  # the one that failed
    proven: bool = False
    by_answers: bool = False


def bad_answer(statuses: Sequence[int], missing: Sequence[NoAnswer | None]) -> bool | None:
    """Return whether one round of questions went badly; of a status 0, `missing` says why there is no answer.

    Any answer below 500 is a good one: at boot the app has proved more. No answer within the time says nothing.
    """
    if any(0 < status < 500 for status in statuses):
        return False
    if "late" in missing or SLOW in statuses:
        return None
    return bool(statuses)


def judge(observations: Sequence[Observation], lived: float) -> Verdict:
    """Return the verdict on a release that has been live for `lived` seconds, by what was seen of it, oldest first."""
    if not observations:
        return Verdict()
    for process in observations[-1].processes:
        if why := _ended(process, observations):
            return Verdict(why, process.name)
    why = _answers(observations)
    return Verdict(why, by_answers=True) if why else Verdict(proven=lived >= MINUTE)


def _ended(process: ProcessSeen, observations: Sequence[Observation]) -> str:
    seen = [(one.at, same) for one in observations for same in one.processes if same.name == process.name]
    codes = [same.exit_code for _, same in seen if same.exit_code]
    told = f" (exit code {codes[-1]})" if codes else ""
    if process.restarts and any(same.out_of_memory for _, same in seen):
        return f"the process {process.name} ran out of memory and was killed"
    if process.restarts >= LOOP:
        return f"the process {process.name} ended {process.restarts} times{told}"
    since = _down_since(seen)
    if since is not None and observations[-1].at - since >= AWAY:
        return f"the process {process.name} ended and does not come back{told}"
    return ""


def _down_since(seen: Sequence[tuple[float, ProcessSeen]]) -> float | None:
    since = None
    for at, process in seen:
        if process.status not in DOWN:
            since = None
        elif since is None:
            since = at
    return since


def _answers(observations: Sequence[Observation]) -> str:
    bad: list[Observation] = []
    for one in observations:
        if one.bad:
            bad.append(one)
        elif one.bad is False:
            bad = []
    restarted = any(process.restarts for process in observations[-1].processes[:1])
    patience = BAD_AFTER_RESTART if restarted else BAD
    if len(bad) < TRIES or bad[-1].at - bad[0].at < patience:
        return ""
    return f"it answered badly for {bad[-1].at - bad[0].at:.0f} s: {bad[-1].said}"


@dataclass(frozen=True)
class WayBack:
    """What follows for a release that failed: back to `target`, or `wait`, or neither, and then `note` says why."""

    target: Release | None = None
    wait: bool = False
    note: str = ""


def way_back(
    failed: Release,
    deploy: Deploy | None,
    *,
    allowed: bool,
    earlier: Sequence[Release],
    others: Sequence[Deploy],
) -> WayBack:
    """Return what follows for a live release that failed; `deploy` is the one that brought it.

    `allowed` is the app's `auto_rollback`, `earlier` its releases whose image is there, newest first, `others` its deploys that
    are newer than the failed one. Whatever is under way may mend it, so its end is waited for.

    The target is the newest release that lived through its own first minute; only where there is none, the newest that did not
    fail: one that was replaced within its minute may have what the failed one has, too.
    """
    if any(not one.status.ended for one in others):
        return WayBack(wait=True)
    if any(one.trigger is Trigger.AUTO_ROLLBACK for one in others):
        return WayBack(note="the automatic rollback failed, so it stays")
    if not allowed:
        return WayBack(note="auto_rollback is off, so it stays")
    if deploy is not None and deploy.trigger is Trigger.AUTO_ROLLBACK:
        return WayBack(note="it was itself rolled back to automatically, so it stays")
    well = [
        one
        for one in earlier
        if one.version != failed.version and not one.failed and one.live_since < failed.live_since
    ]
    # Settled is not proven: of a failed release that had to stay, `proven_at` only says that it is not watched any more.
    target = next((one for one in well if one.proven_at is not None), well[0] if well else None)
    return WayBack(target, note="" if target else "there is no earlier release that did not fail, so it stays")
