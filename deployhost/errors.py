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

    `code` is a stable snake_case word for programs; subclasses set it and `exit_code`. `process` is the process of the app
    that failed, `settings` what apps.yml says that may be the cause.
    """

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = INTERNAL

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


class InvalidName(DeployhostError):
    """A name (app, branch, domain, version, variable) breaks its rule."""

    code, exit_code = "invalid_name", INVALID


class InvalidConfig(DeployhostError):
    """apps.yml or server.yml has a mistake."""

    code, exit_code = "invalid_config", INVALID


class InvalidRequest(DeployhostError):
    """The request is wrong or not supported."""

    code, exit_code = "invalid_request", INVALID


class AppNotFound(DeployhostError):
    """There is no app of that name."""

    code, exit_code = "app_not_found", NOT_FOUND


class NotFound(DeployhostError):
    """A file, deploy, release or variable does not exist."""

    code, exit_code = "not_found", NOT_FOUND


class Conflict(DeployhostError):
    """The request conflicts with what is there: a name, domain or port that is taken, a lock that is held."""

    code, exit_code = "conflict", CONFLICT


class NothingRecognised(DeployhostError):
    """The tree has no Dockerfile and no runtime was recognised in it."""

    code, exit_code = "nothing_recognised", FAILED


class LanguageNotBuilt(NothingRecognised):
    """The tree has no Dockerfile and a server in a language that deployhost does not build."""

    code = "language_not_built"


class BuildFailed(DeployhostError):
    """The image could not be built."""

    code, exit_code = "build_failed", FAILED


class BaseImageUnavailable(DeployhostError):
    """An image that a Dockerfile starts from (FROM, # syntax) is not available."""

    code, exit_code = "base_image_unavailable", FAILED


class DiskFull(DeployhostError):
    """A disk has too little space to begin a build."""

    code, exit_code = "disk_full", FAILED


class BootFailed(DeployhostError):
    """The new container ended, did not listen on a port that can be reached, or did not become healthy."""

    code, exit_code = "boot_failed", FAILED


class ReleaseFailed(DeployhostError):
    """A live release failed in its first minute."""

    code, exit_code = "release_failed", FAILED


class SwitchFailed(DeployhostError):
    """kamal-proxy did not accept the new release."""

    code, exit_code = "switch_failed", FAILED


class ProxyUnavailable(SwitchFailed):
    """kamal-proxy does not run, or ended before it answered: it refused nothing."""

    code, exit_code = "proxy_unavailable", UNAVAILABLE


class DeployFailed(DeployhostError):
    """A deploy failed for a reason without a code of its own."""

    code, exit_code = "deploy_failed", FAILED


class SetupFailed(DeployhostError):
    """A step of set-up or removal failed."""

    code, exit_code = "setup_failed", FAILED


class DaemonUnavailable(DeployhostError):
    """deployhostd does not answer on its control socket."""

    code, exit_code = "daemon_unavailable", UNAVAILABLE


class DockerUnavailable(DeployhostError):
    """The Docker engine does not answer, or refused a call."""

    code, exit_code = "docker_unavailable", UNAVAILABLE


class DockerRefused(DockerUnavailable):
    """The Docker engine answered and refused a call. Otherwise it is unknown whether it did what it was asked."""

    code, exit_code = "docker_refused", UNAVAILABLE


class KamalUnavailable(DeployhostError):
    """Kamal's CLI, or what it needs on this server, is missing or does not answer."""

    code, exit_code = "kamal_unavailable", UNAVAILABLE


class CommandMissing(DeployhostError):
    """A program that is needed is not installed."""

    code, exit_code = "command_missing", UNAVAILABLE


class CommandFailed(DeployhostError):
    """A program ended with an exit code other than 0."""

    code, exit_code = "command_failed", FAILED

    def __init__(self, message: str, *, status: int, hint: str = "", details: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.status = status


class CommandTimedOut(DeployhostError):
    """A program did not end in time and was stopped."""

    code, exit_code = "command_timed_out", FAILED


class CommandStopped(DeployhostError):
    """A program was stopped because a person cancelled its work."""

    code, exit_code = "command_stopped", FAILED


class DeployCancelled(DeployhostError):
    """A person cancelled a deploy before it was live."""

    code, exit_code = "deploy_cancelled", FAILED


class WaitTimedOut(DeployhostError):
    """A wait timed out. What was waited for may still come."""

    code, exit_code = "wait_timed_out", TIMED_OUT


class DownloadFailed(DeployhostError):
    """A download from a package registry failed, or is not what the registry says it is."""

    code, exit_code = "download_failed", UNAVAILABLE


class FileProblem(DeployhostError):
    """A file or directory can't be read or written (rights, a full disk)."""

    code, exit_code = "file_problem", FAILED


class Interrupted(DeployhostError):
    """The person pressed Ctrl-C. The work continues where the message says so."""

    code, exit_code = "interrupted", INTERRUPTED


class InternalError(DeployhostError):
    """A defect of deployhost. The message names the log that has the traceback."""

    code, exit_code = "internal", INTERNAL


class RemoteError(DeployhostError):
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
