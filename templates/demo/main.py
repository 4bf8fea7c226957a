"""hello: says which commit runs, how long it took to get here, and counts its visits."""

import html
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from string import Template
from typing import Any

import waitress
from visits import InFile, InMemory, Release

APP = os.environ.get("DEPLOYHOST_APP", "hello")
VERSION = os.environ.get("KAMAL_VERSION", "0000000")  # the commit, or commit-n after a change of settings
GREETING = os.environ.get("GREETING", "It's live.")
STORAGE = Path(os.environ.get("STORAGE", "/storage"))
PAGE = Template((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))
STARTED = time.time()
SHOWN = 8  # releases in the table


def seconds_since_push() -> float | None:
    """Return the seconds from the push to now, or None where nothing was pushed just now (a restart, a reboot)."""
    seconds = STARTED - float(os.environ.get("DEPLOYHOST_PUSHED_AT") or 0)
    return seconds if 0 < seconds < 900 else None


VISITS = (
    InFile(STORAGE / "visits.db", VERSION, seconds_since_push())
    if STORAGE.is_dir() and os.access(STORAGE, os.W_OK)
    else InMemory(VERSION, seconds_since_push())
)


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request (WSGI)."""
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    status, kind, body = "200 OK", "text/plain", "ok\n"
    if method not in ("GET", "HEAD"):
        status, body = "405 Method Not Allowed", "This app only shows things.\n"
    elif path == "/":
        if method == "GET":
            VISITS.count()
            print(f"a visit to {short(VERSION)}", flush=True)
        kind, body = "text/html", PAGE.substitute(parts(VISITS.releases()))
    elif path == "/live":
        kind, body = "application/json", json.dumps(parts(VISITS.releases()))
    elif path == "/api":
        kind, body = "application/json", json.dumps(facts(VISITS.releases()), indent=2) + "\n"
    elif path != "/up":
        status, body = "404 Not Found", "There is nothing here. Try /\n"
    content = body.encode()
    headers = [
        ("Content-Type", f"{kind}; charset=utf-8"),
        ("Content-Length", str(len(content))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    start_response(status, headers)
    return [content] if method != "HEAD" else []


def facts(releases: list[Release]) -> dict[str, Any]:
    """Given the releases, newest first, return what /api shows."""
    mine = current(releases)
    return {
        "app": APP,
        "commit": VERSION[:40],
        "version": VERSION,
        "push_to_running_s": rounded(mine.took),
        "uptime_s": round(time.time() - STARTED, 1),
        "visits": sum(release.visits for release in releases),
        "storage": VISITS.kept,
        "releases": [
            {
                "version": release.version,
                "first_seen": round(release.first_seen, 3),
                "push_to_running_s": rounded(release.took),
                "visits": release.visits,
            }
            for release in releases[:SHOWN]
        ],
    }


def parts(releases: list[Release]) -> dict[str, str]:
    """Given the releases, newest first, return the pieces of the page by name, each as HTML."""
    took = current(releases).took
    visits = sum(release.visits for release in releases)
    note = "" if VISITS.kept else "Visits begin at zero with each release: this app has no storage yet (see below)."
    return {
        "app": html.escape(APP),
        "commit": html.escape(short(VERSION)),
        "version": html.escape(VERSION),
        "greeting": html.escape(GREETING),
        "took": "" if took is None else f"{seconds(took)}<span class=unit>s</span>",
        "lead": "from <code>git push</code> to running"
        if took is not None
        else "This release was started again without a push, so there is nothing to time. Push one.",
        "visits": f"{visits:,}".replace(",", "\u202f"),
        "note": note,
        "uptime": span(time.time() - STARTED),
        "count": str(len(releases)),
        "releases": "".join(rows(releases[:SHOWN])),
        "keep": "" if VISITS.kept else KEEP.substitute(app=html.escape(APP)),
    }


KEEP = Template(
    "<li><h3>Keep the count</h3><p>Mount a directory that outlives releases at <code>/storage</code>.</p>"
    "<pre><code>deployhost storage enable $app</code></pre></li>"
)


def rows(releases: list[Release]) -> Iterable[str]:
    """Given the releases to show, return a table row for each."""
    slowest = max((release.took or 0 for release in releases), default=0)
    for release in releases:
        running = release.version == VERSION
        bar = "" if release.took is None else f'<i style="width:{100 * release.took / slowest:.0f}%"></i>'
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(release.first_seen))
        yield (
            f'<tr data-version="{html.escape(release.version)}"{" class=running" if running else ""}>'
            f"<th scope=row><code>{html.escape(short(release.version))}</code>{' <b>running</b>' if running else ''}</th>"
            f'<td class=when><time title="{when}">{ago(time.time() - release.first_seen)}</time></td>'
            f"<td class=took><span class=bar aria-hidden=true>{bar}</span>"
            f"<span>{'—' if release.took is None else seconds(release.took) + ' s'}</span></td>"
            f"<td class=n>{release.visits}</td></tr>"
        )


def current(releases: list[Release]) -> Release:
    """Return the release that this process is."""
    return next(release for release in releases if release.version == VERSION)


def short(version: str) -> str:
    """Given a version, return it with its commit shortened to seven digits."""
    return version[:7] + version[40:]


def seconds(value: float) -> str:
    """Given seconds, return them with a sensible number of digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def rounded(value: float | None) -> float | None:
    """Given seconds or None, return them to the millisecond."""
    return None if value is None else round(value, 3)


def span(value: float) -> str:
    """Given seconds, return them in the largest unit that fits, as in "3 min"."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if value >= size:
            return f"{value // size:.0f} {unit}"
    return f"{value:.0f} s"


def ago(value: float) -> str:
    """Given seconds, return them as in "3 min ago"."""
    return "just now" if value < 5 else f"{span(value)} ago"


if __name__ == "__main__":
    # Docker stops a container with TERM; as process 1 Python would ignore it. Requests in progress are finished.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    port = int(os.environ.get("PORT", "8000"))
    print(f"{APP} {short(VERSION)} listens on port {port}", flush=True)
    waitress.serve(app, host="0.0.0.0", port=port, threads=8, _quiet=True)  # noqa: S104 - a container's only way in
