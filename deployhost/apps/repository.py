"""An app's bare repository: its settings, and the hook that turns a push into a deploy."""

import sys
from pathlib import Path

import deployhost
from deployhost.model import AppName, Branch
from deployhost.paths import Paths
from deployhost.system.files import make_directory, read, write_atomically
from deployhost.system.git import BareRepository

FIRST_BRANCH = Branch("main")

SETTINGS = {
    # Every ref goes through the hook, which moves or refuses the deployed branch and lets git handle the rest (githooks(5)).
    "receive.procReceiveRefs": "refs",
    "receive.denyDeletes": "false",
    "receive.denyNonFastForwards": "false",
    "gc.auto": "500",
}


def ensure_repository(paths: Paths, app: AppName, branch: Branch | None) -> BareRepository:
    """Given an app, have its bare repository there with our hook, whatever was there before, and return it."""
    make_directory(paths.repos, 0o700)
    repository = BareRepository(paths.repo(app))
    repository.create(branch or FIRST_BRANCH, SETTINGS)
    hooks = repository.path / "hooks"
    hooks.mkdir(exist_ok=True)
    hook = hook_text(app, paths)
    if read(hooks / "proc-receive") != hook.encode():
        write_atomically(hooks / "proc-receive", hook.encode(), 0o755)
    return repository


def hook_text(app: AppName, paths: Paths) -> str:
    """Given an app, return its proc-receive hook: this very Python without site-packages, so that it starts in milliseconds."""
    package = Path(deployhost.__file__).resolve().parent.parent
    return (
        f"#!{sys.executable} -IS\n"
        "# Written by deployhost: hands a push to deployhostd and shows its deploy.\n"
        "import sys\n"
        f"sys.path.append({str(package)!r})\n"
        "from deployhost.control.hook import main\n"
        f"sys.exit(main({str(app)!r}, {str(paths.control_socket)!r}))\n"
    )
