"""Every error a person may see: a stable code, what happened, the one command that fixes it, and an exit code.

The exit codes are part of the CLI's contract: 1 the work failed (a deploy, a build), 2 the request is wrong, 3 something
named does not exist, 4 it conflicts with what is there, 5 a part that is needed is missing or down, 70 a defect of
deployhost (sysexits.h, EX_SOFTWARE), 124 the time to wait is over (as in timeout(1)), 130 interrupted.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NotRequired, TypedDict

FAILED, INVALID, NOT_FOUND, CONFLICT, UNAVAILABLE, INTERNAL = 1, 2, 3, 4, 5, 70
TIMED_OUT = 124
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
LONGEST = 300  # characters of an exception that is no error of ours


class ErrorView(TypedDict):
    """An error as JSON: what the CLI prints with --json, the control socket carries and the journal keeps of a deploy."""

    code: str
    message: str
    hint: str  # one command, or ""
    details: list[str]
    exit_code: int
    process: NotRequired[str]  # the process of the app that failed
    settings: NotRequired[str]  # what apps.yml says that may be the cause


class DeployhostError(Exception):
    """Carries a message, an optional `hint` (one command that fixes it) and `details` (lines of context) to the person.

    `code` is a stable snake_case word for programs; each subclass names its own, and its `exit_code`. `process` is the
    process of the app that failed, `settings` what apps.yml says that may be the cause.
    """

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = INTERNAL

    def __init_subclass__(cls, *, code: str, exit_code: int) -> None:
        super().__init_subclass__()
        cls.code, cls.exit_code = code, exit_code

    def __init__(
        self, message: str, *, hint: str = "", details: tuple[str, ...] = (), process: str = "", settings: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details
        self.process = process
        self.settings = settings

    def to_json(self) -> ErrorView:
        """Return the error as the JSON object that the CLI prints and the control socket carries."""
        shown: ErrorView = {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "details": list(self.details),
            "exit_code": self.exit_code,
        }
        if self.process:
            shown["process"] = self.process
        if self.settings:
            shown["settings"] = self.settings
        return shown


class InvalidName(DeployhostError, code="invalid_name", exit_code=INVALID):
    """A name (app, branch, domain, version, variable) breaks its rule."""


class InvalidConfig(DeployhostError, code="invalid_config", exit_code=INVALID):
    """apps.yml or server.yml has a mistake."""


class InvalidRequest(DeployhostError, code="invalid_request", exit_code=INVALID):
    """The request is wrong or not supported."""


class AppNotFound(DeployhostError, code="app_not_found", exit_code=NOT_FOUND):
    """There is no app of that name."""


class NotFound(DeployhostError, code="not_found", exit_code=NOT_FOUND):
    """A file, deploy, release or variable does not exist."""


class RepositoryNotVisible(NotFound, code="repository_not_visible", exit_code=NOT_FOUND):
    """There is no such repository on GitHub, or this server's App does not see it."""


class BranchNotFound(NotFound, code="branch_not_found", exit_code=NOT_FOUND):
    """A repository on GitHub has no such branch."""


class SourceEmpty(NotFound, code="source_empty", exit_code=NOT_FOUND):
    """A repository on GitHub has no commit to deploy yet."""


class Conflict(DeployhostError, code="conflict", exit_code=CONFLICT):
    """The request conflicts with what is there: a name, domain or port that is taken, a lock that is held."""


class ConsentNeeded(Conflict, code="consent_needed", exit_code=CONFLICT):
    """A person has to agree first: what is there would become something else."""


class NothingRecognised(DeployhostError, code="nothing_recognised", exit_code=FAILED):
    """The tree has no Dockerfile and no runtime was recognised in it."""


class LanguageNotBuilt(NothingRecognised, code="language_not_built", exit_code=FAILED):
    """The tree has no Dockerfile and a server in a language that deployhost does not build."""


class BuildFailed(DeployhostError, code="build_failed", exit_code=FAILED):
    """The image could not be built."""


class BaseImageUnavailable(DeployhostError, code="base_image_unavailable", exit_code=FAILED):
    """An image that a Dockerfile starts from (FROM, # syntax) is not available."""


class TreeTooLarge(DeployhostError, code="tree_too_large", exit_code=FAILED):
    """A commit has too many files, or too large ones, to be written to a disk."""


class SourceRefused(DeployhostError, code="source_refused", exit_code=FAILED):
    """A Dockerfile names an image or an address that its app may not take from."""


class DiskFull(DeployhostError, code="disk_full", exit_code=FAILED):
    """A disk has too little space to begin a build, or to go on with it."""


class BootFailed(DeployhostError, code="boot_failed", exit_code=FAILED):
    """The new container ended, did not listen on a port that can be reached, or did not become healthy."""


class ReleaseFailed(DeployhostError, code="release_failed", exit_code=FAILED):
    """A live release failed in its first minute."""


class SwitchFailed(DeployhostError, code="switch_failed", exit_code=FAILED):
    """kamal-proxy did not accept the new release."""


class ProxyUnavailable(SwitchFailed, code="proxy_unavailable", exit_code=UNAVAILABLE):
    """kamal-proxy does not run, or ended before it answered: it refused nothing."""


class FetchFailed(DeployhostError, code="fetch_failed", exit_code=FAILED):
    """A commit could not be fetched from GitHub."""


