"""What Cloudflare's API takes and returns, read from the `cloudflare` SDK: its generated types judge each request and each answer.

A call is named as in the SDK ("zones.list"). Its route and its types are those in the source of the SDK's method. The SDK's own TypedDicts
let everything pass when pydantic validates them as they are, so each becomes a model that is strict and forbids what it doesn't know.
"""

import ast
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import cloudflare
import typing_extensions
from cloudflare._types import SequenceNotStr
from cloudflare._utils import PropertyInfo
from cloudflare.types.zero_trust.tunnels.cloudflared import configuration_update_params
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from tests.doubles.serve import Violation

METHODS = {
    "_get": "GET",
    "_post": "POST",
    "_put": "PUT",
    "_patch": "PATCH",
    "_delete": "DELETE",
    "_get_api_list": "GET",
}
# Generated as Required, yet the last ingress rule must have none (alchemy-run/distilled#227).
NOT_REQUIRED = {(configuration_update_params.ConfigIngress, "hostname")}
# Sent by the API, unknown to the SDK's models: a new tunnel's token, the envelope's and the pages' further fields.
UNKNOWN_TO_THE_SDK = {"token", "success", "errors", "messages", "count", "total_count", "total_pages", "result_info"}


@dataclass(frozen=True)
class SdkCall:
    """One method of the SDK: its route, the types of its parameters and of its answer."""

    name: str
    method: str
    path: str
    parameters: Any
    in_query: frozenset[str]
    in_body: frozenset[str]
    answer: Any

    @property
    def pattern(self) -> re.Pattern[str]:
        """What matches the paths of this call, with a group for each parameter in them."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))

    def judge(self, query: str, body: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the query's and the body's parameters by the names that the API has for them. Raise Violation for invalid ones."""
        return self._judge_query(query), self._judge_body(body)

    def _judge_query(self, query: str) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for key, value in parse_qsl(query, keep_blank_values=True):
            outer, _, inner = key.partition(".")  # the SDK writes nested parameters with dots
            if inner:
                given.setdefault(outer, {})[inner] = value
            else:
                given[outer] = value
        if not given:
            return {}
        return self._validated(self.in_query, given, None)

    def _judge_body(self, body: bytes) -> dict[str, Any]:
        if not self.in_body:
            if body not in (b"", b"{}"):
                raise Violation(f"{self.name} takes no body, not {body[:80]!r}")
            return {}
        return self._validated(self.in_body, None, body)

    def _validated(self, names: frozenset[str], given: dict[str, Any] | None, body: bytes | None) -> dict[str, Any]:
        checker = adapter(self.parameters, names, strict=given is None)
        try:
            found = checker.validate_json(body, strict=True) if body is not None else checker.validate_python(given)
        except ValidationError as error:
            raise Violation(f"{self.name}: {_told(error)}") from error
        return dict(found.model_dump(by_alias=True, exclude_unset=True))

    def check_answer(self, answer: bytes) -> None:
        """Raise Violation if the SDK's model of the answer does not fit, or would not know a field."""
        try:
            parsed = TypeAdapter(self.answer).validate_json(answer)
        except ValidationError as error:
            raise Violation(f"the double's answer to {self.name}: {_told(error)}") from error
        unknown = set(_unknown_fields(parsed)) - UNKNOWN_TO_THE_SDK
        if unknown:
            raise Violation(f"the double's answer to {self.name} has fields that the SDK does not know: {unknown}")


@cache
def sdk_call(name: str) -> SdkCall:
    """Read a call's route and types from the source of the SDK's method."""
    function = inspect.unwrap(_method(name))
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    request = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS
    )
    assert isinstance(request.func, ast.Attribute)
    path = request.args[0].args[0] if isinstance(request.args[0], ast.Call) else request.args[0]
    assert isinstance(path, ast.Constant)
    keywords = {keyword.arg: keyword.value for keyword in request.keywords}
    in_query, query_type = _transformed(keywords["options"], function)
    in_body, body_type = _transformed(keywords.get("body"), function)
    answer = keywords["page"] if "page" in keywords else keywords["cast_to"]
    if isinstance(answer, ast.Call):  # cast(Type[T], ResultWrapper[T])
        answer = answer.args[1]
    return SdkCall(
        name,
        METHODS[request.func.attr],
        str(path.value),
        body_type or query_type,
        in_query,
        in_body,
        _evaluate(answer, function),
    )


