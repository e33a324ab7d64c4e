"""From requests to valid arguments of views."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast

from flask import abort, jsonify, make_response
from marshmallow import ValidationError
from sqlalchemy.orm.interfaces import ORMOption
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import NotFound

from flexmeasures.api.common.responses import unprocessable_entity
from flexmeasures.data.config import Model, db
from flexmeasures.data.schemas.ids import LARGEST_ID

View = TypeVar("View", bound=Callable[..., Any])


class Parser(FlaskParser):
    """Tells what is wrong by location and field. Unknown keys matter in bodies only."""

    def handle_error(self, error: ValidationError, *args: Any, **kwargs: Any) -> NoReturn:
        body, code = unprocessable_entity(cast("dict[str, Any]", error.messages))
        abort(make_response(jsonify(body), code))


parser = Parser()
use_args = parser.use_args
use_kwargs = parser.use_kwargs


def from_path(name: str, model: type[Model], *options: ORMOption) -> Callable[[View], View]:
    """Replace the argument `id` of a view by the object, under the given name; 404 without one.

        @bp.get("/<id>")
        @from_path("account", Account)
        def get(account): ...

    options : what to load with it
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def with_object(*args: Any, id: str, **kwargs: Any) -> Any:
            number = int(id) if id.isascii() and id.isdecimal() and len(id) < 11 else 0
            found = None
            if 0 < number <= LARGEST_ID:
                found = db.session.get(model, number, options=options)
            if found is None:
                raise NotFound(f"{model.__name__} {id} not found")
            return view(*args, **kwargs, **{name: found})

        return cast(View, with_object)

    return decorate
