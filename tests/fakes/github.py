"""GitHub in memory: its repositories, Apps, hooks and statuses, and what goes wrong there.

`FakeGitHub` has the shape of github/answers.py's protocol GitHub. Every call is counted as `method path`-like words in `calls_made`;
`faults` maps a call's name to the errors that its next calls raise (after having done it, if `after` is set).
"""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from deployhost.errors import AccessRefused, DeployhostError, GitHubAppDeleted, NotFound, ProviderRefused
from deployhost.github.answers import (
    AccessToken,
    BranchMissing,
    Head,
    HookConfig,
    Installation,
    NewApp,
    NotModified,
    RegisteredApp,
    Repository,
    StatusState,
)
from deployhost.github.connection import GITHUB, GitHubConnection
from deployhost.github.manifest_plan import EVENTS, RIGHTS
from deployhost.model import Branch, Secret, Sha

WEBHOOK_HOST = "hooks.example.com"  # at which connection() is reported to
KEY = "-----BEGIN RSA PRIVATE KEY-----\nfake\n-----END RSA PRIVATE KEY-----\n"


def connection(owner: str = "octo", number: int = 1, **values: object) -> GitHubConnection:
    """Return a connection of an owner, installed and with a hook unless `values` say otherwise."""
    given: dict[str, object] = {
        "id": f"{number:016x}",
        "owner": owner,
        "owner_id": 1000 + number,
        "kind": "user",
        "html_url": GITHUB,
        "api_url": "https://api.github.com",
        "app_id": 2000 + number,
        "client_id": f"Iv1.{number:08x}",
        "slug": f"deployhost-{number}",
        "app_url": f"{GITHUB}/apps/deployhost-{number}",
        "key": Secret(KEY),
        "webhook_secret": Secret(f"webhook-secret-{number}"),
        "installation_id": 3000 + number,
        "hooked": True,
    }
    made = GitHubConnection(**(given | values))  # type: ignore[arg-type]
    return made if "webhook_url" in values or not made.hooked else replace(made, webhook_url=made.hook_at(WEBHOOK_HOST))


@dataclass
class FakeRepository:
    """A repository: its branches by name, and the statuses that were posted, oldest first."""

    facts: Repository
    branches: dict[str, Sha] = field(default_factory=dict)
    commits: set[Sha] = field(default_factory=set)
    tags: dict[str, Sha] = field(default_factory=dict)  # by full name
    statuses: list[tuple[Sha, StatusState, str, str, str]] = field(default_factory=list)
    old_names: set[tuple[str, str]] = field(default_factory=set)

    @property
    def id(self) -> int:
        return self.facts.id


@dataclass
class FakeApp:
    """An App at GitHub. `visible` are the ids of the repositories that its installation sees, or None for all of the owner's."""

    id: int
    slug: str
    owner: str
    owner_id: int
    kind: str = "user"
    installed: bool = True
    suspended: bool = False
    installation_id: int = 1
    visible: set[int] | None = None
    hook: HookConfig | None = None
    hook_secret: Secret | None = None
    deliveries: int = 0


