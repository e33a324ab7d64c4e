"""Rules of sensors: what to be alerted to. They are the sensor's attribute `alert-rules`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from flexmeasures.data.schemas.texts import one_line
from flexmeasures.data.schemas.times import DurationField
from flexmeasures.data.schemas.utils import FMValidationError

ALERT_RULES = "alert-rules"

_MOST_RULES, _MOST_RECIPIENTS = 20, 20
_LONGEST = timedelta(days=366)
_OWN_FIELDS = {
    "above": ["limit", "for"],
    "below": ["limit", "for"],
    "gap": ["longer-than"],
    "outlier": ["z-score", "history"],
}
_REQUIRED = ("limit", "longer-than")
_Z_SCORE, _HISTORY = 3.5, timedelta(days=7)  # unless a rule says otherwise


@dataclass(frozen=True)
class AlertRule:
    """kind : above or below (a limit, for some duration), gap, or outlier

    limit : in the sensor's unit, of kinds above and below; the z-score, of outliers
    duration : for how long values are above or below; how long a gap may be; the history that
        outliers are compared with
    recipients : addresses
    """

    name: str
    kind: str
    limit: float
    duration: timedelta
    recipients: tuple[str, ...]


class RuleDurationField(DurationField):
    """An exact duration of a year at most."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> timedelta:
        length = super()._deserialize(value, attr, data, **kwargs)
        if not isinstance(length, timedelta):
            raise FMValidationError("Months and years differ in length: count in days.")
        if not timedelta(0) <= length <= _LONGEST:
            raise FMValidationError("A duration is between none and 366 days.")
        return length


class AlertRuleSchema(Schema):
    kind = fields.String(required=True, validate=validate.OneOf([*_OWN_FIELDS]))
    name = fields.String(validate=[validate.Length(min=1, max=80), one_line])
    limit = fields.Float(allow_nan=False)
    for_ = RuleDurationField(data_key="for")
    longer_than = RuleDurationField(data_key="longer-than")
    z_score = fields.Float(
        data_key="z-score", allow_nan=False, validate=validate.Range(min=0, min_inclusive=False)
    )
    history = RuleDurationField()
    recipients = fields.List(
        fields.Email(validate=validate.Length(max=255)),
        load_default=list,
        validate=validate.Length(max=_MOST_RECIPIENTS),
    )

    @validates_schema(skip_on_field_errors=True)
    def validate_fields_of_kind(self, rule: dict[str, Any], **_: Any) -> None:
        own = _OWN_FIELDS[rule["kind"]]
        for name, field in self.fields.items():
            key = field.data_key or name
            given = name in rule
            if given and key not in (*own, "kind", "name", "recipients"):
                raise FMValidationError(f"A rule of kind {rule['kind']} has no such field.", key)
            if not given and key in own and key in _REQUIRED:
                raise FMValidationError("Missing data for required field.", key)
            if given and not rule[name] and key in ("longer-than", "history"):
                raise FMValidationError("A duration above 0 is needed.", key)

    @post_load
    def make_rule(self, rule: dict[str, Any], **_: Any) -> AlertRule:
        kind, limit = rule["kind"], rule.get("limit", 0.0)
        if kind == "gap":
            duration, name = rule["longer_than"], kind
        elif kind == "outlier":
            limit, name = rule.get("z_score", _Z_SCORE), kind
            duration = rule.get("history", _HISTORY)
        else:
            duration, name = rule.get("for_", timedelta(0)), f"{kind} {limit:g}"
        recipients = tuple(dict.fromkeys(address.lower() for address in rule["recipients"]))
        return AlertRule(rule.get("name", name), kind, limit, duration, recipients)


_schema = AlertRuleSchema()


def load_rules(value: Any) -> list[AlertRule]:
    """Rules as a sensor's attribute has them. Raises ValidationError, which names what is wrong."""
    if not isinstance(value, list) or len(value) > _MOST_RULES:
        raise FMValidationError(f"{ALERT_RULES}: expected a list of at most {_MOST_RULES} rules.")
    rules: list[AlertRule] = []
    for number, given in enumerate(value, start=1):
        try:
            rule = _schema.load(given)
        except ValidationError as error:
            raise FMValidationError(
                f"{ALERT_RULES}, rule {number}: {_in_words(error.normalized_messages())}"
            ) from error
        if any(rule.name == other.name for other in rules):
            raise FMValidationError(
                f"{ALERT_RULES}, rule {number}: another rule is named '{rule.name}', too."
            )
        rules.append(rule)
    return rules


def check_rules(attributes: Mapping[str, Any]) -> None:
    """Raise ValidationError unless the rules among a sensor's attributes, if any, can be used."""
    if attributes.get(ALERT_RULES) is not None:
        load_rules(attributes[ALERT_RULES])


def _in_words(messages: Any) -> str:
    if isinstance(messages, Mapping):
        return "; ".join(f"{key}: {_in_words(value)}" for key, value in messages.items())
    return " ".join(map(str, messages)) if isinstance(messages, list) else str(messages)
