"""An app's bare repository: its settings, and the hook that turns a push into a deploy."""

import sys
from pathlib import Path

import deployhost
from deployhost.model import AppName, Branch
from deployhost.paths import Paths
from deployhost.system.files import problem, read, write_atomically
from deployhost.system.git import BareRepository
from deployhost.system.git_fetch import LARGEST

FIRST_BRANCH = Branch("main")

SETTINGS = {
    # Every ref goes through the hook, which moves or refuses the deployed branch and lets git handle the rest (githooks(5)).
    "receive.procReceiveRefs": "refs",
    "receive.denyDeletes": "false",
    "receive.denyNonFastForwards": "false",
    "gc.auto": "500",
    # The most that one push may send, as for what is fetched from GitHub: git stops reading there (git-config(1)).
    "receive.maxInputSize": f"{LARGEST // 1024**2}m",
    "core.useReplaceRefs": "false",  # also for the git that serves a push
}


def make(repository: BareRepository, app: AppName, branch: Branch | None, paths: Paths) -> None:
    """Make the repository of an app where there is none; what is there of it stays."""
    repository.create(branch or FIRST_BRANCH, SETTINGS)
    _write_hook(repository, app, paths)


def mend(repository: BareRepository, app: AppName, paths: Paths) -> None:
    """Give a repository our settings and our hook, whatever was there before; one that was deleted stays deleted."""
    repository.configure(SETTINGS)
    _write_hook(repository, app, paths)


def hook_text(app: AppName, paths: Paths) -> str:
    """Return an app's proc-receive hook: this very Python without site-packages, so that it starts in milliseconds."""
    package = Path(deployhost.__file__).resolve().parent.parent
    return (
        f"#!{sys.executable} -IS\n"
        "# Written by deployhost: hands a push to deployhostd and shows its deploy.\n"
        "import sys\n"
        f"sys.path.append({str(package)!r})\n"
        "from deployhost.control.hook import main\n"
        f"sys.exit(main({str(app)!r}, {str(paths.control_socket)!r}))\n"
    )


def _write_hook(repository: BareRepository, app: AppName, paths: Paths) -> None:
    hook, text = repository.path / "hooks" / "proc-receive", hook_text(app, paths).encode()
    if read(hook) != text:
        try:
            hook.parent.mkdir(exist_ok=True)  # without its parents
        except OSError as error:
            raise problem("make", hook.parent, error) from error
        write_atomically(hook, text, 0o755)
