"""A start of a Python web process, and the commands of the servers that run one."""

import shlex
from dataclasses import dataclass

from deployhost.build.detect.candidate import Reason, Start, Strength
from deployhost.build.detect.commands import shell_start
from deployhost.build.detect.python.dependencies import Dependencies
from deployhost.build.detect.python.find import Serve

# The connection from the proxy is kept for 90 s by it; a server that closes earlier loses the request that is on its way.
_KEEP = "120"
# Whose X-Forwarded-… headers count (containers/spec.py): kamal-proxy's network, and for servers that take single addresses
# only, those that it has there now. A visitor sends such headers too, and what he sends stands before what the proxy adds.
_NETWORK, _ADDRESSES = '"${DEPLOYHOST_PROXY_NETWORK:-127.0.0.1}"', '"${DEPLOYHOST_PROXY_ADDRESSES:-127.0.0.1}"'
UVICORN_NETWORKS = "0.31"  # the first uvicorn that takes networks (its release notes)
GUNICORN_NETWORKS = "24.1"
GUNICORN_FORWARDER = "22.0"  # the first gunicorn with --forwarder-headers


@dataclass(frozen=True)
class Launch:
    """A start with what it rests on: the server that it needs installed, and the framework that the code imports."""

    start: Start
    strength: Strength
    reason: Reason
    server: str = ""
    package: str = ""
    source_root: str = ""
    claims_procfile: bool = False
    seen: bool = True  # as in Candidate
    django: str = ""
    warnings: tuple[str, ...] = ()


def uvicorn(target: str, dependencies: Dependencies, *, factory: bool = False) -> Start:
    """Return the start of `module:name` under uvicorn, which takes a visitor's address and scheme from whom it trusts."""
    trusted = _NETWORK if dependencies.reaches("uvicorn", UVICORN_NETWORKS) else _ADDRESSES
    options = f"--proxy-headers --forwarded-allow-ips {trusted} --timeout-keep-alive {_KEEP}"
    return shell_start(
        f"exec uvicorn {'--factory ' if factory else ''}{target} --host 0.0.0.0 --port ${{PORT:-8080}} {options}"
    )


def gunicorn(target: str, dependencies: Dependencies) -> Start:
    """Return the start of `module:name` under gunicorn, which binds 0.0.0.0:$PORT by itself.

    It takes the scheme alone from whom it trusts; an old one, from everybody. (Its REMOTE_ADDR is always the proxy's.)
    """
    trusted = _NETWORK if dependencies.reaches("gunicorn", GUNICORN_NETWORKS) else "'*'"
    forwarded = f"--forwarded-allow-ips {trusted}"
    if dependencies.reaches("gunicorn", GUNICORN_FORWARDER):
        forwarded += (
            " --forwarder-headers ''"  # else SCRIPT_NAME and PATH_INFO count, which the proxy passes on from visitors
        )
    # Threads: one slow request must not stop the others. The heartbeat belongs in memory, not on a disk that may be slow.
    beat = "/dev/shm"  # noqa: S108 (gunicorn makes its file there by mkstemp)
    options = f"--threads 8 --keep-alive {_KEEP} --access-logfile - --worker-tmp-dir {beat}"
    return shell_start(f"exec gunicorn {options} {forwarded} {shlex.quote(target)}")


def script(path: str, serve: Serve) -> Start:
    """Return the start of a file that serves when it is run."""
    quoted = shlex.quote(path)
    if serve is Serve.STREAMLIT:
        options = "--server.port ${PORT:-8080} --server.address 0.0.0.0 --server.headless true"
        return shell_start(f"exec streamlit run {quoted} {options}")
    if serve is Serve.GRADIO:
        return shell_start(f"exec env GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=${{PORT:-8080}} python {quoted}")
    return Start(("python", path))
