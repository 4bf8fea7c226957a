"""The control socket's messages: newline-delimited JSON over /run/deployhost/control.sock.

One request per connection: {"op": OP, …arguments}. The answer is any number of event lines ({"event": …}) and, last, one of
{"result": …} and {"error": {code, message, hint, details, exit_code}}. Closing the connection never cancels a deploy.

Operations (argument? is optional; -> is the result):

  ping {}                                           -> {version, pid, started_at}
  app.add {name, branch?, domains?}                 -> AppView
  app.list {}                                       -> {apps: [AppView], problem}
  app.status {name?}                                -> {server: ServerView, apps: [AppView], problem}   (with a name: that one app)
                                                    problem: the error that apps.yml has, or null; with one, branch, storage,
                                                    strategy and engine are null, and the domains those of the route
  app.remove {name, storage?, dry_run?}             -> {app, steps: [{step, what, why}], notes: [str], applied: bool}
  app.inspect {name}                                -> BuildView of the branch's head, or of the live commit
  deploys.list {name, limit?}                       -> {deploys: [DeployView]}   newest first
  deploy.start {name, ref?, rebuild?, follow?}      events; -> DeployView    a branch, tag, sha or short sha; else what was pushed last
  deploy.follow {id}                                events from the first;  -> DeployView
  deploy.cancel {name, by?}                         -> {app, deploys: [DeployView]}   how what was queued or running ended; conflict if nothing was
  deploy.wait {name, until?}                        -> {app, live: bool, why: str, deploy: DeployView}   once nothing is queued or running;
                                                    until: unix seconds, error wait_timed_out then; deploy: what was asked for last
  releases.list {name}                              -> {app, releases: [ReleaseView]}   newest first
  app.rollback {name, release?, dry_run?, follow?}  events; -> {app, release: ReleaseView, from: ReleaseView|null, applied, deploy: DeployView|null}
                                                    from: null while it is not known what will be live by then;
                                                    release: a version or its first digits; else the one before the live one
  refs.list {name}                                  -> {refs: [str]}         branches, then tags
  app.restart {name, follow?}                       events; -> DeployView    same image, new container
  logs {name, lines?, follow?, deploy?, process?}   events `log`, `note`; -> {}  the app's own output; deploy: that deploy's container;
                                                    process: that one's instead of web's; following ends when the client goes
  env.list {name, reveal?}                          -> {app, env: [{name, value|null, updated_at}]}
  env.set {name, values: {K: V}, follow?}           events; -> {app, changed: [K], deploy: DeployView|null}
  env.unset {name, names: [K], follow?}             events; -> {app, changed: [K], not_set: [K], deploy: DeployView|null}
  domains.list {name}                               -> {app, url, domains: [str]}
  domains.add / domains.remove {name, domains}      -> {app, url, domains: [str], changed: [str]}
  storage.enable {name, follow?}                    events; -> {app, enabled, path|null, mounted_at|null, changed, deploy: DeployView|null}
  storage.show {name}                               -> same but changed; mounted: bool|null, whether what serves has it; deploy: null
  storage.disable {name, follow?}                   events; -> same; the directory stays
  prune {dry_run?}                                  -> {applied, apps: [{app, containers: [str], images: [str]}], cache, freed_bytes, disk}
  kamal.prepare {name, arguments?}                  -> {directory, version, warnings: [str]}   the app's Kamal project, written anew
  app.converge {name?, dry_run?}                    -> {steps: [{step, what, why}], notes: [str], applied: bool}
  app.export {name}                                 -> {app, version, files: {path: text}, notes: [str]}   a Kamal project, no values in it
  push {app, ref, old, new, token?}                 events; -> PushView      from the git hook; the same token is the same push

AppView    {name, listed: bool, state: empty|deploying|live|held|stopped|failed|down, url, urls: [str], branch, remote, ssh_remote, domains: [str],
            storage: path|null, strategy: overlap|handover, engine: direct|kamal,
            live: {version, sha, subject, since, container, image, port, failed: str, proven_at|null}|null,
            processes: [{name, state, restarts, exit_code|null, container, memory|null, cpus|null, wanted_memory|null, wanted_cpus|null}],
            maintenance: bool, route: running|paused|stopped|missing|null, lock: {by, text, since, age_s}|null,
            rolled_back: {by: person|deployhost, to, reason, at, deploy}|null, head: sha|null, last_deploy: DeployView|null, note: str}
            state is "failed" when the last deploy failed and nothing serves, "down" when the live container is not running
            or the engine does not answer (the note says which), "stopped" when kamal-proxy answers in its place (kamal app
            maintenance), "held" when it holds the requests. lock: somebody else's; memory in bytes; head: what was pushed last.
            listed: whether apps.yml has it; what is shown of one that it has lost is what has a live release, as with a problem
DeployView {id, app, sha, subject, version|null, trigger: push|manual|restart|settings|rollback|auto_rollback|kamal, target: version|null,
            reason: str, status, requested_at, started_at, live_at, finished_at  (ISO 8601 UTC|null),
            phases: [{name, ms}], total_ms|null, url, error: {code, message, hint, details}|null, superseded_by: id|null}
ReleaseView {version, sha, subject, live: bool, live_since, left: failed|rolled_back|replaced|null, why: str, left_at|null,
            how: trigger|null, target: version|null, image: id, image_available: bool|null, proven_at|null, deploy: DeployView|null}
PushView   {outcome: "ok"|"ng", message, deploy: DeployView|null}
ServerView {version, pid, started_at, docker: str|null, proxy: "running"|"missing"|…, http_port, warning: str}
BuildView  see build.plan: what would be built and why

Events of a deploy:
  {"event": "deploy", "id": int, "rest": {…}?}      first: by its id it can be followed again after a restart of the daemon; rest is
                                                    what else the operation will return, beside `deploy`
  {"event": "stage", "stage": queue|wait|fetch|plan|build|lock|create|release|hold|stop|start|health|switch|live|drain|push|kamal,
                     "state": "start"|"done"|"failed", "ms": float?, "detail": str?}
  {"event": "output", "stage": …, "line": str}      a line of the build's or the app's output
  {"event": "note", "text": str}                    something the person should know (a warning, "overtaken by …")
Event of logs: {"event": "log", "line": str, "stream": "stdout"|"stderr", "at": ISO 8601|null}
"""

import json
from typing import Any

Message = dict[str, Any]

LIMIT = 16 * 1024 * 1024  # bytes of one line; a request above it is refused


def encode(message: Message) -> bytes:
    """Given a message, return its line."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Given a line, return its message. Raise ValueError if it is no JSON object."""
    try:
        message = json.loads(line)
    except RecursionError as error:
        raise ValueError("a message nests a few levels deep") from error
    if not isinstance(message, dict):
        raise ValueError("a message is a JSON object")  # noqa: TRY004 - one error for every kind of bad line
    return message
