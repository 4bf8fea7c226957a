"""Which values reach a container through Kamal, and by which of its files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.errors import InvalidConfig
from deployhost.kamal import env_values

VALUES = st.dictionaries(
    st.from_regex(r"[A-Z_][A-Z0-9_]{0,10}", fullmatch=True),
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
)


@given(VALUES)
def test_each_variable_takes_one_way(values: dict[str, str]) -> None:
    found = env_values.split(values)
    assert {**found.secrets, **found.exact} == {name: values[name] for name in values if name not in found.unfit}
    assert not set(found.secrets) & set(found.exact)


@given(VALUES)
def test_what_goes_to_kamals_secrets_is_what_it_does_not_change(values: dict[str, str]) -> None:
    """dotenv ends a value at the quote, Kamal's env file is Ruby's String#dump: nothing that either would touch goes there."""
    for value in env_values.split(values).secrets.values():
        assert "'" not in value
        assert "\\" not in value
        assert all(char >= " " and char != "\x7f" for char in value)


@given(VALUES)
def test_our_env_file_is_one_line_each(values: dict[str, str]) -> None:
    """Docker reads env files line by line, splitting at \\n only, and drops a \\r before it."""
    exact = env_values.split(values).exact
    lines = env_values.env_file_text(exact).split("\n")[:-1]
    assert lines == [f"{name}={value}" for name, value in exact.items()]
    assert not any("\r" in line for line in lines)


@pytest.mark.parametrize("value", ["one\ntwo", "one\r", "x" * 65536])
def test_what_has_no_way_is_refused_by_name(value: str) -> None:
    found = env_values.split({"FINE": "x", "KEY": value})
    assert found.unfit == ("KEY",)
    with pytest.raises(InvalidConfig, match="KEY") as error:
        env_values.refuse_unfit("shop", found)
    assert error.value.hint == "deployhost env unset shop KEY"
    assert value not in error.value.message


def test_what_dotenv_would_run_is_refused() -> None:
    env_values.refuse_commands("shop", {"FINE": "$HOME `id` ("})
    with pytest.raises(InvalidConfig, match="KEY"):
        env_values.refuse_commands("shop", {"KEY": "a$(id)"})


def test_what_kamal_by_itself_changes() -> None:
    values = {"PLAIN": "it's", "SLASH": "a\\b", "LINES": "a\nb", "RUN": "$(id)", "TAB": "a\tb"}
    assert env_values.changed(values) == ("SLASH", "LINES", "RUN", "TAB")


def test_a_template_has_names_only() -> None:
    assert env_values.secrets_template(("A", "B")) == "A=$A\nB=$B\n"
