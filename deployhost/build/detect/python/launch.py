"""A start of a Python web process, and the commands of the servers that run one."""

import shlex
from dataclasses import dataclass

from deployhost.build.detect.candidate import Reason, Start, Strength
from deployhost.build.detect.commands import shell_start
from deployhost.build.detect.python.find import Serve

# The connection from the proxy is kept for 90 s by it; a server that closes earlier loses the request that is on its way.
_KEEP = "120"
_UVICORN = (
    f"--host 0.0.0.0 --port ${{PORT:-8080}} --proxy-headers --forwarded-allow-ips '*' --timeout-keep-alive {_KEEP}"
)


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


def uvicorn(target: str, *, factory: bool = False) -> Start:
    """Return the start of `module:name` under uvicorn."""
    return shell_start(f"exec uvicorn {'--factory ' if factory else ''}{target} {_UVICORN}")


def gunicorn(target: str) -> Start:
    """Return the start of `module:name` under gunicorn, which binds 0.0.0.0:$PORT by itself."""
    # Threads: one slow request must not stop the others. The heartbeat belongs in memory, not on a disk that may be slow.
    beat = "/dev/shm"  # noqa: S108 (gunicorn makes its file there by mkstemp)
    options = ("--threads", "8", "--keep-alive", _KEEP, "--access-logfile", "-", "--worker-tmp-dir", beat)
    return Start(("gunicorn", *options, target))


def script(path: str, serve: Serve) -> Start:
    """Return the start of a file that serves when it is run."""
    quoted = shlex.quote(path)
    if serve is Serve.STREAMLIT:
        options = "--server.port ${PORT:-8080} --server.address 0.0.0.0 --server.headless true"
        return shell_start(f"exec streamlit run {quoted} {options}")
    if serve is Serve.GRADIO:
        return shell_start(f"exec env GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=${{PORT:-8080}} python {quoted}")
    return Start(("python", path))
