"""Staticfile.auth: what counts as a login, what refuses the tree, and that no hash gets into a text."""

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.build.detect.static.auth import HINT, LARGEST, BadUsers, Login, find_login
from deployhost.build.directory import DirectoryTree, load_templates
from deployhost.build.plan import BuildPlan, plan_build
from deployhost.build.tree import MemoryTree
from deployhost.errors import NothingRecognised
from tests.inputs.foreign_names import HIDDEN, LOGINS, SERVED, users_file

TEMPLATES = load_templates()
BOB = f"bob:{LOGINS['apr1']}\n"
SITE = {
    "package.json": '{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "6"}}',
    "package-lock.json": "",
}
FLASK = {"app.py": "from flask import Flask\napp = Flask(__name__)\n", "requirements.txt": "flask"}


def login(text: str) -> Login:
    return find_login(MemoryTree({"Staticfile.auth": text}))


def planned(files: dict[str, str]) -> BuildPlan:
    return plan_build(MemoryTree(files), templates=TEMPLATES, app="shop")


@pytest.mark.parametrize("kind", LOGINS)
def test_each_kind_of_hash_counts(kind: str) -> None:
    found = login(f"{kind}:{LOGINS[kind]}")
    assert (found.users, len(found.warnings)) == (1, 1 if kind in ("plain", "des") else 0)


