"""Fetching from a real git over HTTPS: without history, with a token that is in no argument, environment or file."""

import base64
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost.errors import CommandFailed, CommandTimedOut
from deployhost.model import Branch, Secret, Sha
from deployhost.system import files, git_fetch
from deployhost.system.git import ENVIRONMENT, BareRepository
from deployhost.system.git_fetch import GitFetcher, Remote
from tests.doubles.certificates import Authority
from tests.doubles.serve import Fault
from tests.real.git_over_https import GitOverHttps

WHO = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
TOKEN = "ghs_0123456789abcdefghijklmnop"
HEADER = f"Basic {base64.b64encode(f'x-access-token:{TOKEN}'.encode()).decode()}"
INTO = "refs/deployhost/incoming"


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(path), *arguments], env={**ENVIRONMENT, **WHO}, text=True, capture_output=True, check=True
    ).stdout.strip()


class Upstream:
    """A repository elsewhere with a work tree beside it, in which commits are made."""

    def __init__(self, root: Path) -> None:
        self.bare, self.work = root / "acme" / "shop.git", root / "work"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.bare)], check=True)
        subprocess.run(["git", "init", "-q", "-b", "main", str(self.work)], check=True)

    def commit(self, subject: str, ref: str = "HEAD:refs/heads/main") -> Sha:
        (self.work / "index.html").write_text(subject)
        git(self.work, "add", ".")
        git(self.work, "commit", "-q", "-m", subject)
        git(self.work, "push", "-q", "--force", str(self.bare), ref)
        return Sha(git(self.work, "rev-parse", "HEAD"))


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path / "upstream")


@pytest.fixture
def server(upstream: Upstream, authority: Authority) -> Iterator[GitOverHttps]:
    server = GitOverHttps(upstream.bare.parents[1], HEADER, authority.server_context("127.0.0.1"))
    with server.https:
        yield server
    server.https.record.check()


@pytest.fixture
def fetcher(tmp_path: Path, authority: Authority) -> GitFetcher:
    return GitFetcher({"SSL_CERT_FILE": str(authority.write(tmp_path / "ca.pem"))})


@pytest.fixture
def remote(server: GitOverHttps) -> Remote:
    return Remote(f"{server.url}/acme/shop.git", Secret(HEADER))


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    repository = BareRepository(tmp_path / "shop.git")
    repository.create(Branch("main"), {})
    return repository


def test_a_branch_without_its_history(
    upstream: Upstream, fetcher: GitFetcher, remote: Remote, repository: BareRepository, tmp_path: Path
) -> None:
    upstream.commit("one")
    two = upstream.commit("two")
    assert fetcher.fetch(repository, remote, "refs/heads/main", INTO) == two
    assert git(repository.path, "rev-list", "--all") == two, "its parent is not there"
    assert repository.commit(two).subject == "two"
    assert repository.resolve("refs/heads/main") is None, "the branch stays where it is"
    tree = tmp_path / "tree"
    repository.check_out(two, tree)
    assert (tree / "index.html").read_text() == "two"


def test_again_and_again(upstream: Upstream, fetcher: GitFetcher, remote: Remote, repository: BareRepository) -> None:
    """Also where the branch was rewritten, and with what was fetched before kept by references of ours."""
    kept = []
    for number in range(4):
        sha = upstream.commit(f"number {number}")
        assert fetcher.fetch(repository, remote, "refs/heads/main", INTO) == sha
        repository.keep(f"refs/deployhost/commits/{sha}", sha)
        kept.append(sha)
    git(upstream.work, "reset", "-q", "--hard", kept[0])
    rewritten = upstream.commit("rewritten")
    assert fetcher.fetch(repository, remote, "refs/heads/main", INTO) == rewritten
    git(repository.path, "gc", "--quiet", "--prune=now")
    for sha in kept:
        assert repository.commit(sha).sha == sha
    names = repository.kept("refs/deployhost/commits/")
    assert names == sorted(f"refs/deployhost/commits/{sha}" for sha in kept)
    repository.drop(names[:2])
    assert repository.kept("refs/deployhost/commits/") == names[2:]
    repository.drop([])
    repository.tidy()


