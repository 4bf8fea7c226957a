"""What the daemon shows of the server, of apps, deploys and releases: the objects inside its answers, and in `--json`.

Times are ISO 8601 in UTC. A field may be added; none is renamed or taken away.
"""

from typing import Literal, NotRequired, TypedDict

from deployhost.errors import ErrorView

AppState = Literal["empty", "deploying", "live", "held", "stopped", "failed", "down", "unknown"]
"""failed: the last deploy failed and no release is live. down: the live container does not run, or the engine does not answer.
stopped: kamal-proxy answers in its place (`kamal app maintenance`), or it was stopped. held: the proxy holds its requests.
unknown: a defect keeps the app from being shown; `note` names it."""
Left = Literal["failed", "rolled_back", "replaced"]


class PhaseView(TypedDict):
    """One stage of a deploy and how long it took."""

    name: str
    ms: float


class DeployView(TypedDict):
    """One deploy."""

    id: int
    app: str
    sha: str
    subject: str
    version: str | None
    trigger: str  # model.Trigger
    target: str | None  # the version that a rollback goes back to
    reason: str  # why deployhost itself asked for it
    status: str  # model.DeployStatus
    requested_at: str | None
    started_at: str | None
    live_at: str | None
    finished_at: str | None
    phases: list[PhaseView]
    total_ms: float | None
    url: str
    error: ErrorView | None
    superseded_by: int | None  # the id of a deploy


class BuiltView(TypedDict):
    """What a release is, whether it is live or not."""

    version: str
    sha: str
    subject: str
    image: str
    proven_at: str | None  # when its first minute was over


class LiveView(BuiltView):
    """The live release of an app."""

    since: str | None
    container: str
    port: int
    failed: str  # why it failed in its first minute, or ""


class ProcessView(TypedDict):
    """One process of the live release. `memory` (bytes) and `cpus` are its limits, the wanted ones those of apps.yml."""

    name: str
    state: str  # Docker's word
    restarts: int
    exit_code: int | None
    container: str
    memory: int | None
    cpus: float | None
    wanted_memory: int | None
    wanted_cpus: float | None


class LockView(TypedDict):
    """Kamal's lock on an app, held by somebody else."""

    by: str
    text: str
    since: str | None
    age_s: int


class RolledBackView(TypedDict):
    """The rollback that chose the live release, where something else was pushed last."""

    by: Literal["person", "deployhost"]
    to: str | None
    reason: str
    at: str | None
    deploy: int


class DomainView(TypedDict):
    """One domain of an app and its DNS record.

    `record` is present, waiting (it is tried again by itself), refused (`fix` ends that) or elsewhere: no connected zone covers it.
    """

    domain: str
    url: str
    record: Literal["present", "waiting", "refused", "elsewhere"]
    why: str
    fix: str  # a command, or ""


class AppView(TypedDict):
    """One app. `branch`, `storage`, `strategy` and `engine` are null, and `domains` those of its route, while apps.yml can't be read."""

    name: str
    listed: bool  # whether apps.yml has it
    state: AppState
    url: str
    urls: list[str]
    branch: str | None
    source: str | None  # the repository on GitHub that is deployed, OWNER/REPO; null: what is pushed here
    remote: str
    ssh_remote: str
    domains: list[str]
    records: list[DomainView]
    storage: str | None  # a path
    strategy: str | None  # model.Strategy
    engine: str | None  # model.EngineName
    live: LiveView | None
    processes: list[ProcessView]
    maintenance: bool
    route: str | None  # kamal-proxy's word, or missing; null: kamal-proxy does not answer
    lock: LockView | None
    rolled_back: RolledBackView | None
    head: str | None  # the commit that was pushed last
    last_deploy: DeployView | None
    note: str


class ReleaseView(BuiltView):
    """One release that is or was live."""

    live: bool
    live_since: str | None
    left: Left | None  # why it is no longer live
    why: str
    left_at: str | None
    how: str | None  # model.Trigger of the deploy that made it
    target: str | None  # the version that it runs again
    image_available: bool | None  # null: the engine does not answer
    deploy: DeployView | None


class WarningView(TypedDict):
    """Something wrong with the server, and the command that fixes it, or ""."""

    message: str
    hint: str


class FindingView(TypedDict):
    """Something wrong with the server or an app (steps.Finding)."""

    severity: Literal["error", "warning"]
    what: str
    why: str
    fix: str  # a command, or ""


class ServerView(TypedDict):
    """The server."""

    version: str
    pid: int
    started_at: str | None
    docker: str | None  # the engine's version; null: it does not answer
    proxy: str  # the state of kamal-proxy's container, missing, or why that is not known
    http_port: int
    warnings: list[WarningView]
    findings: list[FindingView]


class StepView(TypedDict):
    """One step of a plan (steps.Step)."""

    step: str
    what: str
    why: str


class BaseView(TypedDict):
    """An image that a Dockerfile starts from, and the line that says so."""

    ref: str
    line: int | None


class StartView(TypedDict):
    """The command that starts an app: an argv, or a line for the shell."""

    argv: list[str]
    shell: str | None


class ReasonView(TypedDict):
    """One reason of a build plan, and where it was found."""

    text: str
    path: str | None
    line: int | None


class BuildView(TypedDict):
    """What would be built and why. `app` and `sha` are missing where a directory was looked at."""

    kind: str  # generated or dockerfile
    runtime: str
    version: str | None
    bases: list[BaseView]
    syntax: BaseView | None
    start: StartView | None
    port: int | None
    processes: dict[str, str]
    dockerfile: str | None
    dockerignore: str | None
    reasons: list[ReasonView]
    warnings: list[str]
    app: NotRequired[str]
    sha: NotRequired[str]


class EnvView(TypedDict):
    """One environment variable; the value is null unless it was asked for."""

    name: str
    value: str | None
    updated_at: str


class SurplusView(TypedDict):
    """What prune removes of one app: names of containers, images by name or id."""

    app: str
    containers: list[str]
    images: list[str]


class CacheView(TypedDict):
    """What prune removes of the build cache."""

    records: int
    bytes: int


class DiskView(TypedDict):
    """A disk and the room on it."""

    path: str
    total_bytes: int
    free_bytes: int
