"""What fields share: errors, and their use as types of command line options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click
from marshmallow import ValidationError, fields

if TYPE_CHECKING:
    from typing import Protocol

    class Deserializer(Protocol):
        def deserialize(self, value: Any) -> Any: ...


Function = TypeVar("Function", bound=Callable[..., Any])


class FMValidationError(ValidationError):
    """Input cannot be used; `result` and `status` are the verdict in API answers."""

    result = "Rejected"
    status = "UNPROCESSABLE_ENTITY"


class MarshmallowClickMixin(click.ParamType):
    """Lets a marshmallow field serve as the type of a click option or argument.

        class YearField(MarshmallowClickMixin, fields.Integer): ...

        @click.option("--year", type=YearField())

    What the field refuses becomes a usage error. In help texts the class name stands for the value.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name: Any = type(self).__name__  # what click calls the type ...

    def _bind_to_schema(self, field_name: str, parent: Any) -> None:
        self.name = field_name  # ... is what marshmallow calls the field
        super()._bind_to_schema(field_name, parent)  # type: ignore[misc]  # of the field class

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return type(self).__name__

    def convert(
        self: Deserializer, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Deserialize texts and numbers; anything else (a default) was converted already."""
        if not isinstance(value, (str, int, float)):
            return value
        try:
            return self.deserialize(value)
        except ValidationError as error:
            raise click.BadParameter("; ".join(_messages(error)), ctx=ctx, param=param) from error


class BooleanField(MarshmallowClickMixin, fields.Boolean):
    """Yes or no, in any of the spellings that clients use: true, 1, on, yes, in any case."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        text = value.strip().lower() if isinstance(value, str) else value
        return super()._deserialize(text, attr, data, **kwargs)


class BoundedList(fields.List):
    """A list that is validated, such as for its length, before its items are read.

    A million of them would take minutes otherwise.
    """

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[Any]:
        if isinstance(value, list):
            self._validate(value)
        return super()._deserialize(value, attr, data, **kwargs)


def _messages(error: ValidationError) -> list[str]:
    if isinstance(error.messages, dict):
        return [f"{key}: {message}" for key, message in error.messages.items()]
    return [str(message) for message in error.messages]


def with_appcontext_if_needed() -> Callable[[Function], Function]:
    """Decorate the deserialization of a field that needs the app.

    Parameters are read inside an app context already, so nothing is left to do; fields of plugins
    that are written with this decorator keep working.
    """
    return lambda function: function
