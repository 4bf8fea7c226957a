"""The daemon's answers (control/messages.py) as lines for people. Pure: the time is passed in."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from deployhost.control.progress import clean, phase_line, seconds

View = Mapping[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Given a head and rows of the same length, return them in columns."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]


def ago(moment: str | None, now: datetime) -> str:
    """Given an ISO 8601 time and now, return how long ago that was: `12 s ago`, `3 min ago`, `2 d ago`."""
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


def app_added(app: View) -> list[str]:
    """Given a new app, return what to do next."""
    branch = app.get("branch") or "main"
    lines = [
        f"{app['name']} waits for its first push. In its repository:",
        "",
        f"  git remote add deployhost {app['remote']}",
        f"  git push deployhost {branch}",
        "",
    ]
    if app.get("ssh_remote"):
        lines.append(f"From another machine: git remote add deployhost {app['ssh_remote']}")
    return [*lines, f"It will answer at {', '.join(app.get('urls') or [app['url']])}"]


def app_list(result: View, now: datetime) -> list[str]:
    """Given app.list's result, return a table."""
    apps = result["apps"]
    if not apps:
        return ["No apps yet.", "try: deployhost add NAME"]
    rows = table(("NAME", "STATE", "URL", "LIVE", "SINCE"), [_row(app, now) for app in apps])
    return [*rows, *(f"! {clean(app['note'])}" for app in apps if not app.get("listed", True))]


def status(result: View, now: datetime) -> list[str]:
    """Given app.status's result, return the server on one line and each app below it."""
    server = result["server"]
    # Whatever a failed look at the proxy said is no status of it; what is wrong is said below the first line.
    known = bool(server.get("docker")) and server["proxy"].isalpha()
    first = " · ".join(
        (
            f"deployhost {server['version']}, up for {ago(server.get('started_at'), now).removesuffix(' ago') or '0 s'}",
            f"docker {server['docker']}" if server.get("docker") else "docker does not answer",
            f"kamal-proxy {server['proxy'] if known else 'unknown'}, port {server['http_port']}",
        )
    )
    head = [first, *_out_of_reach(server, known)]
    for warning in server.get("warnings") or ():
        # What is out of reach altogether has been said.
        if not any(line.endswith(f": {clean(warning['message']).partition(': ')[2]}") for line in head):
            head.append(f"! {clean(warning['message'])}")
            head += [f"  try: {clean(warning['hint'])}"] if warning["hint"] else []
    if not result["apps"]:
        return [*head, "", "No apps yet.", "try: deployhost add NAME"]
    return [*head, *(line for app in result["apps"] for line in ("", *app_status(app, now)))]


def _out_of_reach(server: View, known: bool) -> list[str]:
    """Say it where no app can be reached. Without the engine that is not sure: containers may go on without it."""
    if not server.get("docker"):
        what = "apps may be out of reach: the Docker engine does not answer"
    elif not known:
        what = f"apps may be out of reach: {clean(server['proxy'])}"
    elif server["proxy"] != "running":
        what = f"no app can be reached: kamal-proxy is {server['proxy']}"
    else:
        return []
    return [f"! {what}", "  try: deployhost setup --local"]


def app_status(app: View, now: datetime) -> list[str]:
    """Given an app, return its state and what explains it."""
    rows = [("url", ", ".join(app.get("urls") or [app["url"]]))]
    live, last = app.get("live"), app.get("last_deploy")
    if live:
        subject = f" {clean(live['subject'])}" if live.get("subject") else ""
        rows.append(("live", f"{short(live['version'])}{subject}, {ago(live.get('since'), now)}"))
    if app.get("head") and (not live or app["head"] != live["sha"]):
        rows.append(("head", f"{app['head'][:7]} is what was pushed last"))
    if app.get("branch"):
        rows.append(("branch", app["branch"]))
    rows.append(("remote", app["remote"]))
    if app.get("storage"):
        rows.append(("storage", app["storage"]))
    rows += _unusual(app)
    lines = [f"{app['name']}: {app['state']}", *(f"  {name:<8} {value}" for name, value in rows)]
    if last:
        lines += [f"  {line}" for line in _deploy(last, now)]
    if app.get("note"):
        lines.append(f"  ! {clean(app['note'])}")
    return lines


def _unusual(app: View) -> list[tuple[str, str]]:
    """Given an app, return what most apps do not have: workers, limits, another strategy or engine than they get by themselves."""
    rows = []
    usual = "handover" if app.get("storage") else "overlap"
    if app.get("strategy") not in (None, usual):
        rows.append(("strategy", app["strategy"]))
    if app.get("engine") not in (None, "direct"):
        rows.append(("engine", app["engine"]))
    processes = app.get("processes") or []
    if len(processes) > 1 or any(process.get("memory") or process.get("cpus") for process in processes):
        rows += [("process", _process(process)) for process in processes]
    lock = app.get("lock")
    if lock:
        rows.append(("lock", f"Kamal's, of {clean(lock['by'])}, since {lock['since']}"))
    return rows


