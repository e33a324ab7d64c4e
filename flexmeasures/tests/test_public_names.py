from __future__ import annotations

import importlib
import importlib.metadata
from pathlib import Path

import pytest
from packaging.version import Version

import flexmeasures
from flexmeasures.tests.program import run_python


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("Account", "flexmeasures.data.models.user.Account"),
        ("AccountRole", "flexmeasures.data.models.user.AccountRole"),
        ("Annotation", "flexmeasures.data.models.annotations.Annotation"),
        ("Asset", "flexmeasures.data.models.generic_assets.GenericAsset"),
        ("AssetType", "flexmeasures.data.models.generic_assets.GenericAssetType"),
        ("Forecaster", "flexmeasures.forecasting.base.Forecaster"),
        ("Scheduler", "flexmeasures.scheduling.base.Scheduler"),
        ("Sensor", "flexmeasures.data.models.time_series.Sensor"),
        ("Source", "flexmeasures.data.models.data_sources.DataSource"),
        ("User", "flexmeasures.data.models.user.User"),
        ("UserRole", "flexmeasures.data.models.user.Role"),
    ],
)
def test_public_names(name: str, home: str) -> None:
    public = getattr(flexmeasures, name)
    assert f"{public.__module__}.{public.__qualname__}" == home
    assert name in dir(flexmeasures)