def test_tags_and_commits(upstream: Upstream, fetcher: GitFetcher, remote: Remote, repository: BareRepository) -> None:
    one = upstream.commit("one")
    git(upstream.work, "tag", "-a", "v1", "-m", "one")
    git(upstream.work, "push", "-q", str(upstream.bare), "v1")
    two = upstream.commit("two")
    names = ("refs/heads/main", "refs/tags/v1", "refs/heads/v1", "refs/tags/main")
    assert fetcher.references(remote, *names) == {"refs/heads/main": two, "refs/tags/v1": one}
    assert fetcher.fetch(repository, remote, "refs/tags/v1", INTO) == one
    assert fetcher.fetch(repository, remote, two, INTO) == two
    with pytest.raises(CommandFailed):
        fetcher.fetch(repository, remote, "refs/heads/other", INTO)


def test_into_a_repository_that_was_pushed_to(
    upstream: Upstream, fetcher: GitFetcher, remote: Remote, repository: BareRepository
) -> None:
    one = upstream.commit("one")
    git(upstream.work, "push", "-q", str(repository.path), "HEAD:refs/heads/main")
    two = upstream.commit("two")
    assert fetcher.fetch(repository, remote, "refs/heads/main", INTO) == two
    assert repository.resolve("refs/heads/main") == one
    repository.move_branch(Branch("main"), two)
    assert repository.commit(two).subject == "two"


def test_no_token_shows(
    upstream: Upstream,
    fetcher: GitFetcher,
    server: GitOverHttps,
    remote: Remote,
    repository: BareRepository,
    tmp_path: Path,
) -> None:
    """Looked for while git waits for the server: in every process's arguments and environment, and afterwards in every file."""
    upstream.commit("one")
    seen: list[bytes] = []

    def look() -> None:
        for process in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                try:
                    text = (process / name).read_bytes()
                except OSError:
                    continue
                if name == "cmdline" and b"remote-http" in text:
                    seen.append(text)
                assert TOKEN.encode() not in text
                assert HEADER.removeprefix("Basic ").encode() not in text

    server.during = look
    fetcher.fetch(repository, remote, "refs/heads/main", INTO)
    assert seen, "git was looked at while it ran"
    for path in (one for one in repository.path.rglob("*") if one.is_file()):
        content = path.read_bytes()
        assert TOKEN.encode() not in content
        assert HEADER.removeprefix("Basic ").encode() not in content


def test_the_token_goes_nowhere_else(
    upstream: Upstream,
    fetcher: GitFetcher,
    server: GitOverHttps,
    remote: Remote,
    repository: BareRepository,
    authority: Authority,
) -> None:
    upstream.commit("one")
    thief = GitOverHttps(upstream.bare.parents[1], HEADER, authority.server_context("127.0.0.1"))
    server.redirects["/acme/shop.git"] = f"{thief.url}/acme/shop.git"
    with thief.https, pytest.raises(CommandFailed):
        fetcher.fetch(repository, remote, "refs/heads/main", INTO)
    assert thief.https.record.calls == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a/b.git", "file:///tmp/x.git", "ext::touch /tmp/x", "/tmp/x.git"])
