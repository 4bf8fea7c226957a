"""The table of operations: what control/operations.py promises is answered, and nothing else is."""

from deployhost.control import operations as asked
from deployhost.control.operations import Operation
from deployhost.daemon.operations.table import OPERATIONS, handlers
from tests.fakes.operations import Operations

NAMES = [one.name for one in vars(asked).values() if isinstance(one, Operation)]


def test_every_operation_is_answered_and_no_other() -> None:
    assert len(NAMES) > 20
    assert len(set(NAMES)) == len(NAMES)
    assert set(OPERATIONS) == set(NAMES)


def test_each_has_an_answer_of_its_own() -> None:
    assert len(set(OPERATIONS.values())) == len(OPERATIONS)


def test_a_handler_answers_with_the_parts_of_its_daemon(ops: Operations) -> None:
    answers = handlers(ops.daemon)
    assert set(answers) == set(OPERATIONS)
    assert answers["ping"]({"op": "ping"}, lambda _: None)["pid"] == ops.daemon.pid
