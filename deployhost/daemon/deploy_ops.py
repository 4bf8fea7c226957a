"""The operations that deploy an app without a push, show deploys, and explain what a build would do."""

import tempfile
from pathlib import Path

from deployhost.apps.view import Views
from deployhost.build.directory import DirectoryTree, load_templates
from deployhost.build.plan import plan_build
from deployhost.config import apps
from deployhost.control.messages import Message
from deployhost.daemon import requests
from deployhost.daemon.control import Emit, Handler
from deployhost.daemon.deploying import Deploying
from deployhost.errors import NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.model import AppName, Sha, Trigger
from deployhost.paths import Paths
from deployhost.system.git import BareRepository


class DeployOperations:
    """Given the rooms' tools, carry out the operations."""

    def __init__(
        self, *, paths: Paths, deploys: Deploys, releases: Releases, deploying: Deploying, views: Views
    ) -> None:
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
            "deploys.list": self.list_deploys,
            "app.restart": self.restart,
            "app.inspect": self.inspect,
        }

    def start(self, request: Message, emit: Emit) -> Message:
        """Given a name, deploy the newest pushed commit of its branch."""
        app = self._known(request)
        sha = self._newest_commit(app)
        commit = BareRepository(self._paths.repo(app)).commit(sha)
        branch = apps.load(self._paths.apps_yml).get(app).branch
        deploy = self._deploying.accept(
            app, sha, Trigger.MANUAL, subject=commit.subject, branch=branch, rebuild=bool(request.get("rebuild"))
        )
        return self._deploying.shown(deploy, request, emit)

    def follow(self, request: Message, emit: Emit) -> Message:
        """Given a deploy's number, show it from its beginning to its end."""
        deploy = self._deploys.get(requests.whole(request, "id", None) or 0)
        return self._views.deploy(self._deploying.follow(deploy.id, emit))

    def list_deploys(self, request: Message, _emit: Emit) -> Message:
        """Given a name, return its newest deploys."""
        limit = requests.whole(request, "limit", 20) or 20
        return {"deploys": [self._views.deploy(deploy) for deploy in self._deploys.of_app(self._known(request), limit)]}

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
            plan = plan_build(DirectoryTree(tree), app=app, templates=load_templates())
        return {**plan.to_json(), "app": app, "sha": sha}

    def _newest_commit(self, app: AppName) -> Sha:
        pushed = self._deploys.newest(app, pushed=True)
        if pushed is not None:
            return pushed.sha
        config = apps.load(self._paths.apps_yml).get(app)
        sha = BareRepository(self._paths.repo(app)).resolve(f"refs/heads/{config.branch}") if config.branch else None
        if sha is None:
            raise NotFound(f"nothing has been pushed to {app} yet", hint=f"git push {self._paths.repo(app)} main")
        return sha

    def _known(self, request: Message) -> AppName:
        return apps.load(self._paths.apps_yml).get(requests.app_name(request)).name
