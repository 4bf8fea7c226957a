"""What the daemon loads: libraries that only a connected account needs wait until there is one."""

import subprocess
import sys
from pathlib import Path

import deployhost

WAITING = {
    "httpx",
    "httpcore",
    "anyio",
    "cryptography",
    "cloudflare",
    "pydantic",
    "uvicorn",
    "httptools",
    "asyncio",
    "typer",
}


def test_an_idle_daemon_is_light(tmp_path: Path) -> None:
    """All of its parts are made, and none of them was asked for anything yet."""
    code = (
        f"import sys; sys.path.append({str(Path(deployhost.__file__).parents[1])!r})\n"
        "import deployhost.daemon.main\nfrom pathlib import Path\nfrom deployhost.daemon.parts import Parts\n"
        "from deployhost.paths import Paths\n"
        f"paths = Paths(Path({str(tmp_path)!r})); paths.state.mkdir(parents=True)\n"
        "parts = Parts(paths); parts.make_all(); parts.github_accounts.all()\n"
        "print(' '.join(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert "requests" in loaded
    assert loaded & WAITING == set()