# What plugins import, by module.
OF_PLUGINS = {
    "flexmeasures.api.common.utils.api_utils": "save_and_enqueue save_to_db",
    "flexmeasures.app": "create",
    "flexmeasures.auth.decorators": (
        "account_roles_accepted account_roles_required permission_required_for_context "
        "roles_accepted roles_required"
    ),
    "flexmeasures.auth.error_handling": (
        "FORBIDDEN_ERROR_CLASS FORBIDDEN_ERROR_STATUS FORBIDDEN_MSG FORBIDDEN_STATUS_CODE "
        "UNAUTH_ERROR_CLASS UNAUTH_ERROR_STATUS UNAUTH_MSG UNAUTH_STATUS_CODE "
        "unauthenticated_handler unauthorized_handler"
    ),
    "flexmeasures.auth.policy": (
        "ADMIN_READER_ROLE ADMIN_ROLE AuthModelMixin EVERY_LOGGED_IN_USER PERMISSIONS "
        "check_access user_has_admin_access user_matches_principals"
    ),
    "flexmeasures.cli": "is_running",
    "flexmeasures.cli.utils": "DeprecatedDefaultGroup MsgStyle",
    "flexmeasures.data": "db ma",
    "flexmeasures.data.config": "commit_and_start_new_session configure_db_for db init_db",
    "flexmeasures.data.models.annotations": (
        "Annotation get_or_create_annotation to_annotation_frame"
    ),
    "flexmeasures.data.models.data_sources": "DataSource",
    "flexmeasures.data.models.generic_assets": (
        "GenericAsset GenericAssetType assets_share_location get_center_location_of_assets"
    ),
    "flexmeasures.data.models.planning": "Scheduler",
    "flexmeasures.data.models.planning.exceptions": (
        "MissingAttributeException UnknownForecastException UnknownMarketException "
        "UnknownPricesException WrongTypeAttributeException"
    ),
    "flexmeasures.data.models.planning.linear_optimization": "device_scheduler",
    "flexmeasures.data.models.planning.storage": "StorageScheduler",
    "flexmeasures.data.models.planning.utils": (
        "fallback_charging_policy get_power_values get_prices initialize_df initialize_index "
        "initialize_series"
    ),
    "flexmeasures.data.models.task_runs": "LatestTaskRun",
    "flexmeasures.data.models.time_series": "Sensor TimedBelief",
    "flexmeasures.data.models.user": "Account AccountRole Role RolesAccounts RolesUsers User",
    "flexmeasures.data.queries.generic_assets": (
        "get_asset_group_queries get_location_queries query_assets_by_type"
    ),
    "flexmeasures.data.queries.utils": "simplify_index",
    "flexmeasures.data.schemas": (
        "AssetIdField AwareDateTimeField DurationField LatitudeField LongitudeField SensorIdField "
        "SourceIdField"
    ),
    "flexmeasures.data.schemas.account": "AccountIdField AccountRoleSchema AccountSchema",
    "flexmeasures.data.schemas.generic_assets": (
        "GenericAssetIdField GenericAssetSchema GenericAssetTypeSchema JSON"
    ),
    "flexmeasures.data.schemas.sensors": "SensorIdField SensorSchema SensorSchemaMixin",
    "flexmeasures.data.schemas.sources": "DataSourceIdField",
    "flexmeasures.data.schemas.times": (
        "AwareDateTimeField DurationField DurationValidationError PlanningDurationField"
    ),
    "flexmeasures.data.schemas.units": "QuantityField QuantityValidator",
    "flexmeasures.data.schemas.utils": (
        "FMValidationError MarshmallowClickMixin with_appcontext_if_needed"
    ),
    "flexmeasures.data.services.accounts": (
        "get_account_roles get_accounts get_number_of_assets_in_account"
    ),
    "flexmeasures.data.services.asset_grouping": "AssetGroup get_asset_group_queries",
    "flexmeasures.data.services.data_sources": "get_or_create_source get_source_or_none",
    "flexmeasures.data.services.forecasting": (
        "create_forecasting_jobs handle_forecasting_exception make_fixed_viewpoint_forecasts "
        "make_rolling_viewpoint_forecasts num_forecasts"
    ),
    "flexmeasures.data.services.scheduling": (
        "create_scheduling_job find_scheduler_class get_data_source_for_job "
        "handle_scheduling_exception load_custom_scheduler make_schedule"
    ),
    "flexmeasures.data.services.sensors": "get_sensors",
    "flexmeasures.data.services.time_series": (
        "aggregate_values drop_unchanged_beliefs set_bdf_source simplify_index"
    ),
    "flexmeasures.data.services.users": (
        "InvalidFlexMeasuresUser create_user delete_user find_user_by_email get_user get_users "
        "remove_cookie_and_token_access set_random_password"
    ),
    "flexmeasures.data.services.utils": "get_or_create_model job_cache",
    "flexmeasures.data.tests.dummy_scheduler": "DummyScheduler",
    "flexmeasures.data.transactional": (
        "PartialTaskCompletionException after_request_exception_rollback_session as_transaction "
        "task_with_status_report"
    ),
    "flexmeasures.data.utils": "get_data_source save_to_db save_to_session",
    "flexmeasures.ui.utils.view_utils": (
        "accountname asset_icon_name clear_session get_git_description "
        "render_flexmeasures_template set_time_range_for_session username"
    ),
    "flexmeasures.utils.app_utils": (
        "find_first_applicable_config_entry flexmeasures_cli init_sentry "
        "parse_config_entry_by_account_roles root_dispatcher"
    ),
    "flexmeasures.utils.calculations": (
        "drop_nan_rows integrate_time_series mean_absolute_error mean_absolute_percentage_error "
        "weighted_absolute_percentage_error"
    ),
    "flexmeasures.utils.coding_utils": (
        "deprecated flatten_unique make_registering_decorator methods_with_decorator "
        "optional_arg_decorator rgetattr sort_dict timeit"
    ),
    "flexmeasures.utils.entity_address_utils": (
        "EntityAddressException build_entity_address parse_entity_address"
    ),
    "flexmeasures.utils.flexmeasures_inflection": (
        "capitalize humanize join_words_into_a_list parameterize pluralize titleize"
    ),
    "flexmeasures.utils.geo_utils": "cos_rad_lat earth_distance parse_lat_lng rad_lng sin_rad_lat",
    "flexmeasures.utils.grid_cells": "LatLngGrid get_cell_nums",
    "flexmeasures.utils.time_utils": (
        "as_server_time decide_resolution determine_minimum_resampling_resolution "
        "duration_isoformat ensure_local_timezone forecast_horizons_for "
        "freq_label_to_human_readable_label get_default_start_time get_first_day_of_next_month "
        "get_max_planning_horizon get_most_recent_clocktime_window get_most_recent_quarter "
        "get_timezone localized_datetime localized_datetime_str naive_utc_from "
        "naturalized_datetime_str resolution_to_hour_factor round_to_closest_quarter server_now "
        "supported_horizons timedelta_to_pandas_freq_str to_http_time tz_index_naively"
    ),
    "flexmeasures.utils.unit_utils": (
        "convert_units determine_flow_unit determine_stock_unit "
        "determine_unit_conversion_multiplier is_energy_price_unit is_energy_unit is_power_unit "
        "is_valid_unit to_preferred units_are_convertible ur"
    ),
}


@pytest.mark.parametrize("module", OF_PLUGINS)
def test_what_plugins_import(module: str) -> None:
    home = importlib.import_module(module)
    assert [name for name in OF_PLUGINS[module].split() if not hasattr(home, name)] == []


def test_unknown_names_are_missed() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Sensors'"):
        _ = flexmeasures.Sensors


def test_version_of_the_installed_distribution_can_be_compared() -> None:
    assert flexmeasures.__version__ == importlib.metadata.version("flexmeasures")
    assert Version("0.13") <= Version(flexmeasures.__version__) < Version("0.32")
    assert flexmeasures.version("flexmeasures") == flexmeasures.__version__


def test_version_when_not_installed(tmp_path: Path) -> None:
    code = (
        "import importlib.metadata as metadata\n"
        "def version(name): raise metadata.PackageNotFoundError(name)\n"
        "metadata.version = version\n"
        "import flexmeasures; print(flexmeasures.__version__)"
    )
    assert run_python(tmp_path, "-c", code).stdout == "Unknown\n"
