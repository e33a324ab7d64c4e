"""The API, version 3.0: one module, and one blueprint, a resource."""

from __future__ import annotations

from flask import Blueprint

from flexmeasures.api.openapi.views import docs
from flexmeasures.api.public import list_services
from flexmeasures.api.v3_0.accounts import accounts
from flexmeasures.api.v3_0.accuracy import accuracy
from flexmeasures.api.v3_0.alerts import alerts
from flexmeasures.api.v3_0.asset_charts import asset_charts
from flexmeasures.api.v3_0.assets import assets
from flexmeasures.api.v3_0.forecasts import forecasts
from flexmeasures.api.v3_0.health import health
from flexmeasures.api.v3_0.jobs import jobs
from flexmeasures.api.v3_0.schedules import schedules
from flexmeasures.api.v3_0.sensor_data import sensor_data
from flexmeasures.api.v3_0.sensors import sensors
from flexmeasures.api.v3_0.users import users

v3_0 = Blueprint("v3_0", __name__, url_prefix="/api/v3_0")
v3_0.get("")(list_services)
v3_0.register_blueprint(docs)
v3_0.register_blueprint(accounts)
v3_0.register_blueprint(accuracy)
v3_0.register_blueprint(alerts)
v3_0.register_blueprint(asset_charts)
v3_0.register_blueprint(assets)
v3_0.register_blueprint(forecasts)
v3_0.register_blueprint(health)
v3_0.register_blueprint(jobs)
v3_0.register_blueprint(schedules)
v3_0.register_blueprint(sensor_data)
v3_0.register_blueprint(sensors)
v3_0.register_blueprint(users)
