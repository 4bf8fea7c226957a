"""What of the host's pip, npm and proxy settings a build gets."""

from pathlib import Path

import pytest

from deployhost.build.host_files import host_ca_bundle, host_npmrc, host_pip_conf
from deployhost.build.host_settings import NPM_REGISTRY, npm_registry, npmrc, pip_conf, proxy_variables


def test_pip_keeps_indexes_and_leaves_out_what_is_the_hosts_own() -> None:
    weak = "[global]\nindex-url = https://one.example/simple\ncert = /etc/ssl/x.pem\ncache-dir = /var/cache\n"
    strong = "[install]\nindex_url = https://two.example/simple\nextra-index-url =\n  https://a.example\n  https://b.example\n"
    assert pip_conf([weak, strong], {"PIP_CERT": "/x", "PIP_TIMEOUT": "99"}, credentials=True) == (
        "[global]\nindex-url = https://two.example/simple\n"
        "extra-index-url = https://a.example\n    https://b.example\ntimeout = 99\n"
    )


def test_pip_find_links_are_kept_where_they_are_addresses() -> None:
    assert (
        pip_conf([], {"PIP_FIND_LINKS": "/opt/wheels https://w.example/x"}, credentials=True)
        == "[global]\nfind-links = https://w.example/x\n"
    )
    assert pip_conf([], {"PIP_FIND_LINKS": "/opt/wheels"}, credentials=True) == ""


def test_the_environment_is_stronger_than_files_and_a_spoilt_file_is_passed_over() -> None:
    text = pip_conf(
        ["[global\nnonsense", "[global]\nindex-url = https://file.example\n"],
        {"PIP_INDEX_URL": "https://env.example"},
        credentials=True,
    )
    assert text == "[global]\nindex-url = https://env.example\n"


def test_npm_keeps_registries_and_tokens() -> None:
    text = """; a comment
registry = https://npm.example/
@acme:registry=https://acme.example/
//acme.example/:_authToken=${TOKEN}
//other.example/:_authToken=${UNSET}
cafile=/etc/ssl/x.pem
nodedir=/usr
strict-ssl=false
"""
    assert npmrc([text], {"TOKEN": "t0p"}, credentials=True) == (
        "registry=https://npm.example/\n@acme:registry=https://acme.example/\n//acme.example/:_authToken=t0p\nstrict-ssl=false\n"
    )


def test_without_credentials_npm_keeps_registries_only() -> None:
    text = """registry=https://user:t0p@t0p@npm.example/
@acme:registry=https://t0p@acme.example/
//acme.example/:_authToken=t0p
//acme.example/:_password=t0p
//acme.example/:username=t0p
https-proxy=http://proxy.example:3128
"""
    assert npmrc([text], {"NPM_CONFIG_NOPROXY": "localhost"}, credentials=False) == (
        "registry=https://npm.example/\n@acme:registry=https://acme.example/\nhttps-proxy=http://proxy.example:3128\nnoproxy=localhost\n"
    )


@pytest.mark.parametrize("where", ["file", "environment"])
def test_without_credentials_pip_keeps_addresses_only(where: str) -> None:
    urls = "https://user:t0p@a.example/simple https://ada@acme.example:t0p@t0p#t0p?t0p@d.example/ https://b.example/simple http://t0p@c.example/"
    text = (
        f"[global]\nindex-url = https://user:t0p@pypi.example/simple\nextra-index-url = {urls}\nfind-links = {urls}\n"
    )
    environ = {"PIP_EXTRA_INDEX_URL": urls, "PIP_INDEX_URL": "https://t0p@pypi.example/simple", "PIP_FIND_LINKS": urls}
    made = pip_conf([text], {}, credentials=False) if where == "file" else pip_conf([], environ, credentials=False)
    assert "t0p" not in made
    assert "index-url = https://pypi.example/simple\n" in made
    assert "https://a.example/simple" in made


def test_npm_environment_in_either_case() -> None:
    assert npmrc([], {"NPM_CONFIG_REGISTRY": "https://a.example"}, credentials=True) == "registry=https://a.example\n"
    assert (
        npmrc(["registry=https://b.example"], {"npm_config_registry": "https://a.example"}, credentials=True)
        == "registry=https://a.example\n"
    )


def test_the_registry_of_plain_packages() -> None:
    assert npm_registry("") == NPM_REGISTRY
    assert npm_registry('@acme:registry=https://x\nregistry="https://a.example"\n') == "https://a.example/"


def test_only_proxies_that_are_set() -> None:
    assert proxy_variables({"HTTP_PROXY": "http://p", "no_proxy": "localhost", "https_proxy": ""}) == [
        "HTTP_PROXY",
        "no_proxy",
    ]


def test_files_are_read_where_the_tools_keep_them(tmp_path: Path) -> None:
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text("[global]\nindex-url = https://home.example\n")
    (tmp_path / ".npmrc").write_text("registry=https://npm.home.example\n")
    (tmp_path / "ca.pem").write_text("x")
    assert "index-url = https://home.example\n" in host_pip_conf({}, tmp_path, credentials=True)
    assert "registry=https://npm.home.example\n" in host_npmrc({}, tmp_path, credentials=True)
    assert host_ca_bundle({"SSL_CERT_FILE": str(tmp_path / "ca.pem")}) == tmp_path / "ca.pem"
