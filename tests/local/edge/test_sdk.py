"""The SDK that tests have is one that passes the trial, and one without a call of ours does not."""

from pathlib import Path

import pytest

from deployhost.edge import sdk
from deployhost.errors import CommandFailed
from deployhost.system.process import run


def test_the_trial() -> None:
    run(sdk.python(None, "trial"), timeout=60)


def test_a_trial_that_fails(tmp_path: Path) -> None:
    (tmp_path / "cloudflare.py").write_text("class Cloudflare: pass\n")
    code = sdk.python(None, "trial")[-1]
    argv = [*sdk.python(None, "trial")[:-1], code.replace("sys.path += [", f"sys.path[:0] = [{str(tmp_path)!r}, ")]
    with pytest.raises(CommandFailed):
        run(argv, timeout=60)
