"""The hook's start: what it loads in a fresh interpreter."""

import subprocess
import sys
from pathlib import Path

import deployhost

ROOT = Path(deployhost.__file__).resolve().parent


def test_hook_starts_without_site_packages() -> None:
    """What it really loads, too: nothing that costs milliseconds, nothing that is not there without site-packages."""
    script = (
        f"import sys; sys.path.append({str(ROOT.parent)!r}); before = set(sys.modules);"
        "import deployhost.control.hook; print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-IS", "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {
        "typing_extensions",
        "asyncio",
        "subprocess",
        "logging",
        "ssl",
        "http",
        "urllib",
        "email",
        "inspect",
    }
    assert not [one for one in loaded if one.split(".")[0] not in {*sys.stdlib_module_names, "deployhost"}]
