"""Operations as a client asks them."""

from deployhost.control.operations import APP_STATUS, PUSH, Question


def test_a_question_is_an_operation_with_its_arguments() -> None:
    assert APP_STATUS({"name": "shop"}) == Question("app.status", {"name": "shop"})
    assert PUSH.name == "push"
