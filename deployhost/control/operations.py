"""Every operation of the control socket, with the types of its arguments and its result.

A client asks `session.ask(APP_LIST({}))`; the daemon's handler of that name returns the operation's result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast

if TYPE_CHECKING:  # the types take 2 ms to make
    from collections.abc import Mapping

    from deployhost.control import arguments, results, views

Arguments = TypeVar("Arguments")
Result = TypeVar("Result")


class Question(NamedTuple, Generic[Result]):
    """An operation with its arguments, ready to be asked."""

    op: str
    arguments: Mapping[str, Any]


class Operation(NamedTuple, Generic[Arguments, Result]):
    """One operation, by its name on the socket."""

    name: str

    def __call__(self, arguments: Arguments) -> Question[Result]:
        """Return the question with these arguments."""
        return Question(self.name, cast("Mapping[str, Any]", arguments))


PING: Operation[arguments.NoArguments, results.Ping] = Operation("ping")
APP_ADD: Operation[arguments.AddArguments, views.AppView] = Operation("app.add")
APP_ADD_SOURCE: Operation[arguments.AddSourceArguments, results.SourceAppAdded] = Operation("app.add_source")
APP_LIST: Operation[arguments.NoArguments, results.AppsFound] = Operation("app.list")
APP_STATUS: Operation[arguments.OfAnyApp, results.StatusFound] = Operation("app.status")
APP_REMOVE: Operation[arguments.RemoveArguments, results.RemovalPlan] = Operation("app.remove")
APP_INSPECT: Operation[arguments.OfApp, views.BuildView] = Operation("app.inspect")
APP_RESTART: Operation[arguments.FollowApp, views.DeployView] = Operation("app.restart")
APP_ROLLBACK: Operation[arguments.RollbackArguments, results.RolledBack] = Operation("app.rollback")
APP_CONVERGE: Operation[arguments.ConvergeArguments, results.ConvergePlan] = Operation("app.converge")
APP_EXPORT: Operation[arguments.OfApp, results.Exported] = Operation("app.export")
DEPLOYS_LIST: Operation[arguments.DeploysArguments, results.DeploysFound] = Operation("deploys.list")
DEPLOY_START: Operation[arguments.StartArguments, views.DeployView] = Operation("deploy.start")
DEPLOY_FOLLOW: Operation[arguments.OfDeploy, views.DeployView] = Operation("deploy.follow")
DEPLOY_CANCEL: Operation[arguments.CancelArguments, results.Cancelled] = Operation("deploy.cancel")
DEPLOY_WAIT: Operation[arguments.WaitArguments, results.Waited] = Operation("deploy.wait")
RELEASES_LIST: Operation[arguments.OfApp, results.ReleasesFound] = Operation("releases.list")
REFS_LIST: Operation[arguments.OfApp, results.RefsFound] = Operation("refs.list")
LOGS: Operation[arguments.LogsArguments, results.NoResult] = Operation("logs")
ENV_LIST: Operation[arguments.EnvListArguments, results.EnvFound] = Operation("env.list")
ENV_SET: Operation[arguments.EnvSetArguments, results.EnvChanged] = Operation("env.set")
ENV_UNSET: Operation[arguments.EnvUnsetArguments, results.EnvChanged] = Operation("env.unset")
DOMAINS_LIST: Operation[arguments.OfApp, results.DomainsFound] = Operation("domains.list")
DOMAINS_ADD: Operation[arguments.DomainsAddArguments, results.DomainsChanged] = Operation("domains.add")
DOMAINS_REMOVE: Operation[arguments.DomainsArguments, results.DomainsChanged] = Operation("domains.remove")
STORAGE_SHOW: Operation[arguments.OfApp, results.StorageShown] = Operation("storage.show")
STORAGE_ENABLE: Operation[arguments.FollowApp, results.StorageChanged] = Operation("storage.enable")
STORAGE_DISABLE: Operation[arguments.FollowApp, results.StorageChanged] = Operation("storage.disable")
PRUNE: Operation[arguments.DryRun, results.Pruned] = Operation("prune")
KAMAL_PREPARE: Operation[arguments.PrepareArguments, results.KamalPrepared] = Operation("kamal.prepare")
GITHUB_LEAVE: Operation[arguments.OfConnection, results.Left] = Operation("github.leave")
PUSH: Operation[arguments.PushArguments, results.PushView] = Operation("push")