@dataclass
class FakeGitHub:
    """All of GitHub, in place of github/api.py's GitHubClient."""

    repositories: dict[int, FakeRepository] = field(default_factory=dict)
    apps: dict[int, FakeApp] = field(default_factory=dict)
    codes: dict[str, NewApp] = field(default_factory=dict)  # each is given out once
    faults: dict[str, deque[DeployhostError]] = field(default_factory=lambda: defaultdict(deque))
    late_faults: dict[str, deque[DeployhostError]] = field(
        default_factory=lambda: defaultdict(deque)
    )  # it is done all the same
    calls_made: list[str] = field(default_factory=list)
    effect: Callable[[str], object] = lambda _name: None  # called before and after whatever changes something

    # What a test does there.

    def add_repository(
        self,
        full_name: str,
        branches: dict[str, str] | None = None,
        *,
        number: int = 0,
        default: str = "main",
        **facts: object,
    ) -> FakeRepository:
        """Make OWNER/REPO with branches (name: sha)."""
        owner, _, name = full_name.partition("/")
        number = number or 100 + len(self.repositories)
        made = FakeRepository(
            Repository(
                id=number, owner=owner, owner_id=self.owner_id(owner), name=name, default_branch=default, private=True, archived=False,
                size=1 if branches else 0, clone_url=f"{GITHUB}/{full_name}.git", html_url=f"{GITHUB}/{full_name}",
            )
        )  # fmt: skip
        made.facts = replace(made.facts, **facts)  # type: ignore[arg-type]
        self.repositories[number] = made
        for branch, sha in (branches or {}).items():
            self.push(made.id, branch, sha)
        return made

    def add_app(self, of: GitHubConnection, **values: object) -> FakeApp:
        """Have the App of a connection."""
        made = FakeApp(of.app_id, of.slug, of.owner, of.owner_id, of.kind, installation_id=of.installation_id or 1)
        for name, value in values.items():
            setattr(made, name, value)
        self.apps[of.app_id] = made
        return made

    def push(self, repository: int, branch: str, sha: str) -> None:
        """Move a branch."""
        self.repositories[repository].branches[branch] = Sha(sha)
        self.repositories[repository].commits.add(Sha(sha))

    def rename(self, repository: int, full_name: str) -> None:
        """Rename or transfer a repository; its old name leads to it."""
        one = self.repositories[repository]
        one.old_names.add((one.facts.owner.lower(), one.facts.name.lower()))
        owner, _, name = full_name.partition("/")
        at = f"{GITHUB}/{full_name}"
        one.facts = replace(
            one.facts, owner=owner, owner_id=self.owner_id(owner), name=name, clone_url=f"{at}.git", html_url=at
        )

    def owner_id(self, owner: str) -> int:
        """Return the id of an account: what its App says, or one of somebody who has none."""
        known = (app.owner_id for app in self.apps.values() if app.owner == owner)
        return next(known, 1001 if owner == "octo" else 9000 + len(owner))

    def fail(self, call: str, *errors: DeployhostError, after: bool = False) -> None:
        """Have the next calls of that name raise these errors, `after` having done what they do."""
        (self.late_faults if after else self.faults)[call].extend(errors)

    # What the protocol GitHub has.

    def calls(self, connection: GitHubConnection) -> "FakeGitHubCalls":
        return FakeGitHubCalls(self, connection)

    def new_app(self, api_url: str, code: str) -> NewApp:
        with_fault = self.begin("new_app", changes=True)
        if code not in self.codes:
            raise ProviderRefused("GitHub does not accept the code that the browser came back with (404)")
        made = self.codes.pop(code)
        self.apps.setdefault(
            made.id,
            FakeApp(
                made.id,
                made.slug,
                made.owner,
                made.owner_id,
                made.kind,
                installed=False,
                hook_secret=made.webhook_secret,
            ),
        )
        with_fault()
        return made

    def begin(self, call: str, *, changes: bool = False) -> Callable[[], None]:
        """Count a call and raise its fault, if it has one; what is returned raises one that comes after it was done."""
        self.calls_made.append(call)
        if changes:
            self.effect(call)
        if self.faults[call]:
            raise self.faults[call].popleft()

        def done() -> None:
            if changes:
                self.effect(f"{call} done")
            if self.late_faults[call]:
                raise self.late_faults[call].popleft()

        return done


