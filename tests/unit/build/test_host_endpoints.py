"""Where a host's own settings send builds."""

from pathlib import Path

from deployhost.build.host_endpoints import endpoints
from deployhost.build.host_files import host_endpoints


def test_proxies_registries_and_mirrors() -> None:
    environ = {"HTTP_PROXY": "172.17.0.1:3128", "https_proxy": "http://me:pw@proxy.lan", "NO_PROXY": "http://no.lan:1"}
    texts = (
        "[global]\nindex-url = https://u:p@pypi.lan:8443/simple\ntrusted-host = pypi.lan\n",
        "registry=http://npm.lan/\n//npm.lan:4873/:_authToken=x\n@org:registry=https://[fd00::1]:4873/\n",
        "deb [signed-by=/k] http://apt.lan:3142/debian trixie main\n",
        "broken = http://host:port/\n",
    )
    assert endpoints(environ, texts) == (
        ("172.17.0.1", 3128),
        ("proxy.lan", 80),
        ("pypi.lan", 8443),
        ("npm.lan", 80),
        ("fd00::1", 4873),
        ("npm.lan", 4873),
        ("apt.lan", 3142),
    )
    assert endpoints({}, ()) == ()


def test_they_are_read_where_builds_get_them_from(tmp_path: Path) -> None:
    (tmp_path / ".npmrc").write_text("registry=http://10.1.2.3:4873/\n")
    (tmp_path / "apt/sources.list.d").mkdir(parents=True)
    (tmp_path / "apt/sources.list.d/debian.sources").write_text("URIs: http://10.1.2.3:3142/debian\n")
    found = host_endpoints({"PIP_INDEX_URL": "http://10.1.2.3:3141/simple"}, tmp_path, tmp_path / "apt")
    assert {("10.1.2.3", 3141), ("10.1.2.3", 4873), ("10.1.2.3", 3142)} <= set(found)
