"""Every error a person may see: a stable code, what happened, the one command that mends it, and an exit code.

The exit codes are part of the CLI's contract: 1 the work was done and failed (a deploy, a build), 2 the request itself
is wrong, 3 something named does not exist, 4 it clashes with what is there, 5 a part that is needed is missing or down,
70 a defect of deployhost's own (sysexits.h, EX_SOFTWARE), 124 what was waited for did not come in time (as timeout(1) has it).
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
    """Given a message, an optional `hint` (one command that mends it) and `details` (lines of context), carry them to the person.

    `code` is a stable snake_case word for programs; subclasses set it and `exit_code`.
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
    """apps.yml or server.yml says something that can't be."""

    code, exit_code = "invalid_config", INVALID


class InvalidRequest(DeployhostError):
    """What was asked for makes no sense as asked."""

    code, exit_code = "invalid_request", INVALID


class AppNotFound(DeployhostError):
    """No app of that name."""

    code, exit_code = "app_not_found", NOT_FOUND


class NotFound(DeployhostError):
    """A file, deploy, release or variable that was named does not exist."""

    code, exit_code = "not_found", NOT_FOUND


class Conflict(DeployhostError):
    """What was asked for clashes with what is there: a name, domain or port that is taken, a lock that is held."""

    code, exit_code = "conflict", CONFLICT


class NothingRecognised(DeployhostError):
    """No runtime was recognised in the tree, and it has no Dockerfile."""

    code, exit_code = "nothing_recognised", FAILED


class LanguageNotBuilt(NothingRecognised):
    """The tree holds a server in a language that is not built here, and has no Dockerfile."""

    code = "language_not_built"


class BuildFailed(DeployhostError):
    """The image could not be built."""

    code, exit_code = "build_failed", FAILED


class BaseImageUnavailable(DeployhostError):
    """An image that a Dockerfile starts from (FROM, # syntax) can't be had."""

    code, exit_code = "base_image_unavailable", FAILED


class DiskFull(DeployhostError):
    """There is too little room on a disk to begin a build."""

    code, exit_code = "disk_full", FAILED


class BootFailed(DeployhostError):
    """The new container ended, listened nowhere useful, or did not become healthy."""

    code, exit_code = "boot_failed", FAILED


class ReleaseFailed(DeployhostError):
    """A release that had gone live did not live through its first minute."""

    code, exit_code = "release_failed", FAILED


class SwitchFailed(DeployhostError):
    """kamal-proxy did not take the new release."""

    code, exit_code = "switch_failed", FAILED


class ProxyUnavailable(SwitchFailed):
    """kamal-proxy does not run just now, or ended while it was asked: nothing was refused."""

    code, exit_code = "proxy_unavailable", UNAVAILABLE


class DeployFailed(DeployhostError):
    """A deploy failed for a reason that has no code of its own."""

    code, exit_code = "deploy_failed", FAILED


class SetupFailed(DeployhostError):
    """A step of set-up or removal could not be done."""

    code, exit_code = "setup_failed", FAILED


class DaemonUnavailable(DeployhostError):
    """deployhostd does not answer on its control socket."""

    code, exit_code = "daemon_unavailable", UNAVAILABLE


class DockerUnavailable(DeployhostError):
    """The Docker engine does not answer, or refused a call."""

    code, exit_code = "docker_unavailable", UNAVAILABLE


class DockerRefused(DockerUnavailable):
    """The Docker engine answers, and refused a call. Without that, whether it did what it was asked is not known."""

    code, exit_code = "docker_refused", UNAVAILABLE


class KamalUnavailable(DeployhostError):
    """Kamal's CLI, or what it needs on this server, is not there or does not answer."""

    code, exit_code = "kamal_unavailable", UNAVAILABLE


class CommandMissing(DeployhostError):
    """A program that is needed is not installed."""

    code, exit_code = "command_missing", UNAVAILABLE


class CommandFailed(DeployhostError):
    """A program that was started ended with another code than 0."""

    code, exit_code = "command_failed", FAILED

    def __init__(self, message: str, *, status: int, hint: str = "", details: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint, details=details)
        self.status = status


class CommandTimedOut(DeployhostError):
    """A program that was started did not end within its time and was stopped."""

    code, exit_code = "command_timed_out", FAILED


class CommandStopped(DeployhostError):
    """A program that was started was stopped before its end, because somebody wanted that."""

    code, exit_code = "command_stopped", FAILED


class DeployCancelled(DeployhostError):
    """A deploy was ended before it was live, because a person wanted that."""

    code, exit_code = "deploy_cancelled", FAILED


class WaitTimedOut(DeployhostError):
    """What was waited for did not come within the time that was given; it may still."""

    code, exit_code = "wait_timed_out", TIMED_OUT


class DownloadFailed(DeployhostError):
    """Something could not be fetched from a package registry, or is not what the registry says it is."""

    code, exit_code = "download_failed", UNAVAILABLE


class FileProblem(DeployhostError):
    """A file or directory can't be read or written (rights, a full disk)."""

    code, exit_code = "file_problem", FAILED


class Interrupted(DeployhostError):
    """The person pressed Ctrl-C; what was asked for goes on where the message says so."""

    code, exit_code = "interrupted", INTERRUPTED


class InternalError(DeployhostError):
    """A defect of deployhost's own; the message names the log that has the traceback."""

    code, exit_code = "internal", INTERNAL


class RemoteError(DeployhostError):
    """An error that the daemon sent over the control socket: code, hint and exit code are those of the original."""

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
