"""Every step that a finding may ask for has a function that carries it out."""

import importlib
import pkgutil

from deployhost.converge import findings
from deployhost.steps import Step
from tests.fakes.assembled import Assembled


def step_types() -> set[type[Step]]:
    names = [module.name for module in pkgutil.iter_modules(findings.__path__)]
    modules = [importlib.import_module(f"{findings.__name__}.{name}") for name in names]
    found = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    return {one for one in found if issubclass(one, Step) and one is not Step}


def test_every_step_has_one_row(daemon: Assembled) -> None:
    of_apps, of_server = daemon.converge.actor.acts, daemon.converge.server_actor.acts
    assert set(of_apps) | set(of_server) == step_types()
    assert not set(of_apps) & set(of_server)


WORDS = (
    "Adopt BeginAgain Connect ConnectProxy EndDeploy EndDrain FinishSwitched LetGo MakeAgain MakeNetwork MakeProxy"
    " NoteStopped RemoveContainer RemoveRepository Reroute SkipNumbers StartContainer StartProxy StopContainer"
)


def test_words_stay() -> None:
    """They are an interface: `converge --json` has them."""
    assert sorted(one.word for one in step_types()) == WORDS.split()
