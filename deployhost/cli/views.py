"""The daemon's answers (control/results.py) as lines for people. Pure: the time is passed in."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deployhost.cli.domain_views import records
from deployhost.control.progress import phase_line, seconds
from deployhost.control.terminal import escaped, plain
from deployhost.model import Sha, Version
from deployhost.sizes import readable_size

if TYPE_CHECKING:  # the types take 2 ms to make
    from deployhost.control.results import AppsFound, EnvChanged, RemovalPlan, StatusFound
    from deployhost.control.views import AppView, BaseView, BuildView, DeployView, ProcessView, ReasonView, ServerView


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a head and rows of the same length in columns."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]


def ago(moment: str | None, now: datetime) -> str:
    """Return how long ago an ISO 8601 time was: `12 s ago`, `3 min ago`, `2 d ago`."""
    if not moment:
        return ""
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    passed = max(0.0, (now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if passed >= size:
            return f"{passed // size:.0f} {unit} ago"
    return f"{passed:.0f} s ago"


def app_added(app: AppView) -> list[str]:
    """Return what to do next with a new app."""
    branch = shlex.quote(app["branch"] or "main")  # this line is there to be copied into a shell
    lines = [
        f"{app['name']} waits for its first push. In its repository:",
        "",
        f"  git remote add deployhost {app['remote']}",
        f"  git push deployhost {escaped(branch)}",
        "",
    ]
    if app["ssh_remote"]:
        lines.append(f"From another machine: git remote add deployhost {app['ssh_remote']}")
    lines.append(f"It will answer at {', '.join(app['urls'])}")
    return [*lines, *records(one for one in app.get("records") or () if one["record"] != "present")]


def app_list(result: AppsFound, now: datetime) -> list[str]:
    """Return the apps as a table."""
    apps = result["apps"]
    if not apps:
        return ["No apps yet.", "try: deployhost add NAME"]
    rows = table(("NAME", "STATE", "URL", "LIVE", "SINCE"), [_row(app, now) for app in apps])
    return [*rows, *(f"! {escaped(app['note'])}" for app in apps if not app["listed"])]


def status(result: StatusFound, now: datetime) -> list[str]:
    """Return the server on one line, what is wrong with it, and each app below."""
    server = result["server"]
    # What a failed look at the proxy said is not its status; what is wrong is said below the first line.
    known = bool(server["docker"]) and server["proxy"].isalpha()
    first = " · ".join(
        (
            f"deployhost {server['version']}, up for {ago(server['started_at'], now).removesuffix(' ago') or '0 s'}",
            f"docker {server['docker']}" if server["docker"] else "docker does not answer",
            f"kamal-proxy {server['proxy'] if known else 'unknown'}, port {server['http_port']}",
        )
    )
    head = [first, *_problems(server, [app["note"] for app in result["apps"]], known)]
    if not result["apps"]:
        return [*head, "", "No apps yet.", "try: deployhost add NAME"]
    return [*head, *(line for app in result["apps"] for line in ("", *app_status(app, now)))]


def _problems(server: ServerView, notes: Sequence[str], known: bool) -> list[str]:
    """Return what is wrong, each problem once, with the command that fixes it; `notes` are shown with the apps."""
    lines = _out_of_reach(server, known)
    findings = server.get("findings") or []  # a daemon of an earlier version has none
    for finding in findings:
        what, why = escaped(finding["what"]), escaped(finding["why"])
        if not any(finding["what"] in note for note in notes):
            lines += _problem(f"{what}: {why}" if why else what, finding["fix"])
    for warning in server["warnings"]:
        message = escaped(warning["message"])
        # What is out of reach altogether has been said, and so has what is a finding too.
        said = any(line.endswith(f": {message.partition(': ')[2]}") for line in lines)
        if not said and not any(finding["what"] in warning["message"] for finding in findings):
            lines += _problem(message, warning["hint"])
    return lines


def _problem(message: str, fix: str) -> list[str]:
    return [f"! {message}", *([f"  try: {escaped(fix)}"] if fix else [])]


def _out_of_reach(server: ServerView, known: bool) -> list[str]:
    """Say it where no app can be reached. While the engine does not answer that is not sure: containers may run without it."""
    if not server["docker"]:
        what = "apps may be out of reach: the Docker engine does not answer"
    elif not known:
        what = f"apps may be out of reach: {escaped(server['proxy'])}"
    elif server["proxy"] != "running":
        what = f"no app can be reached: kamal-proxy is {server['proxy']}"
    else:
        return []
    return _problem(what, "deployhost setup --local")


def app_status(app: AppView, now: datetime) -> list[str]:
    """Return an app's state and what explains it."""
    live, head = app["live"], app["head"]
    subject = f" {escaped(live['subject'])}" if live and live["subject"] else ""
    rows = [
        ("url", ", ".join(app["urls"])),
        ("live", f"{Version(live['version']).short}{subject}, {ago(live['since'], now)}" if live else ""),
        ("head", f"{Sha(head).short} was pushed last" if head and (not live or head != live["sha"]) else ""),
        ("branch", app["branch"]),
        ("source", f"{app['source']} on GitHub" if app.get("source") else ""),
        ("remote", "" if app.get("source") else app["remote"]),
        ("storage", app["storage"]),
        *_unusual(app),
    ]
    lines = [f"{app['name']}: {app['state']}", *(f"  {name:<8} {escaped(value)}" for name, value in rows if value)]
    if app["last_deploy"]:
        lines += [f"  {line}" for line in _deploy(app["last_deploy"], now)]
    if app["note"]:
        lines.append(f"  ! {escaped(app['note'])}")
    return lines


