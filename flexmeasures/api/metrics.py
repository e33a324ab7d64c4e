"""`/metrics`: what the server does and how it is, in the words of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from flask import Blueprint, Response, current_app, request
from flask_security import current_user
from werkzeug.exceptions import Forbidden, Unauthorized

import flexmeasures
from flexmeasures.api.common.watchers import may_watch
from flexmeasures.data.config import db
from flexmeasures.data.services.figures import (
    AGES,
    DatabaseFigures,
    QueueFigures,
    figures_of_database,
    figures_of_queues,
)
from flexmeasures.data.services.health import Probe
from flexmeasures.data.services.job_counts import STEPS, Durations, JobCounts
from flexmeasures.utils import metrics as counted

if TYPE_CHECKING:
    from prometheus_client import Metric

for_prometheus = Blueprint("flexmeasures_metrics", __name__)

_PATIENCE = 4.5  # seconds for each server; those who ask wait ten, by default

_database, _redis = Probe("database"), Probe("Redis server")


@for_prometheus.get("/metrics")
def get_metrics() -> Response:
    """What cannot be found out is left out: the others must be there above all then."""
    if not may_watch():
        raise Forbidden() if current_user.is_authenticated else Unauthorized()
    from prometheus_client.exposition import choose_encoder

    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    response = Response(encode(_Everything()), content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    return response


class _Everything:
    """What the library asks for what there is."""

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily

        yield from counted.collector().collect()
        yield InfoMetricFamily(
            "flexmeasures", "The software.", value={"version": flexmeasures.__version__}
        )
        engine, scripts = db.engine, current_app.extensions["migrate"].directory
        of_queues = _redis.ask(figures_of_queues, _PATIENCE)
        of_database = _database.ask(lambda: figures_of_database(engine, scripts), _PATIENCE)
        up = GaugeMetricFamily("flexmeasures_up", "Does it answer?", labels=["server"])
        up.add_metric(["database"], float(of_database is not None))
        up.add_metric(["redis"], float(of_queues is not None))
        yield up
        if of_queues is not None:
            yield from _of_queues(of_queues[0])
            yield from _of_jobs(of_queues[1])
        if of_database is not None:
            yield from _of_database(of_database)


def _of_queues(queues: Iterable[QueueFigures]) -> Iterator[Metric]:
    from prometheus_client.metrics_core import GaugeMetricFamily as Gauge

    jobs = Gauge("flexmeasures_jobs", "Jobs by queue and state.", labels=["queue", "state"])
    oldest = Gauge(
        "flexmeasures_oldest_job_seconds",
        "For how long the oldest job of a queue has waited; 0 if none waits.",
        labels=["queue"],
    )
    workers = Gauge("flexmeasures_workers", "Workers by queue.", labels=["queue"])
    busy = Gauge("flexmeasures_workers_busy", "Those that work on a job.", labels=["queue"])
    for queue in queues:
        for state, number in queue.jobs.items():
            jobs.add_metric([queue.name, state], number)
        oldest.add_metric([queue.name], queue.oldest or 0.0)
        workers.add_metric([queue.name], queue.workers)
        busy.add_metric([queue.name], queue.busy)
    yield from (jobs, oldest, workers, busy)


def _of_jobs(counts: JobCounts) -> Iterator[Metric]:
    from prometheus_client.metrics_core import CounterMetricFamily

    runs = CounterMetricFamily(
        "flexmeasures_job_runs", "Runs of jobs by queue and outcome.", labels=["queue", "outcome"]
    )
    for (queue, outcome), number in counts.runs.items():
        runs.add_metric([queue, outcome], number)
    yield runs
    yield _histogram("job", "Time that runs of jobs took.", "queue", counts.durations)
    text = "Time that schedulers took to plan: to state the problem, and to solve it."
    yield _histogram("planning", text, "solver", counts.planning)


def _histogram(what: str, text: str, label: str, durations: dict[str, Durations]) -> Metric:
    from prometheus_client.metrics_core import HistogramMetricFamily

    name = f"flexmeasures_{what}_duration_seconds"
    family = HistogramMetricFamily(name, text, labels=[label])
    for whose, known in durations.items():
        steps = [*map(str, map(float, STEPS)), "+Inf"]
        buckets = list(zip(steps, (*known.up_to, known.number), strict=True))
        family.add_metric([whose], buckets, known.seconds)
    return family


def _of_database(figures: DatabaseFigures) -> Iterator[Metric]:
    from prometheus_client.metrics_core import CounterMetricFamily as Counter
    from prometheus_client.metrics_core import GaugeMetricFamily as Gauge

    yield Gauge(
        "flexmeasures_migrations_at_head",
        "Are the tables those of this version?",
        value=float(figures.migrations_at_head),
    )
    yield Counter("flexmeasures_beliefs_stored", "Beliefs that were stored.", figures.stored)
    yield Counter(
        "flexmeasures_beliefs_replaced", "Beliefs that got another value.", figures.replaced
    )
    if figures.freshness is None:
        return
    by_type = ["asset_type"]
    sensors = Gauge("flexmeasures_sensors", "Sensors by type of asset.", labels=by_type)
    measured = Gauge(
        "flexmeasures_sensors_measured",
        "Sensors with measurements that are not older than that.",
        labels=["asset_type", "within"],
    )
    newest = Gauge(
        "flexmeasures_newest_measurement_seconds",
        "How old the newest measurement is, if it is not older than two days.",
        labels=by_type,
    )
    for one in figures.freshness:
        sensors.add_metric([one.asset_type], one.sensors)
        for age, number in zip(AGES, one.measured, strict=True):
            measured.add_metric([one.asset_type, age], number)
        if one.newest is not None:
            newest.add_metric([one.asset_type], one.newest)
    yield from (sensors, measured, newest)
