"""The operation `push`: one ref that git received, from the proc-receive hook."""

from deployhost.apps import notes
from deployhost.apps.view import Views
from deployhost.config import apps
from deployhost.control.messages import Message
from deployhost.daemon import requests
from deployhost.daemon.control import Emit, Handler
from deployhost.daemon.deploying import Deploying
from deployhost.deploy.push_plan import ZERO, PushKind, judge_push
from deployhost.journal.deploys import Deploys, Push
from deployhost.journal.releases import Releases
from deployhost.model import AppName, Branch, Deploy, DeployStatus, Sha, Trigger
from deployhost.paths import Paths
from deployhost.system.git import BareRepository, Commit


class PushOperation:
    """Given the paths, the journal and what accepts deploys, deal with pushes."""

    def __init__(
        self, paths: Paths, deploying: Deploying, views: Views, *, deploys: Deploys, releases: Releases
    ) -> None:
        self._paths = paths
        self._deploys = deploys
        self._releases = releases
        self._deploying = deploying
        self._views = views

    def handlers(self) -> dict[str, Handler]:
        """Return the operations by name."""
        return {"push": self.push}

    def push(self, request: Message, emit: Emit) -> Message:
        """Given a ref's update, deploy it, leave it to git or refuse it; return the PushView."""
        app = requests.app_name(request, "app")
        config = apps.load(self._paths.apps_yml).get(app)
        ref, old, new = (requests.text(request, key) for key in ("ref", "old", "new"))
        token = None if request.get("token") is None else requests.text(request, "token")
        verdict = judge_push(app, config.branch, ref, new)
        if verdict.kind is PushKind.KEEP:
            emit({"event": "note", "text": verdict.says})
            return {"outcome": "ok", "message": verdict.says, "fall_through": True, "deploy": None}
        if verdict.kind is PushKind.REFUSE or verdict.branch is None:
            return {"outcome": "ng", "message": verdict.says, "deploy": None}
        repository = BareRepository(self._paths.repo(app))
        if old != (repository.resolve(ref) or ZERO) and not self._deploying.was_accepted(app, token):
            # git's own compare-and-swap: the branch has moved since the pusher looked.
            return {"outcome": "ng", "message": "fetch first: somebody else has pushed meanwhile", "deploy": None}
        commit = repository.commit(Sha(new))
        if verdict.adopt:
            apps.set_branch(self._paths.apps_yml, app, verdict.branch)
            repository.set_head(verdict.branch)
        return self._deploy(app, verdict.branch, Push(ref, old, token), commit, emit)

    def _deploy(self, app: AppName, branch: Branch, push: Push, commit: Commit, emit: Emit) -> Message:
        replaced = self._replaced(app, commit.sha)
        forward = notes.going_forward(app, self._releases.live(app), self._deploys.chosen(app))
        deploy = self._deploying.accept(app, commit.sha, Trigger.PUSH, subject=commit.subject, branch=branch, push=push)
        if forward:
            emit({"event": "note", "text": forward})
        for older in replaced:
            emit(
                {
                    "event": "note",
                    "text": f"this push replaces {older.sha.short} ({older.subject}), and does not contain it",
                }
            )
        deploy = self._deploying.follow(deploy.id, emit)
        view = self._views.deploy(deploy)
        if deploy.status is DeployStatus.LIVE:
            return {"outcome": "ok", "message": "live", "deploy": view}
        by_push, overtaken = self._deploying.superseded(deploy)
        if by_push:
            emit({"event": "note", "text": overtaken})
            return {"outcome": "ok", "message": overtaken, "deploy": view}
        if overtaken:
            return {"outcome": "ng", "message": overtaken, "deploy": view}
        message = str((deploy.error or {}).get("message", deploy.status))
        if deploy.status is DeployStatus.CANCELLED:
            return {"outcome": "ng", "message": message, "deploy": view}
        return {"outcome": "ng", "message": f"deploy failed: {message}", "deploy": view}

    def _replaced(self, app: AppName, sha: Sha) -> list[Deploy]:
        """Given a push's commit, return the pushes still under way that it does not contain.

        git can't tell: the branch moves only when a commit is live, so to whoever pushes it is where it was. The newest push
        wins, and says so.
        """
        repository = BareRepository(self._paths.repo(app))
        under_way = [deploy for deploy in self._deploying.pushes_under_way(app) if deploy.sha != sha]
        return [deploy for deploy in under_way if not repository.is_ancestor(deploy.sha, sha)]
