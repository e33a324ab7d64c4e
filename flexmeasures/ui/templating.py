"""What templates can call besides what Flask offers."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import humanize
from flask import Flask, current_app

from flexmeasures.ui.utils.settings import (
    find_first_applicable_config_entry,
    parse_config_entry_by_account_roles,
)
from flexmeasures.ui.utils.view_utils import (
    accountname,
    asset_icon_name,
    documentation_exists,
    page_variables,
    username,
)
from flexmeasures.utils.flexmeasures_inflection import capitalize, parameterize, pluralize
from flexmeasures.utils.time_utils import as_utc, localized_datetime_str, naturalized_datetime_str

_SETTINGS = (
    "FLEXMEASURES_MODE",
    "FLEXMEASURES_PLATFORM_NAME",
    "FLEXMEASURES_MENU_LISTED_VIEWS",
    "FLEXMEASURES_MENU_LISTED_VIEW_ICONS",
    "FLEXMEASURES_MENU_LISTED_VIEW_TITLES",
    "FLEXMEASURES_PUBLIC_DEMO_CREDENTIALS",
)


def set_up_templates(app: Flask) -> None:
    """Variables, filters and globals; settings are read as they are now."""
    app.context_processor(page_variables)
    environment = app.jinja_env
    environment.add_extension("jinja2.ext.do")
    environment.globals.update({name: app.config[name] for name in _SETTINGS})
    environment.globals["documentation_exists"] = documentation_exists()
    environment.filters.update(
        zip=zip,
        localized_datetime=localized_datetime,
        naturalized_datetime=naturalized_datetime_str,
        naturalized_timedelta=naturalized_timedelta,
        iso_datetime=iso_datetime,
        capitalize=capitalize,
        pluralize=pluralize,
        parameterize=parameterize,
        isnull=isnull,
        hide_nan_if_desired=hide_nan_if_desired,
        asset_icon=asset_icon_name,
        coordinate=coordinate,
        username=username,
        accountname=accountname,
        parse_config_entry_by_account_roles=parse_config_entry_by_account_roles,
        find_first_applicable_config_entry=find_first_applicable_config_entry,
    )


def localized_datetime(moment: datetime | None) -> str:
    """In the user's timezone; empty for none."""
    return "" if moment is None else localized_datetime_str(moment)


def iso_datetime(moment: datetime | None) -> str:
    """For machines, in UTC; empty for none."""
    return "" if moment is None else as_utc(moment).isoformat(timespec="seconds")


def naturalized_timedelta(duration: timedelta) -> str:
    """How people would say it.

    >>> naturalized_timedelta(timedelta(minutes=15)), naturalized_timedelta(timedelta(0))
    ('15 minutes', 'instantaneous')
    """
    return humanize.naturaldelta(duration) if duration else "instantaneous"


def coordinate(degrees: float | None) -> str:
    """With four decimals; empty for none."""
    return "" if degrees is None else f"{degrees:,.4f}"


def isnull(value: Any) -> bool:
    """Is it nothing, or no number?"""
    return value is None or value != value


def hide_nan_if_desired(value: Any) -> Any:
    """As it is; but empty for no number, if a setting wants that."""
    is_nan = isinstance(value, float) and math.isnan(value)
    if (is_nan or value in ("nan", "nan%", "NAN")) and current_app.config[
        "FLEXMEASURES_HIDE_NAN_IN_UI"
    ]:
        return ""
    return value
