"""The operations that deploy an app without a push, show deploys, and explain what a build would do."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from deployhost.apps.known_apps import known_apps
from deployhost.apps.references import find_commit
from deployhost.apps.repository import FIRST_BRANCH
from deployhost.apps.view import Views
from deployhost.build.planner import Planner
from deployhost.config import apps
from deployhost.config.env import EnvStore
from deployhost.control.messages import Message
from deployhost.daemon import requests
from deployhost.daemon.control import Emit, Handler, until_gone
from deployhost.daemon.deploying import Deploying
from deployhost.errors import Conflict, NotFound, WaitTimedOut
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.model import AppName, Branch, Deploy, DeployStatus, Sha, Trigger
from deployhost.paths import Paths
from deployhost.system.git import BareRepository

LOOK = 0.2  # seconds between looks at whether everything that was asked for has ended
LONGEST_NAME = 60  # characters of who cancels a deploy


class DeployOperations:
    """Given the rooms' tools, carry out the operations."""

    def __init__(
        self,
        *,
        paths: Paths,
        deploys: Deploys,
        releases: Releases,
        deploying: Deploying,
        views: Views,
        env: EnvStore,
        planner: Planner,
        clock: Callable[[], float],
    ) -> None:
        self._planner = planner
        self._clock = clock
        self._env = env
        self._paths = paths
        self._deploys = deploys
        self._releases = releases
        self._deploying = deploying
        self._views = views

    def handlers(self) -> dict[str, Handler]:
        """Return the operations by name."""
        return {
            "deploy.start": self.start,
            "deploy.follow": self.follow,
            "deploy.cancel": self.cancel,
            "deploy.wait": self.wait,
            "deploys.list": self.list_deploys,
            "app.restart": self.restart,
            "app.inspect": self.inspect,
            "refs.list": self.list_references,
        }

    def start(self, request: Message, emit: Emit) -> Message:
        """Given a name, deploy the newest pushed commit of its branch, or the commit that `ref` names."""
        app = self._known(request)
        repository = BareRepository(self._paths.repo(app))
        ref = None if request.get("ref") is None else requests.text(request, "ref")
        newest = self._pushed(app)
        sha = self._newest_commit(app) if ref is None else find_commit(repository, app, ref)
        # git's branch follows what was pushed; whoever chooses another commit does not push it.
        branch = self._branch(app) if sha == newest or ref is None else None
        deploy = self._deploying.accept(
            app,
            sha,
            Trigger.MANUAL,
            subject=repository.commit(sha).subject,
            branch=branch,
            rebuild=bool(request.get("rebuild")),
        )
        if branch is None and newest is not None:
            emit(
                {"event": "note", "text": f"{sha.short} is not what was pushed last ({newest.short}); the branch stays"}
            )
        return self._deploying.shown(deploy, request, emit)

    def follow(self, request: Message, emit: Emit) -> Message:
        """Given a deploy's number, show it from its beginning to its end."""
        deploy = self._deploys.get(requests.whole(request, "id", None) or 0)
        return self._views.deploy(self._deploying.follow(deploy.id, emit))

    def list_deploys(self, request: Message, _emit: Emit) -> Message:
        """Given a name, return its newest deploys."""
        limit = requests.whole(request, "limit", 20) or 20
        return {"deploys": [self._views.deploy(deploy) for deploy in self._deploys.of_app(self._named(request), limit)]}

    def list_references(self, request: Message, _emit: Emit) -> Message:
        """Given a name, return its repository's branches and tags."""
        return {"refs": BareRepository(self._paths.repo(self._named(request))).references()}

    def cancel(self, request: Message, _emit: Emit) -> Message:
        """Given a name, end its deploys that are queued or running; return them as they ended."""
        app = self._named(request)
        by = requests.text(request, "by") if request.get("by") is not None else "root"
        printable = "".join(char for char in by if char.isprintable())[:LONGEST_NAME]
        ended = self._deploying.cancel(app, printable or "root")
        if not ended:
            raise Conflict(f"nothing of {app} is queued or running{self._last(app)}", hint=f"deployhost status {app}")
        return {"app": app, "deploys": [self._views.deploy(deploy) for deploy in ended]}

    def wait(self, request: Message, emit: Emit) -> Message:
        """Given a name, return how what was asked for last has ended, once nothing is queued or running.

        `until`, in unix seconds, bounds that. Raise WaitTimedOut, NotFound if nothing was ever asked for.
        """
        app = self._named(request)
        until = requests.number(request, "until")
        with until_gone(emit) as gone:
            while under_way := self._under_way(app):
                if until is not None and self._clock() >= until:
                    deploy = under_way[-1]
                    raise WaitTimedOut(
                        f"deploy {deploy.id} of {app} is still {deploy.status}", hint=f"deployhost wait {app}"
                    )
                if gone.wait(LOOK):
                    break
        asked = next((one for one in self._deploys.of_app(app) if one.trigger is not Trigger.AUTO_ROLLBACK), None)
        if asked is None:
            raise NotFound(f"nothing of {app} was ever deployed", hint=f"deployhost status {app}")
        why = self._why_not_live(asked)
        return {"app": app, "live": not why, "why": why, "deploy": self._views.deploy(asked)}

    def _why_not_live(self, asked: Deploy) -> str:
        if asked.status is not DeployStatus.LIVE:
            return str((asked.error or {}).get("message", asked.status))
        version = asked.version
        releases = self._releases.of_app(asked.app)
        return next((release.failed for release in releases if release.version == version and release.failed), "")

    def _under_way(self, app: AppName) -> list[Deploy]:
        return [deploy for deploy in self._deploys.open() if deploy.app == app]

    def _last(self, app: AppName) -> str:
        """Say how the newest deploy ended, for somebody who is too late."""
        newest = self._deploys.newest(app)
        if newest is None:
            return ""
        return f": deploy {newest.id} ({newest.sha.short}) is {newest.status}"

    def restart(self, request: Message, emit: Emit) -> Message:
        """Given a name, replace its container by a new one of the same image."""
        app = self._known(request)
        live = self._releases.live(app)
        if live is None:
            raise NotFound(f"{app} has no live release to restart", hint=f"deployhost deploy {app}")
        deploy = self._deploying.accept(app, live.sha, Trigger.RESTART, subject=live.subject)
        return self._deploying.shown(deploy, request, emit)

    def inspect(self, request: Message, _emit: Emit) -> Message:
        """Given a name, return what its newest commit would be built as, and why."""
        app = self._known(request)
        sha = self._newest_commit(app)
        with tempfile.TemporaryDirectory(prefix="inspect-", dir=self._paths.run) as scratch:
            tree = Path(scratch) / "tree"
            BareRepository(self._paths.repo(app)).check_out(sha, tree)
            config = apps.load(self._paths.apps_yml).get(app)
            variables = {str(name): value for name, value in self._env.read(app).items()}
            plan = self._planner.plan(
                tree,
                app,
                storage=config.storage,
                variables=variables,
                runtime=config.runtime,
                web=config.names_web,
            )
        return {**plan.to_json(), "app": app, "sha": sha}

    def _newest_commit(self, app: AppName) -> Sha:
        sha = self._pushed(app)
        if sha is None:
            branch = self._branch(app)
            where = f"{app} yet" if branch is None else f"the branch {branch} of {app} yet"
            hint = f"git push {self._paths.repo(app)} {branch or FIRST_BRANCH}"
            raise NotFound(f"nothing has been pushed to {where}", hint=hint)
        return sha

    def _pushed(self, app: AppName) -> Sha | None:
        """Return the newest commit that was pushed to the app's branch, whatever became of it."""
        pushed = self._deploys.newest(app, by=Trigger.PUSH)
        if pushed is not None:
            return pushed.sha
        branch = self._branch(app)
        return BareRepository(self._paths.repo(app)).resolve(f"refs/heads/{branch}") if branch else None

    def _branch(self, app: AppName) -> Branch | None:
        """Return the app's branch, or its repository's own if apps.yml names none: it may hold the commits of an earlier app."""
        configured = apps.load(self._paths.apps_yml).get(app).branch
        if configured is not None:
            return configured
        repository = BareRepository(self._paths.repo(app))
        return repository.default_branch() if repository.exists else None

    def _known(self, request: Message) -> AppName:
        return apps.load(self._paths.apps_yml).get(requests.app_name(request)).name

    def _named(self, request: Message) -> AppName:
        """Return the app that is named, also while its settings can't be read: what they are does not matter here."""
        return known_apps(self._paths, self._releases).name(requests.app_name(request))
