"""What boot loads into a real packet filter, in a network namespace of its own, by the program that the unit starts."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deployhost.system.early_rules import as_text
from deployhost.system.firewall import Family
from deployhost.traffic.host_plan import APPS, REFUSE, HostWanted, early

LOAD = f"{sys.executable} -I -m deployhost.system.early_rules"

pytestmark = pytest.mark.skipif(shutil.which("iptables-restore") is None, reason="there is no packet filter")


def test_a_real_packet_filter_takes_them_as_the_daemon_would_write_them(tmp_path: Path) -> None:
    file = tmp_path / "early-rules.json"
    wanted = {family: HostWanted("br-0123456789ab", v6=family is Family.IPV6, opened=(5432,)) for family in Family}
    rules = {family: early(one, "DOCKER-USER") for family, one in wanted.items()}
    file.write_text(as_text(APPS, rules))
    script = f"{LOAD} {file} && {LOAD} {file} && iptables -S && ip6tables -S"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert said.count(f"-A INPUT -i br-0123456789ab -j {APPS}") == 2, "once for each family"
    assert said.count(f"-A {REFUSE} -j DROP") == 2
    assert f"-A DOCKER-USER -d 169.254.0.0/16 -i br-0123456789ab ! -o br-0123456789ab -j {APPS}" in said