def _unusual(app: AppView) -> list[tuple[str, str | None]]:
    """Return what most apps do not have: workers, limits, another strategy or engine than the default."""
    processes, lock = app["processes"], app["lock"]
    usual = "handover" if app["storage"] else "overlap"
    telling = len(processes) > 1 or any(process["memory"] or process["cpus"] for process in processes)
    return [
        ("strategy", app["strategy"] if app["strategy"] != usual else ""),
        ("engine", app["engine"] if app["engine"] != "direct" else ""),
        *(("process", _process(process)) for process in processes if telling),
        ("lock", f"Kamal's, of {escaped(lock['by'])}, since {lock['since']}" if lock else ""),
    ]


def _process(process: ProcessView) -> str:
    memory, cpus = process["memory"], process["cpus"]
    limits = [
        readable_size(memory) if memory else "",
        f"{cpus:g} CPU{'' if cpus == 1 else 's'}" if cpus else "",
    ]
    code, restarts = process["exit_code"], process["restarts"]
    words = [
        f"{process['name']} {process['state']}{'' if code is None else f' ({code})'}",
        f"restarted {restarts} time{'' if restarts == 1 else 's'}" if restarts else "",
        f"at most {' and '.join(limit for limit in limits if limit)}" if any(limits) else "",
    ]
    return ", ".join(word for word in words if word)


def removal(result: RemovalPlan) -> list[str]:
    """Return what was deleted, or would be, and what stays."""
    verb = "removed" if result["applied"] else "would be removed"
    return [
        f"{result['app']} {verb}:",
        *(f"  - {escaped(step['what'])}: {escaped(step['why'])}" for step in result["steps"]),
        *(f"  {escaped(note)}" for note in result["notes"]),
    ]


def env_changed(result: EnvChanged, verb: str) -> list[str]:
    """Return a change of variables, and what was set or missing already."""
    missing = [f"{name} was not set" for name in result.get("not_set") or ()]
    if result["changed"]:
        return [f"{verb} {', '.join(result['changed'])}", *missing]
    if result["deploy"]:
        return [*missing, "unchanged, but the live release ran without it: redeployed"]
    return missing or ["already set"]


def build(result: BuildView) -> list[str]:
    """Return what would be built, with the reason of each decision, and the Dockerfile if it is a generated one."""
    version = f" {result['version']}" if result["version"] else ""
    own = result["kind"] == "dockerfile"
    start = result["start"]
    rows = [
        ("runtime", "the repository's own Dockerfile" if own else f"{result['runtime']}{version}"),
        ("from", ", ".join(_placed(base) for base in result["bases"])),
        ("syntax", _placed(result["syntax"]) if result["syntax"] else ""),
        ("start", start["shell"] or " ".join(start["argv"]) if start else ""),
        ("port", str(result["port"]) if result["port"] else "any that the app listens on"),
    ]
    lines = [f"{name:<8} {escaped(value)}" for name, value in rows if value]
    if result["reasons"]:
        lines += ["", "why:", *(f"  {_reason(reason)}" for reason in result["reasons"])]
    lines += [f"  ! {escaped(warning)}" for warning in result["warnings"]]
    if result["dockerfile"]:
        lines += ["", "Dockerfile:", *(f"  {plain(line)}".rstrip() for line in result["dockerfile"].splitlines())]
    return lines


def _placed(base: BaseView) -> str:
    return f"{base['ref']} (line {base['line']})" if base["line"] else base["ref"]


def _reason(reason: ReasonView) -> str:
    place = ":".join(str(part) for part in (reason["path"], reason["line"]) if part)
    return escaped(f"{reason['text']} ({place})" if place else reason["text"])


def _row(app: AppView, now: datetime) -> tuple[str, ...]:
    live = app["live"]
    if live is None:
        return (app["name"], app["state"], app["url"], "-", "-")
    return (app["name"], app["state"], app["url"], Version(live["version"]).short, ago(live["since"], now) or "-")


def _deploy(deploy: DeployView, now: datetime) -> list[str]:
    when = ago(deploy["finished_at"] or deploy["started_at"] or deploy["requested_at"], now)
    took = f" in {seconds(deploy['total_ms'])}" if deploy["total_ms"] is not None else ""
    phases = phase_line(deploy["phases"])
    lines = [f"deploy   {deploy['id']} {deploy['status']}{took}, {when}" + (f"  ({phases})" if phases else "")]
    error = deploy["error"]
    if error:
        lines.append(f"  {escaped(error['message'])}")
        if error["hint"]:
            lines.append(f"  try: {escaped(error['hint'])}")
    return lines
