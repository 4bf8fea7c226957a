"""Every operation of the control socket, with the types of its arguments and its result.

A client asks `session.ask(APP_LIST({}))`; the daemon's handler of that name returns the operation's result.
"""

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar, cast

from deployhost.control import arguments, results, views

Arguments = TypeVar("Arguments")
Result = TypeVar("Result")


class Question(NamedTuple, Generic[Result]):
    """An operation with its arguments, ready to be asked."""

    op: str
    arguments: Mapping[str, Any]


class Operation(NamedTuple, Generic[Arguments, Result]):
    """One operation: its name on the socket, and the type of what it returns."""

    name: str
    result: type[Result]

    def __call__(self, arguments: Arguments) -> Question[Result]:
        """Return the question with these arguments."""
        return Question(self.name, cast("Mapping[str, Any]", arguments))


PING = Operation[arguments.NoArguments, results.Ping]("ping", results.Ping)
APP_ADD = Operation[arguments.AddArguments, views.AppView]("app.add", views.AppView)
APP_LIST = Operation[arguments.NoArguments, results.AppsFound]("app.list", results.AppsFound)
APP_STATUS = Operation[arguments.OfAnyApp, results.StatusFound]("app.status", results.StatusFound)
APP_REMOVE = Operation[arguments.RemoveArguments, results.RemovalPlan]("app.remove", results.RemovalPlan)
APP_INSPECT = Operation[arguments.OfApp, views.BuildView]("app.inspect", views.BuildView)
APP_RESTART = Operation[arguments.FollowApp, views.DeployView]("app.restart", views.DeployView)
APP_ROLLBACK = Operation[arguments.RollbackArguments, results.RolledBack]("app.rollback", results.RolledBack)
APP_CONVERGE = Operation[arguments.ConvergeArguments, results.ConvergePlan]("app.converge", results.ConvergePlan)
APP_EXPORT = Operation[arguments.OfApp, results.Exported]("app.export", results.Exported)
DEPLOYS_LIST = Operation[arguments.DeploysArguments, results.DeploysFound]("deploys.list", results.DeploysFound)
DEPLOY_START = Operation[arguments.StartArguments, views.DeployView]("deploy.start", views.DeployView)
DEPLOY_FOLLOW = Operation[arguments.OfDeploy, views.DeployView]("deploy.follow", views.DeployView)
DEPLOY_CANCEL = Operation[arguments.CancelArguments, results.Cancelled]("deploy.cancel", results.Cancelled)
DEPLOY_WAIT = Operation[arguments.WaitArguments, results.Waited]("deploy.wait", results.Waited)
RELEASES_LIST = Operation[arguments.OfApp, results.ReleasesFound]("releases.list", results.ReleasesFound)
REFS_LIST = Operation[arguments.OfApp, results.RefsFound]("refs.list", results.RefsFound)
LOGS = Operation[arguments.LogsArguments, results.NoResult]("logs", results.NoResult)
ENV_LIST = Operation[arguments.EnvListArguments, results.EnvFound]("env.list", results.EnvFound)
ENV_SET = Operation[arguments.EnvSetArguments, results.EnvChanged]("env.set", results.EnvChanged)
ENV_UNSET = Operation[arguments.EnvUnsetArguments, results.EnvChanged]("env.unset", results.EnvChanged)
DOMAINS_LIST = Operation[arguments.OfApp, results.DomainsFound]("domains.list", results.DomainsFound)
DOMAINS_ADD = Operation[arguments.DomainsArguments, results.DomainsChanged]("domains.add", results.DomainsChanged)
DOMAINS_REMOVE = Operation[arguments.DomainsArguments, results.DomainsChanged]("domains.remove", results.DomainsChanged)
STORAGE_SHOW = Operation[arguments.OfApp, results.StorageShown]("storage.show", results.StorageShown)
STORAGE_ENABLE = Operation[arguments.FollowApp, results.StorageChanged]("storage.enable", results.StorageChanged)
STORAGE_DISABLE = Operation[arguments.FollowApp, results.StorageChanged]("storage.disable", results.StorageChanged)
PRUNE = Operation[arguments.DryRun, results.Pruned]("prune", results.Pruned)
KAMAL_PREPARE = Operation[arguments.PrepareArguments, results.KamalPrepared]("kamal.prepare", results.KamalPrepared)
PUSH = Operation[arguments.PushArguments, results.PushView]("push", results.PushView)