class FakeGitHubCalls:
    """One App's calls, in place of github/api.py's GitHubApi."""

    def __init__(self, github: FakeGitHub, connection: GitHubConnection) -> None:
        self.github = github
        self.connection = connection

    def repository(self, owner: str, name: str) -> Repository:
        self._begin("repository")
        wanted = (owner.lower(), name.lower())
        named = {(one.facts.owner.lower(), one.facts.name.lower()): one for one in self.github.repositories.values()}
        moved = {old: one for one in self.github.repositories.values() for old in one.old_names}
        found = named.get(wanted) or moved.get(wanted)
        if found is None:
            raise NotFound(f"GitHub has no {owner}/{name}")
        return self._seen(found.id).facts

    def repository_by_id(self, repository_id: int, etag: str = "") -> Repository | NotModified:
        self._begin("repository_by_id")
        found = self._seen(repository_id).facts
        tag = f'"{hash(found)}"'
        return NotModified() if etag == tag else replace(found, etag=tag)

    def branch(self, repository_id: int, branch: str, etag: str = "") -> Head | NotModified | BranchMissing:
        self._begin("branch")
        sha = self._seen(repository_id).branches.get(branch)
        if sha is None:
            return BranchMissing()
        return NotModified() if etag == f'"{sha}"' else Head(Branch(branch), sha, f'"{sha}"')

    def post_status(
        self, repository_id: int, sha: Sha, *, state: StatusState, context: str, description: str, target_url: str = ""
    ) -> None:
        done = self._begin("post_status", changes=True)
        found = self._seen(repository_id, public=False)
        assert len(description) <= 140
        if sha not in found.commits:
            raise NotFound(f"GitHub takes no status of {sha.short}: no commit found for SHA")
        found.statuses.append((sha, state, context, description, target_url))
        done()

    def for_repository(self, repository_id: int) -> AccessToken:
        self._begin("for_repository")
        self._seen(repository_id, public=False)
        return AccessToken(Secret(f"ghs_{self.connection.app_id}_only_{repository_id}_" + "x" * 40), 4e9)

    def forget_token(self, repository_id: int) -> None:
        self.github.calls_made.append("forget_token")

    def app(self) -> RegisteredApp:
        self._begin("app", as_app=True)
        app = self._app
        return RegisteredApp(
            id=app.id, slug=app.slug, owner=app.owner, owner_id=app.owner_id, html_url=f"{GITHUB}/apps/{app.slug}"
        )

    def installation(self) -> Installation | None:
        self._begin("installation", as_app=True)
        app = self._app
        if not app.installed:
            return None
        return Installation(
            id=app.installation_id, owner=app.owner, owner_id=app.owner_id, selection="all" if app.visible is None else "selected",
            suspended=app.suspended, html_url=f"{GITHUB}/settings/installations/{app.installation_id}",
            permissions=RIGHTS, events=EVENTS,
        )  # fmt: skip

    def delete_installation(self) -> bool:
        done = self._begin("delete_installation", changes=True, as_app=True)
        was, self._app.installed = self._app.installed, False
        done()
        return was

    def hook_config(self) -> HookConfig | None:
        self._begin("hook_config", as_app=True)
        return self._app.hook

    def set_hook_config(self, url: str, secret: Secret) -> bool:
        done = self._begin("set_hook_config", changes=True, as_app=True)
        if self._app.hook is None:
            return False
        self._app.hook, self._app.hook_secret = HookConfig(url, "json", has_secret=True), secret
        done()
        return True

    def has_deliveries(self) -> bool:
        self._begin("has_deliveries", as_app=True)
        return self._app.deliveries > 0

    @property
    def _app(self) -> FakeApp:
        app = self.github.apps.get(self.connection.app_id)
        if app is None:
            raise GitHubAppDeleted("GitHub does not know the App any more: the App or its key was deleted")
        return app

    def _begin(self, call: str, *, changes: bool = False, as_app: bool = False) -> Callable[[], None]:
        done = self.github.begin(call, changes=changes)
        app = self._app
        if not as_app and (app.suspended or not app.installed):
            raise AccessRefused(f"the GitHub App {app.slug} is {'suspended' if app.suspended else 'not installed'}")
        return done

    def _seen(self, repository_id: int, *, public: bool = True) -> FakeRepository:
        """Return a repository that the App reaches; without `public` it has to be of its installation: anybody reads public ones."""
        found, app = self.github.repositories.get(repository_id), self._app
        if found is not None and public and not found.facts.private:
            return found
        if (
            found is None
            or found.facts.owner != app.owner
            or (app.visible is not None and repository_id not in app.visible)
        ):
            raise NotFound(f"GitHub has nothing there, or the App does not see it: the repository {repository_id}")
        return found
