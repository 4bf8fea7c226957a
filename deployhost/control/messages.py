"""The control socket's messages: newline-delimited JSON over /run/deployhost/control.sock.

One request per connection: {"op": OP, …arguments}. The answer is any number of event lines ({"event": …}) and, last, one of
{"result": …} and {"error": {code, message, hint, details, exit_code}}. Closing the connection never cancels a deploy.

Operations (argument? is optional; -> is the result):

  ping {}                                           -> {version, pid, started_at}
  app.add {name, branch?, domains?}                 -> AppView
  app.list {}                                       -> {apps: [AppView]}
  app.status {name?}                                -> {server: ServerView, apps: [AppView]}   (with a name: that one app)
  app.remove {name, storage?, dry_run?}             -> {app, steps: [{step, what, why}], applied: bool}
  app.inspect {name}                                -> BuildView of the branch's head, or of the live commit
  deploys.list {name, limit?}                       -> {deploys: [DeployView]}   newest first
  deploy.start {name, rebuild?, follow?}            events; -> DeployView    the branch's newest pushed commit
  deploy.follow {id}                                events from the first;  -> DeployView
  app.restart {name, follow?}                       events; -> DeployView    same image, new container
  logs {name, lines?, follow?, deploy?}             events `log`; -> {}      the app's own output; deploy: that deploy's container
  env.list {name, reveal?}                          -> {app, env: [{name, value|null, updated_at}]}
  env.set {name, values: {K: V}, follow?}           events; -> {app, changed: [K], deploy: DeployView|null}
  env.unset {name, names: [K], follow?}             events; -> {app, changed: [K], deploy: DeployView|null}
  domains.list {name}                               -> {app, url, domains: [str]}
  domains.add / domains.remove {name, domains}      -> {app, url, domains: [str], changed: [str]}
  storage.enable {name, follow?}                    events; -> {app, path, mounted_at, deploy: DeployView|null}
  storage.disable {name, follow?}                   events; -> same; the directory stays
  push {app, ref, old, new, token?}                 events; -> PushView      from the git hook; the same token is the same push

AppView    {name, state: empty|deploying|live|failed|down, url, urls: [str], branch, remote, ssh_remote, domains: [str],
            storage: path|null, live: {version, sha, subject, since, container, image, port}|null, head: sha|null,
            last_deploy: DeployView|null, note: str}
            state is "failed" when the last deploy failed and nothing serves, "down" when the live container is not running
            or the engine does not answer (the note says which)
DeployView {id, app, sha, version|null, trigger, status, requested_at, started_at, live_at, finished_at  (ISO 8601 UTC|null),
            phases: [{name, ms}], total_ms|null, url, error: {code, message, hint, details}|null, superseded_by: id|null}
PushView   {outcome: "ok"|"ng", message, deploy: DeployView|null}
ServerView {version, pid, started_at, docker: str|null, proxy: "running"|"missing"|…, http_port}
BuildView  see build.plan: what would be built and why

Events of a deploy:
  {"event": "stage", "stage": queue|fetch|plan|build|start|health|switch|live|drain, "state": "start"|"done"|"failed", "ms": float?, "detail": str?}
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