@pytest.mark.parametrize(
    ("text", "users", "warns"),
    [
        (users_file(), len(LOGINS), 2),
        (f"# c\r\n\r\n \t\r\n{BOB}".replace("\n", "\r\n").replace("\r\r", "\r"), 1, 0),
        (BOB.strip() + ":a comment", 1, 0),
        (BOB.replace("bob", "Zoë Müller"), 1, 0),
        (BOB + BOB, 1, 1),
        (f"a:{LOGINS['bcrypt-y'].replace('$05$', '$12$')}", 1, 1),
        (f"a:{LOGINS['rounds'].replace('=1000', '=500000')}", 1, 1),
        ("".join(f"u{number}:{{PLAIN}}a\n" for number in range(50)), 50, 5),
    ],
)
def test_what_works(text: str, users: int, warns: int) -> None:
    found = login(text)
    assert (found.users, len(found.warnings)) == (users, warns)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no user"),
        ("# nobody\n\n", "names no user"),
        ("bob", "line 1 of Staticfile.auth is not `user:hash`"),
        (BOB + ":" + LOGINS["md5"], "line 2 of Staticfile.auth is not `user:hash`"),
        (" " + BOB, "line 1"),
        ("  # c:d", "line 1"),
        ("bob:", "does not hold a hash"),
        ("bob:hunter2", "plain text is refused"),
        ("bob:correct horse battery staple", "plain text is refused"),
        (BOB.strip() + " \n", "line 1"),
        (BOB[:-2], "line 1"),
        ("bob:{PLAIN}a:b", "line 1"),
        ("bob:{PLAIN}", "line 1"),
        ("bob:{SHA}aaaa", "line 1"),
        ("bob:{MD5}" + "a" * 22 + "==", "line 1"),
        ("bob:$2x$05$" + "a" * 53, "line 1"),
        ("bob:$2y$32$" + "a" * 53, "line 1"),
        ("bob:$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$" + "a" * 43, "line 1"),
        (f"a:{LOGINS['bcrypt-y'].replace('$05$', '$15$')}", "more than a second"),
        (f"a:{LOGINS['rounds'].replace('=1000', '=999999999')}", "more than a second"),
        ("\ufeff" + BOB, "not plain UTF-8"),
        ("a\ufffd:b", "not plain UTF-8"),
        ("a\x00:b", "control characters"),
        ("a\x0bb:c", "control characters"),
        ("a" * 1001, "too long"),
        (BOB * (LARGEST // len(BOB) + 1), "more than 64 KiB"),
        (BOB.replace("\n", "\r") * 2, "control characters"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(BadUsers, match=re.escape(says)):
        login(text)


@given(st.text(max_size=80))
def test_a_refusal_never_repeats_a_line(secret: str) -> None:
    text = f"bob:Hunter2Hunter2{secret}"
    try:
        said = login(text).warnings
    except BadUsers as error:
        said = (str(error),)
    assert not any("Hunter2" in one or "bob" in one for one in said)


@pytest.mark.parametrize("data", [BOB.encode("utf-16"), b"\xef\xbb\xbf" + BOB.encode(), b"\xf0\x9f\x98" + BOB.encode()])
def test_bytes_that_nginx_would_read_otherwise_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "Staticfile.auth").write_bytes(data)
    with pytest.raises(BadUsers, match="not plain UTF-8"):
        find_login(DirectoryTree(tmp_path))


@pytest.mark.parametrize(
    ("files", "source", "stage"),
    [
        ({"index.html": "", "Staticfile.auth": BOB}, "Staticfile.auth", True),
        ({"public/index.html": "", "Staticfile.auth": BOB}, "Staticfile.auth", False),
        ({"public/index.html": "", "public/Staticfile.auth": BOB}, "public/Staticfile.auth", True),
        ({"web/index.html": "", "web/Staticfile.auth": BOB, "Staticfile": "root: web\n"}, "web/Staticfile.auth", True),
        ({"index.html": "", "Staticfile.auth": BOB, "Staticfile": ""}, "Staticfile.auth", True),
        ({**SITE, "Staticfile.auth": BOB}, "Staticfile.auth", False),
        ({**SITE, "public/Staticfile.auth": BOB}, "public/Staticfile.auth", False),
        ({**SITE, "index.html": "", "Staticfile.auth": BOB}, "Staticfile.auth", False),
    ],
)
def test_a_site_asks_for_its_password(files: dict[str, str], source: str, stage: bool) -> None:
    plan = planned({**files, ".dockerignore": "*.auth\n"})
    text = plan.dockerfile or ""
    assert (
        f'COPY --chown=${{DEPLOYHOST_UID}}:${{DEPLOYHOST_UID}} ["{source}", "/etc/nginx/deployhost.htpasswd"]' in text
    )
    assert ("AS site" in text) is stage
    assert "auth_basic_user_file /etc/nginx/deployhost.htpasswd;" in text
    assert "public, max-age" not in text
    assert f"!{source}" in (plan.dockerignore or "").splitlines()
    assert f"visitors must log in: 1 user ({source})" in map(str, plan.reasons)
    assert not plan.warnings
    shown = json.dumps(plan.to_json())
    assert "saltsalt" not in shown
    assert "bob" not in shown


def test_the_file_is_in_the_build_only_where_it_counts() -> None:
    def ignored(files: dict[str, str]) -> list[str]:
        return (planned(files).dockerignore or "").splitlines()

    assert {"Staticfile", "Staticfile.*", "Staticfile~"} <= set(ignored({"index.html": ""}))
    assert "!Staticfile.auth" in ignored({"index.html": "", "Staticfile.auth": BOB})
    assert "!Staticfile.auth" not in ignored({**FLASK, "Staticfile.auth": BOB})


def test_a_site_without_logins_is_public() -> None:
    for files in ({"index.html": ""}, SITE):
        text = planned(files).dockerfile or ""
        assert "auth_basic" not in text
        assert "htpasswd;" not in text
        assert "public, max-age=31536000, immutable" in text


@pytest.mark.parametrize("tree", [{"index.html": ""}, {"public/index.html": ""}, SITE, {**SITE, "index.html": ""}])
def test_a_tree_with_unusable_logins_is_refused(tree: dict[str, str]) -> None:
    with pytest.raises(NothingRecognised) as caught:
        planned({**tree, "Staticfile.auth": "# me\nbob:Hunter2\n"})
    error = caught.value
    assert error.message.startswith("line 2 of Staticfile.auth")
    assert error.hint == "${EDITOR:-vi} Staticfile.auth", "the users that are there are not overwritten"
    with pytest.raises(NothingRecognised) as caught:
        planned({**tree, "Staticfile.auth": "# me\n"})
    assert caught.value.hint == HINT
    assert not any("Hunter2" in one or "also:" in one for one in (error.message, error.hint, *error.details))


@pytest.mark.parametrize(
    "files",
    [
        FLASK,
        {"Dockerfile": "FROM x\n"},
        {"server.js": "require('http').createServer().listen(1)", "package.json": '{"scripts": {"start": "node server.js"}}'},
    ],
)  # fmt: skip
def test_a_server_is_not_protected_and_says_so(files: dict[str, str]) -> None:
    warning = "Staticfile.auth protects nothing: only static sites ask for its passwords"
    assert planned({**files, "Staticfile.auth": BOB}).warnings == (warning,)
    assert planned({**files, "tests/Staticfile.auth": BOB}).warnings == ()


def test_logins_of_a_folder_protect_nothing_and_say_so() -> None:
    plan = planned({"index.html": "", "a/Staticfile.auth": BOB, "staticfile.AUTH": ""})
    assert plan.warnings == (
        "a/Staticfile.auth protects nothing: only Staticfile.auth at the root counts, for the whole site",
        "staticfile.AUTH protects nothing: only Staticfile.auth at the root counts, for the whole site",
    )
    both = planned({"public/index.html": "", "Staticfile.auth": BOB, "public/Staticfile.auth": BOB})
    assert [one.partition(" protects")[0] for one in both.warnings] == ["public/Staticfile.auth"]


def refusing() -> list[re.Pattern[str]]:
    """Return the locations of nginx.conf that answer 404, as Python reads them: dots, names, folders."""
    text = planned({"index.html": ""}).dockerfile or ""
    found = re.findall(r"location ~(\*?) \"?(\S+?)\"? \{.*return 404;", text)
    assert len(found) == 3
    return [re.compile(expression, re.IGNORECASE if star else 0) for star, expression in found]


def test_names_of_other_servers_are_refused_and_downloads_are_not() -> None:
    patterns = refusing()
    assert [name for name in HIDDEN if not any(one.search(f"/{name}") for one in patterns)] == []
    assert [name for name in SERVED if any(one.search(f"/{name}") for one in patterns)] == []


@pytest.mark.parametrize(
    "repeated", [".php", ".env-", ".env", ".jsp.", ".jsp;", "x.html.", "Staticfile", "a/", ".a", "web.config~"]
)
def test_no_path_takes_long(repeated: str) -> None:
    """A path has 8 KiB at most (large_client_header_buffers)."""
    began = time.process_time()
    for end in ("", "/", "!", "\n/"):
        for pattern in refusing():
            pattern.search("/" + (repeated * 8192)[:8192] + end)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("target", ["/etc/hostname", "missing", "../above"])
def test_a_link_out_of_the_tree_does_not_leave_the_site_open(tmp_path: Path, target: str) -> None:
    (tmp_path / "above").write_text("ann:x\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "index.html").write_text("")
    (tree / "Staticfile.auth").symlink_to(target)
    with pytest.raises(NothingRecognised, match=r"Staticfile\.auth is a link that leads"):
        plan_build(DirectoryTree(tree), templates=load_templates())