def test_only_https(fetcher: GitFetcher, repository: BareRepository, url: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        fetcher.fetch(repository, Remote(url, Secret(HEADER)), "refs/heads/main", INTO)
    assert "not allowed" in "\n".join(failed.value.details)


def test_a_certificate_that_nobody_trusts(upstream: Upstream, remote: Remote, repository: BareRepository) -> None:
    upstream.commit("one")
    with pytest.raises(CommandFailed) as failed:
        GitFetcher({}).fetch(repository, remote, "refs/heads/main", INTO)
    assert "certificate" in "\n".join(failed.value.details)


def test_a_token_that_is_refused_is_not_asked_for(
    upstream: Upstream, fetcher: GitFetcher, server: GitOverHttps, remote: Remote, repository: BareRepository
) -> None:
    upstream.commit("one")
    with pytest.raises(CommandFailed):
        fetcher.fetch(repository, Remote(remote.url, Secret("Basic eDp5")), "refs/heads/main", INTO)
    assert [status for _, status in server.https.record.answered] == [401]


def test_too_much(
    upstream: Upstream, fetcher: GitFetcher, remote: Remote, repository: BareRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.work.joinpath("big").write_bytes(b"".join(str(number).encode() for number in range(400_000)))
    upstream.commit("one")
    monkeypatch.setattr(git_fetch, "LARGEST", 100_000)
    with pytest.raises(CommandFailed):
        fetcher.fetch(repository, remote, "refs/heads/main", INTO)
    assert [path.name for path in (repository.path / "objects").rglob("tmp_*")] == [], "nothing is left of it"
    monkeypatch.setattr(git_fetch, "LARGEST", 2**30)
    fetcher.fetch(repository, remote, "refs/heads/main", INTO)


def test_more_than_there_is_room_for(
    upstream: Upstream, fetcher: GitFetcher, remote: Remote, repository: BareRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is the apps' too: they are not to find it full, even for the moment until that is noticed."""
    upstream.work.joinpath("big").write_bytes(b"".join(str(number).encode() for number in range(400_000)))
    upstream.commit("one")
    free = shutil.disk_usage(repository.path)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _path: free._replace(free=200_000))
        with pytest.raises(CommandFailed):
            fetcher.fetch(repository, remote, "refs/heads/main", INTO)
    fetcher.fetch(repository, remote, "refs/heads/main", INTO)


def test_what_comes_too_slowly_is_not_kept(
    fetcher: GitFetcher, remote: Remote, repository: BareRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again and again: what each attempt has left would fill the disk."""
    pack = repository.path / "objects" / "pack" / "tmp_pack_abcdef"

    def slow(*_arguments: object, **_options: object) -> None:
        pack.write_text("half of it")
        raise CommandTimedOut("git did not end in time")

    monkeypatch.setattr(git_fetch, "run", slow)
    with pytest.raises(CommandTimedOut):
        fetcher.fetch(repository, remote, "refs/heads/main", INTO)
    assert not pack.exists()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("*", ".*", status=503, times=None),
        Fault("*", ".*", status=429, retry_after=5, times=None),
        Fault("POST", ".*", drop=True, times=None),
        Fault("POST", ".*", drop=True, skip=1, times=None),
    ],
)
def test_a_server_that_fails(
    upstream: Upstream,
    fetcher: GitFetcher,
    server: GitOverHttps,
    remote: Remote,
    repository: BareRepository,
    fault: Fault,
) -> None:
    one = upstream.commit("one")
    server.https.record.fail(fault)
    with pytest.raises(CommandFailed):
        fetcher.fetch(repository, remote, "refs/heads/main", INTO)
    server.https.record.mend()
    assert fetcher.fetch(repository, remote, "refs/heads/main", INTO) == one


def test_where_references_are_no_files(
    upstream: Upstream, fetcher: GitFetcher, remote: Remote, repository: BareRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with git's reftable: git is asked then."""
    one = upstream.commit("one")
    monkeypatch.setattr(files, "read", lambda _: None)
    assert fetcher.fetch(repository, remote, "refs/heads/main", INTO) == one


def test_what_a_kill_has_left(
    upstream: Upstream, fetcher: GitFetcher, remote: Remote, repository: BareRepository
) -> None:
    one = upstream.commit("one")
    fetcher.fetch(repository, remote, "refs/heads/main", INTO)
    kept = f"refs/deployhost/commits/{one}"
    repository.keep(kept, one)
    two = upstream.commit("two")
    for name in ("shallow", INTO, kept):
        (repository.path / f"{name}.lock").write_text("")
    pack = repository.path / "objects" / "pack" / "tmp_pack_abcdef"
    pack.write_text("half of it")
    assert fetcher.fetch(repository, remote, "refs/heads/main", INTO) == two
    assert not pack.exists()
    repository.keep(kept, one)


def test_a_server_that_hangs(
    upstream: Upstream,
    fetcher: GitFetcher,
    server: GitOverHttps,
    remote: Remote,
    repository: BareRepository,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upstream.commit("one")
    monkeypatch.setattr(git_fetch, "SLOWEST", (1000, 1))
    server.https.record.fail(Fault("POST", ".*", hang=True, times=None))
    with pytest.raises(CommandFailed):
        fetcher.fetch(repository, remote, "refs/heads/main", INTO)
    assert threading.active_count() < 100
