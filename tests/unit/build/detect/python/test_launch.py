"""The commands of the servers that run a Python app."""

import pytest

from deployhost.build.detect.python.dependencies import Dependencies
from deployhost.build.detect.python.find import Serve
from deployhost.build.detect.python.launch import gunicorn, script, uvicorn
from tests.unit.build.detect.cases import FASTAPI, FLASK, UVICORN, Case, check, planned

NOTHING = Dependencies("none")
CASES = [
    Case(
        "fastapi",
        {"main.py": FASTAPI, "requirements.txt": "fastapi\n"},
        "python",
        "exec uvicorn main:app " + UVICORN,
        holds=("uvicorn[standard]==",),
    ),
    Case(
        "asgi factory",
        {
            "main.py": "from fastapi import FastAPI\ndef create_app() -> FastAPI:\n    return FastAPI()\n",
            "requirements.txt": "fastapi",
        },
        "python",
        "exec uvicorn --factory main:create_app",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    check(case)


def test_no_server_closes_a_connection_before_the_proxy_does() -> None:
    """The proxy keeps it for 90 s: the request that is on its way would be lost."""
    assert "--timeout-keep-alive 120" in uvicorn("app:app", NOTHING).argv[-1]
    assert "--keep-alive 120" in gunicorn("app:app", NOTHING).argv[-1]


NETWORK, ADDRESSES = '"${DEPLOYHOST_PROXY_NETWORK:-127.0.0.1}"', '"${DEPLOYHOST_PROXY_ADDRESSES:-127.0.0.1}"'


@pytest.mark.parametrize(
    ("server", "files", "trusted"),
    [
        ("uvicorn", {"requirements.txt": "fastapi\n"}, NETWORK),
        ("uvicorn", {"requirements.txt": "fastapi\nuvicorn\n"}, NETWORK),
        ("uvicorn", {"requirements.txt": "fastapi\nuvicorn[standard]>=0.20\n"}, NETWORK),
        ("uvicorn", {"requirements.txt": "fastapi\nuvicorn==0.30.6\n"}, ADDRESSES),
        ("uvicorn", {"requirements.txt": "fastapi\nuvicorn<0.31\n"}, ADDRESSES),
        ("uvicorn", {"requirements.txt": "fastapi\nuvicorn~=0.30.0\n"}, ADDRESSES),
        ("uvicorn", {"requirements.txt": "fastapi\nuvicorn~=0.30\n"}, NETWORK),
        ("uvicorn", {"requirements.txt": "fastapi\nuvicorn==0.31.0\n"}, NETWORK),
        ("uvicorn", {"requirements.txt": "fastapi[standard]\n-c limits\n", "limits": "uvicorn==0.29.0\n"}, ADDRESSES),
        (
            "uvicorn",
            {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["fastapi", "uvicorn<0.30"]\n'},
            ADDRESSES,
        ),
        (
            "uvicorn",
            {
                "pyproject.toml": '[project]\nname = "x"\ndependencies = ["fastapi", "uvicorn"]\n',
                "uv.lock": '[[package]]\nname = "uvicorn"\nversion = "0.27.1"\n',
            },
            ADDRESSES,
        ),
        ("gunicorn", {"requirements.txt": "flask\n"}, f"{NETWORK} --forwarder-headers ''"),
        ("gunicorn", {"requirements.txt": "flask\ngunicorn>=25.1,<26\n"}, f"{NETWORK} --forwarder-headers ''"),
        ("gunicorn", {"requirements.txt": "flask\ngunicorn==24.0.0\n"}, "'*' --forwarder-headers ''"),
        ("gunicorn", {"requirements.txt": "flask\ngunicorn==23.0.0\n"}, "'*' --forwarder-headers ''"),
        ("gunicorn", {"requirements.txt": "flask\ngunicorn>=20,<22\n"}, "'*' app:app"),
        ("gunicorn", {"requirements.txt": "flask\ngunicorn==not-a-version\n"}, NETWORK),
    ],
)
def test_what_each_server_trusts(server: str, files: dict[str, str], trusted: str) -> None:
    """The visitor's own headers would count: none is trusted for the host, old ones by address, or for the scheme alone."""
    plan = planned({"app.py": FASTAPI if server == "uvicorn" else FLASK, **files})
    assert plan.start is not None
    (text,) = plan.start.argv[2:]
    assert text.startswith(f"exec {server} ")
    assert f"--forwarded-allow-ips {trusted}" in text
    assert ("'*'" in text) == (trusted[:3] == "'*'")


@pytest.mark.parametrize("serve", Serve)
def test_a_scripts_name_is_no_shell_text(serve: Serve) -> None:
    start = script("my app; rm.py", serve)
    assert "my app; rm.py" in start.argv or "'my app; rm.py'" in start.argv[-1]