@cache
def _client() -> cloudflare.Cloudflare:
    return cloudflare.Cloudflare(api_token="none")  # only its classes are read


def _method(name: str) -> Callable[..., Any]:
    found: Any = _client()
    for part in name.split("."):
        found = getattr(found, part)
    return found.__func__  # type: ignore[no-any-return]


def _transformed(node: ast.AST | None, function: Callable[..., Any]) -> tuple[frozenset[str], Any]:
    """Return the names in `maybe_transform({...}, Params)`, and Params."""
    for call in ast.walk(node) if node is not None else ():
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "maybe_transform":
            names, params = call.args
            assert isinstance(names, ast.Dict)
            keys = frozenset(str(key.value) for key in names.keys if isinstance(key, ast.Constant))
            return keys, _evaluate(params, function)
    return frozenset(), None


def _evaluate(node: ast.AST, function: Callable[..., Any]) -> Any:
    return eval(ast.unparse(node), function.__globals__)


@cache
def adapter(parameters: Any, names: frozenset[str], *, strict: bool) -> TypeAdapter[Any]:
    """Return what validates those parameters (by their Python names) of a TypedDict, or of a union of them, and refuses any other."""
    variants = get_args(parameters) if get_origin(parameters) in (Union, types.UnionType) else (parameters,)
    models = [_model(variant, names, strict) for variant in variants]
    union: Any = Union[tuple(models)]  # noqa: UP007 (made from a tuple)
    return TypeAdapter(union)


@cache
def _model(typed_dict: Any, names: frozenset[str] | None, strict: bool) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, hint in get_type_hints(typed_dict, include_extras=True).items():
        if names is not None and name not in names:
            continue
        bare, required, alias = _unwrapped(hint)
        if (typed_dict, name) in NOT_REQUIRED:
            required = False
        kind = _strict_type(bare, strict)
        fields[name] = (kind, Field(... if required else None, alias=alias or name))
    config = ConfigDict(extra="forbid", strict=strict)
    return create_model(typed_dict.__name__, __config__=config, **fields)


def _unwrapped(hint: Any) -> tuple[Any, bool, str | None]:
    """Return a hint without Required, NotRequired and Annotated; whether it is required; its alias."""
    required, alias = False, None
    while True:
        origin = get_origin(hint)
        if origin in (Required, typing_extensions.Required):
            required, hint = True, get_args(hint)[0]
        elif origin in (NotRequired, typing_extensions.NotRequired):
            hint = get_args(hint)[0]
        elif origin is Annotated:
            alias = next((info.alias for info in hint.__metadata__ if isinstance(info, PropertyInfo)), alias)
            hint = get_args(hint)[0]
        else:
            return hint, required, alias


def _strict_type(hint: Any, strict: bool) -> Any:
    hint = _unwrapped(hint)[0]
    if typing_extensions.is_typeddict(hint):
        return _model(hint, None, strict)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return Union[tuple(_strict_type(argument, strict) for argument in arguments)]  # noqa: UP007
    if origin is Literal or not arguments:
        return hint
    if origin in (list, SequenceNotStr) or (
        isinstance(origin, type) and issubclass(origin, Iterable) and not issubclass(origin, dict)
    ):
        return list[_strict_type(arguments[0], strict)]  # type: ignore[misc]
    return hint


def _unknown_fields(value: Any) -> Iterable[str]:
    if isinstance(value, BaseModel):
        yield from (value.model_extra or {}).keys()
        for name in type(value).model_fields:
            yield from _unknown_fields(getattr(value, name))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for one in value:
            yield from _unknown_fields(one)


def _told(error: ValidationError) -> str:
    by_variant: dict[object, list[str]] = {}
    for one in error.errors():
        place = ".".join(str(part) for part in one["loc"])
        by_variant.setdefault(one["loc"][:1], []).append(f"{place}: {one['msg']}")
    if len(by_variant) > 5:  # none of a union's variants fits: what is wrong with the one that comes closest
        by_count: list[list[str]] = sorted(by_variant.values(), key=len)
        return "; ".join(by_count[0])
    return "; ".join(line for lines in by_variant.values() for line in lines)