def _process(process: View) -> str:
    limits = [
        size(process["memory"]) if process.get("memory") else "",
        f"{process['cpus']:g} CPU{'' if process['cpus'] == 1 else 's'}" if process.get("cpus") else "",
    ]
    code, restarts = process.get("exit_code"), process.get("restarts") or 0
    words = [
        f"{process['name']} {process['state']}{'' if code is None else f' ({code})'}",
        f"restarted {restarts} time{'' if restarts == 1 else 's'}" if restarts else "",
        f"at most {' and '.join(limit for limit in limits if limit)}" if any(limits) else "",
    ]
    return ", ".join(word for word in words if word)


def size(amount: int) -> str:
    """Given bytes, return them as people write limits: `512 MB`, `2 GB` (of 1024)."""
    for unit, each in (("GB", 1024**3), ("MB", 1024**2)):
        if amount >= each:
            return f"{amount / each:.4g} {unit}"
    return f"{amount} bytes"


def logs(result: View) -> list[str]:
    """Given collected log events, return their lines as the app wrote them."""
    return [line["line"] for line in result["lines"]]


def removal(result: View) -> list[str]:
    """Given app.remove's result, return what was deleted, or would be, and what stays."""
    verb = "removed" if result["applied"] else "would be removed"
    return [
        f"{result['app']} {verb}:",
        *(f"  - {clean(step['what'])}: {clean(step['why'])}" for step in result["steps"]),
        *(f"  {clean(note)}" for note in result.get("notes") or ()),
    ]


def domains(result: View) -> list[str]:
    """Given an app's domains, return its addresses."""
    return [result["url"], *result["domains"]]


def domains_changed(result: View, verb: str) -> list[str]:
    """Given a change of domains and what was done to them, return it in one line."""
    changed = ", ".join(result["changed"])
    return [f"{verb} {changed}" if changed else f"nothing to do: {result['app']} has {_or_none(result['domains'])}"]


def env_changed(result: View, verb: str) -> list[str]:
    """Given a change of variables and what was done to them, return it, and what there was nothing to do to."""
    missing = [f"{name} was not set" for name in result.get("not_set") or ()]
    if result["changed"]:
        return [f"{verb} {', '.join(result['changed'])}", *missing]
    if result.get("deploy"):
        return [*missing, "nothing new, but what serves did not run with it: deployed again"]
    return missing or ["nothing to do: it is so already"]


def build(result: View) -> list[str]:
    """Given what would be built, return it with the reason of each decision, and the Dockerfile if it is a generated one."""
    version = f" {result['version']}" if result.get("version") else ""
    own = result["kind"] == "dockerfile"
    rows = [
        ("runtime", "the repository's own Dockerfile" if own else f"{result['runtime']}{version}"),
        ("from", ", ".join(_placed(base) for base in result["bases"])),
        ("syntax", _placed(result["syntax"]) if result.get("syntax") else ""),
        ("start", result["start"]["shell"] or " ".join(result["start"]["argv"]) if result.get("start") else ""),
        ("port", str(result["port"]) if result.get("port") else "what the app listens on"),
    ]
    lines = [f"{name:<8} {clean(value)}" for name, value in rows if value]
    if result["reasons"]:
        lines += ["", "why:", *(f"  {_reason(reason)}" for reason in result["reasons"])]
    lines += [f"  ! {clean(warning)}" for warning in result["warnings"]]
    if result.get("dockerfile"):
        lines += ["", "Dockerfile:", *(f"  {clean(line)}".rstrip() for line in result["dockerfile"].splitlines())]
    return lines


def _placed(base: View) -> str:
    return f"{base['ref']} (line {base['line']})" if base.get("line") else str(base["ref"])


def _reason(reason: View) -> str:
    place = ":".join(str(part) for part in (reason.get("path"), reason.get("line")) if part)
    return clean(f"{reason['text']} ({place})" if place else str(reason["text"]))


def _row(app: View, now: datetime) -> tuple[str, ...]:
    live = app.get("live") or {}
    version = short(live["version"]) if live else "-"
    return (app["name"], app["state"], app["url"], version, ago(live.get("since"), now) or "-")


def _deploy(deploy: View, now: datetime) -> list[str]:
    when = ago(deploy.get("finished_at") or deploy.get("started_at") or deploy.get("requested_at"), now)
    took = f" in {seconds(deploy['total_ms'])}" if deploy.get("total_ms") is not None else ""
    phases = phase_line(deploy.get("phases") or [])
    lines = [f"deploy   {deploy['id']} {deploy['status']}{took}, {when}" + (f"  ({phases})" if phases else "")]
    error = deploy.get("error")
    if error:
        lines.append(f"  {clean(error['message'])}")
        if error.get("hint"):
            lines.append(f"  try: {clean(error['hint'])}")
    return lines


def short(version: str) -> str:
    """Given a version, return it with its sha shortened to seven digits."""
    return version[:7] + version[40:]


def _or_none(words: Sequence[str]) -> str:
    return ", ".join(words) if words else "no domains of its own"
