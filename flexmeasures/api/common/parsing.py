"""From requests to valid arguments of views."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import Any, NoReturn, TypeVar, cast

from flask import Request, abort, jsonify, make_response
from marshmallow import Schema, ValidationError, fields
from sqlalchemy import bindparam, inspect, select
from sqlalchemy.orm.interfaces import ORMOption
from webargs.core import missing
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.routing import BaseConverter, IntegerConverter

from flexmeasures.api.common.responses import unprocessable_entity
from flexmeasures.api.common.spelling import key_of, spelled_as_documented
from flexmeasures.data.config import Model, db
from flexmeasures.data.schemas.ids import LARGEST_ID
from flexmeasures.utils.facts import with_fact

View = TypeVar("View", bound=Callable[..., Any])

# No schema has nearly as many; a million unknown ones would take seconds to name.
_MOST_KEYS = 1000


class IdConverter(IntegerConverter):
    """Ids in paths. What is no number is the path of something else."""

    regex = "[0-9]{1,10}"


class JobIdConverter(BaseConverter):
    """Ids of jobs in paths: anything but the words that stand beside them there."""

    regex = "(?!trigger(?:/|$))[^/]+"


class Parser(FlaskParser):
    """Tells what is wrong by location and field. Unknown keys matter in bodies only."""

    __location_map__ = {**FlaskParser.__location_map__, "multipart": "load_multipart"}

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body; none at all if it is not declared to be JSON."""
        body = _json_of(req)
        return spelled_as_documented(body, schema) if isinstance(body, Mapping) else body

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """The query; what it lacks may come in the body of a GET, as the documentation shows."""
        lists = spelled_as_documented(dict(req.args.lists()), schema)
        _refuse_repetitions(lists, schema)
        body = _json_of(req) if req.method in ("GET", "HEAD") else missing
        if isinstance(body, Mapping):
            lists = {**spelled_as_documented(body, schema), **lists}
        return self._makeproxy(MultiDict(lists), schema)

    def load_multipart(self, req: Request, schema: Schema) -> Any:
        """The fields of a form, and its files."""
        lists: dict[str, list[Any]] = dict(req.form.lists())
        for key, files in req.files.lists():
            lists[key] = [*lists.get(key, ()), *files]
        if len(lists) > _MOST_KEYS:
            raise ValidationError({"_schema": [f"At most {_MOST_KEYS} keys can be sent."]})
        lists = spelled_as_documented(lists, schema)
        _refuse_repetitions(lists, schema)
        return self._makeproxy(MultiDict(lists), schema)

    def use_args(
        self,
        argmap: Any,
        req: Request | None = None,
        *,
        location: str | None = None,
        **kwargs: Any,
    ) -> Callable[..., Callable[..., Any]]:
        schema = argmap() if isinstance(argmap, type) else argmap
        if isinstance(schema, Mapping):
            schema = Schema.from_dict(dict(schema))()
        place = location or self.location
        parse = super().use_args(schema, req, location=location, **kwargs)
        return lambda view: with_fact(parse(view), "arguments", (place, schema))

    def handle_error(self, error: ValidationError, *args: Any, **kwargs: Any) -> NoReturn:
        body, code = unprocessable_entity(cast("dict[str, Any]", error.messages))
        abort(make_response(jsonify(body), code))


parser = Parser()
use_args = parser.use_args
use_kwargs = parser.use_kwargs


def from_path(name: str, model: type[Model], *options: ORMOption) -> Callable[[View], View]:
    """Replace the argument `id` of a view by the object, under the given name; 404 without one.

        @bp.get("/<id:id>")
        @from_path("account", Account)
        def get(account): ...

    options : what to load with it
    """

    @cache
    def select_it() -> Any:
        key: Any = inspect(model).primary_key[0]
        return select(model).where(key == bindparam("id")).options(*options)

    def decorate(view: View) -> View:
        @wraps(view)
        def with_object(*args: Any, id: int, **kwargs: Any) -> Any:
            found = None
            if 0 < id <= LARGEST_ID:
                found = db.session.scalars(select_it(), {"id": id}).unique().one_or_none()
            if found is None:
                raise NotFound(f"{model.__name__} {id} not found")
            return view(*args, **kwargs, **{name: found})

        return cast(View, with_fact(with_object, "path", (name, model)))

    return decorate


def _refuse_repetitions(lists: Mapping[str, list[Any]], schema: Schema) -> None:
    takes_many = (fields.List, fields.Tuple)
    single = {
        key_of(name, field)
        for name, field in schema.load_fields.items()
        if not isinstance(field, takes_many)
    }
    if repeated := [key for key, values in lists.items() if len(values) > 1 and key in single]:
        raise ValidationError({key: ["Given several times. Send it once."] for key in repeated})


def _json_of(req: Request) -> Any:
    """The body, if it is JSON and not empty; else `missing`.

    Raises BadRequest for broken JSON, ValidationError for a flood of keys.
    """
    if not req.is_json or not req.get_data(cache=True):
        return missing
    try:
        body = req.get_json()
    except BadRequest as error:
        raise BadRequest() from error  # in the words that clients know
    if isinstance(body, Mapping) and len(body) > _MOST_KEYS:
        flood = f"Has {len(body)} keys. At most {_MOST_KEYS} can be sent."
        raise ValidationError({"_schema": [flood]})
    return body