class DeployFailed(DeployhostError, code="deploy_failed", exit_code=FAILED):
    """A deploy failed for a reason without a code of its own."""


class SetupFailed(DeployhostError, code="setup_failed", exit_code=FAILED):
    """A step of set-up or removal failed."""


class TunnelNotConnected(SetupFailed, code="tunnel_not_connected", exit_code=FAILED):
    """cloudflared was started and did not connect to Cloudflare in time. It keeps trying."""


class DaemonUnavailable(DeployhostError, code="daemon_unavailable", exit_code=UNAVAILABLE):
    """deployhostd does not answer on its control socket."""


class DockerUnavailable(DeployhostError, code="docker_unavailable", exit_code=UNAVAILABLE):
    """The Docker engine does not answer, or refused a call."""


class DockerRefused(DockerUnavailable, code="docker_refused", exit_code=UNAVAILABLE):
    """The Docker engine answered and refused a call. Otherwise it is unknown whether it did what it was asked."""


class ConnectionRefused(DeployhostError, code="connection_refused", exit_code=UNAVAILABLE):
    """An account that this server is joined to refuses its token, or the token lacks a right."""


class AccessRefused(DeployhostError, code="access_refused", exit_code=UNAVAILABLE):
    """GitHub refuses what this server is there: the App is suspended, uninstalled or deleted, or lacks a right."""


class GitHubAppDeleted(AccessRefused, code="github_app_deleted", exit_code=UNAVAILABLE):
    """GitHub no longer knows the App that this server is there, or its key."""


class ProviderRefused(DeployhostError, code="provider_refused", exit_code=UNAVAILABLE):
    """A provider (Cloudflare, GitHub) answered and refused a request for another reason than the token."""


class ProviderUnavailable(DeployhostError, code="provider_unavailable", exit_code=UNAVAILABLE):
    """A provider did not answer, or asks for patience. It is unknown whether it did what it was asked.

    `retry_after` is for how many seconds it wants no further call; 0 if it does not say so.
    """

    def __init__(
        self, message: str, *, hint: str = "", details: tuple[str, ...] = (), retry_after: float = 0.0, **more: str
    ) -> None:
        super().__init__(message, hint=hint, details=details, **more)
        self.retry_after = retry_after


class NotConnected(DeployhostError, code="not_connected", exit_code=UNAVAILABLE):
    """This server is not connected to the account that is needed."""


class KamalUnavailable(DeployhostError, code="kamal_unavailable", exit_code=UNAVAILABLE):
    """Kamal's CLI, or what it needs on this server, is missing or does not answer."""


class CommandMissing(DeployhostError, code="command_missing", exit_code=UNAVAILABLE):
    """A program that is needed is not installed."""


class CommandFailed(DeployhostError, code="command_failed", exit_code=FAILED):
    """A program ended with an exit code other than 0."""

    def __init__(self, message: str, *, status: int, hint: str = "", details: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.status = status


class CommandTimedOut(DeployhostError, code="command_timed_out", exit_code=FAILED):
    """A program did not end in time and was stopped."""


class CommandStopped(DeployhostError, code="command_stopped", exit_code=FAILED):
    """A program was stopped because a person cancelled its work."""


class DeployCancelled(DeployhostError, code="deploy_cancelled", exit_code=FAILED):
    """A person cancelled a deploy before it was live."""


class WaitTimedOut(DeployhostError, code="wait_timed_out", exit_code=TIMED_OUT):
    """A wait timed out. What was waited for may still come."""


class DownloadFailed(DeployhostError, code="download_failed", exit_code=UNAVAILABLE):
    """A download from a package registry failed, or is not what the registry says it is."""


class ClockOff(DeployhostError, code="clock_off", exit_code=UNAVAILABLE):
    """This server's clock differs so much from a provider's that it refuses what we sign, or we its certificate."""


class FileProblem(DeployhostError, code="file_problem", exit_code=FAILED):
    """A file or directory can't be read or written (rights, a full disk)."""


class Interrupted(DeployhostError, code="interrupted", exit_code=INTERRUPTED):
    """The person pressed Ctrl-C. The work continues where the message says so."""


class InternalError(DeployhostError, code="internal", exit_code=INTERNAL):
    """A defect of deployhost. The message names the log that has the traceback."""

    @classmethod
    def of(cls, error: Exception, *, hint: str = "") -> "InternalError":
        """Return the defect that an exception shows. Its text is cut: somebody's input may be part of it."""
        said = repr(error)
        return cls(f"a defect of deployhost: {said if len(said) <= LONGEST else said[: LONGEST - 1] + '…'}", hint=hint)


class RemoteError(DeployhostError, code="internal", exit_code=INTERNAL):
    """An error that the daemon sent over the control socket, with its code, hint and exit code."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__(
            str(body.get("message", "")),
            hint=str(body.get("hint", "")),
            details=tuple(map(str, body.get("details", ()))),
            process=str(body.get("process", "")),
            settings=str(body.get("settings", "")),
        )
        # Instance attributes shadow the class's: the daemon's code and exit code are what the person's program acts on.
        self.__dict__["code"] = str(body.get("code", "internal"))
        self.__dict__["exit_code"] = int(body.get("exit_code", INTERNAL))
