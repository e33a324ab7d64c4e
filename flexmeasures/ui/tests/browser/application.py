"""The app, and a page on which tests try out what pages are built of."""

from __future__ import annotations

import os

from flask import Blueprint, render_template_string
from flask_mail import email_dispatched
from flask_security import login_required
from redis import Redis

from flexmeasures.app import create
from flexmeasures.bootstrap import extensions

tryout = Blueprint("tryout", __name__)

_PAGE = """
{% extends "base.html" %}
{% import "macros.html" as ui with context %}
{% set active_page = "dashboard" %}
{% block title %}Try-out{% endblock %}
{% block divs %}
<h1>Try-out</h1>
<div class="sidepanel-container"><div>
  <button type="button" class="left-sidepanel-label">Select dates</button>
  <div class="left-sidepanel"><div id="datepicker"></div></div>
</div></div>
<div class="alert alert-info" id="tzwarn" hidden></div>
<div class="card"><div class="card-body">
<div id="sensorchart"
  data-spec-url="{{ spec_url }}" data-data-url="{{ data_url }}" data-info-url="{{ info_url }}"
  data-dataset="rows" data-name="try-out"
  data-start="{{ event_starts_after | iso_datetime }}"
  data-end="{{ event_ends_before | iso_datetime }}"></div>
</div></div>
<table class="table paginate" id="numbers">
  <caption>Numbers</caption>
  <thead><tr>
    <th scope="col">Number</th><th scope="col">Rest</th><th scope="col" class="no-sort">Word</th>
  </tr></thead>
  <tbody>{% for number in range(23) %}<tr>
    <td>{{ number }}</td><td>{{ 100 - number }}</td><td>{{ ["even", "odd"][number % 2] }}</td>
  </tr>{% endfor %}</tbody>
</table>
{% block leftsidepanel %}{{ super() }}{% endblock %}
{% block sensorChartSetup %}{{ super() }}{% endblock %}
{% endblock %}
"""


@tryout.get("/try-out/<kind>/<int:id>/")
@login_required
def page(kind: str, id: int) -> str:
    charts = {"asset": f"/api/v3_0/assets/{id}", "sensor": f"/api/dev/sensor/{id}"}
    return render_template_string(
        _PAGE,
        spec_url=f"{charts[kind]}/chart/",
        data_url=f"{charts[kind]}/chart_data/",
        info_url=f"/api/dev/{kind}/{id}/",
    )


# Mails go nowhere but into a list, for tests to read.
MAILS = "mails-of-tests"

# The queues of the tests, so that they can let workers run.
_redis = Redis.from_url(os.environ["FLEXMEASURES_TEST_REDIS_URL"])
extensions._redis_connection = lambda app: _redis
application = create()
application.register_blueprint(tryout)

application.extensions["mail"].suppress = True
email_dispatched.connect(lambda _, message: _redis.rpush(MAILS, message.body), weak=False)
