"""What of a repository is left out of its image."""

from tests.unit.build.detect.cases import FLASK, planned


def test_tracked_secrets_are_left_out_and_said() -> None:
    plan = planned(
        {
            "index.html": "",
            ".env": "A=1",
            "certs/site.key": "",
            "certs/ca.pem": "",
            ".npmrc": "//registry.npmjs.org/:_authToken=abc",
        }
    )
    said = next(one for one in plan.warnings if "left out" in one)
    assert all(name in said for name in (".env", "certs/site.key", "certs/ca.pem", ".npmrc"))
    assert plan.dockerignore is not None
    assert ".npmrc" in plan.dockerignore.splitlines()


def test_the_repositorys_ignore_file_follows_ours_and_may_take_back() -> None:
    files = {
        "app.py": FLASK,
        "requirements.txt": "flask",
        "certs/ca.pem": "",
        ".dockerignore": "# c\n*.txt\n!certs/ca.pem\n",
    }
    plan = planned(files)
    lines = (plan.dockerignore or "").splitlines()
    assert lines.index("**/*.pem") < lines.index("!certs/ca.pem") < lines.index("!requirements.txt")
    assert lines[-1] == "**/.git"
    assert not any("left out" in one for one in plan.warnings)
