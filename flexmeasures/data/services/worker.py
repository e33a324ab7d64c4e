"""The worker: takes jobs from queues, and lets a process of its own run each of them.

What it adds to RQ's: no job gets lost or stays started when processes die, a job never takes longer
than its limit, and neither Redis nor the database has to be there all the time.
"""

from __future__ import annotations

import gc
import importlib
import random
import signal
import string
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, Worker
from rq.exceptions import DequeueTimeout
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.utils import as_text, now

from flexmeasures.data.config import db
from flexmeasures.data.services import job_counts, jobs
from flexmeasures.data.services.rehearsal import rehearse

if TYPE_CHECKING:
    from redis import Redis
    from rq.executions import Execution

HEARTBEAT = 10  # seconds between two signs of life while a job runs
GRACE = 45  # seconds without one, after which a run counts as dead
REAPING = 15  # seconds between two looks for dead runs
OVERTIME = 3  # seconds by which a run may exceed its limit before it is killed
GOOD_BYE = 20  # seconds that a job gets to finish when the worker is to stop
PATIENCE = 60  # seconds to wait for Redis to come back, with each command
_TURN = 0.1  # seconds to listen to one of several queues


class SafeQueue(Queue):
    """A queue whose jobs are always in some list, also between two of its steps."""

    @classmethod
    def lpop(
        cls, queue_keys: Sequence[str], timeout: int | None, connection: Redis | None = None
    ) -> Any:
        """Of the first queue with a job: its key and the job, which moves to its next list.

        Redis can wait for several lists at once, but not move what comes: so listen in turns.
        """
        assert connection is not None
        for key in queue_keys:
            if (found := cls.lmove(connection, key, None)) is not None:
                return found
        if timeout is None:
            return None
        for _ in range(max(1, round(timeout / _TURN / len(queue_keys)))):
            for key in queue_keys:
                try:
                    return cls.lmove(connection, key, _TURN)  # type: ignore[arg-type]
                except DequeueTimeout:
                    continue
        raise DequeueTimeout(timeout, queue_keys)


class JobWorker(Worker):
    """Runs the jobs of some queues; make it with `make_worker`, then call `work`."""

    queue_class = SafeQueue

    def __init__(self, queues: Iterable[str], name: str, connection: Redis) -> None:
        # It waits for Redis as long as it takes; once it is to stop, not much longer.
        connection.set_retry(Retry(ConstantBackoff(1), -1))
        super().__init__(
            list(queues),
            name=name,
            connection=connection,
            exception_handlers=[_handler_of(list(queues))],
            worker_ttl=REAPING + 15,  # RQ listens for 15 seconds less, then lets us look around
            maintenance_interval=REAPING,
            job_monitoring_interval=HEARTBEAT,
        )
        self._overdue = False
        self._strays: dict[str, datetime] = {}

    def bootstrap(self, *args: Any, **kwargs: Any) -> None:
        super().bootstrap(*args, **kwargs)
        self._install_signal_handlers()  # from now on, it can stop in good order

    def register_birth(self) -> None:
        """Under the name that was asked for, or if somebody has it, with the first free number."""
        if self.birth_date is not None:
            return None
        wanted = self.name
        with self.connection.lock("flexmeasures:naming-workers", timeout=10):
            for name in (wanted, *(f"{wanted}-{number}" for number in range(1, 51))):
                self.name = name
                if self._is_free():
                    return super().register_birth()
        raise ValueError(f"There are {wanted} and 50 others of that name already.")

    def _is_free(self) -> bool:
        return not self.connection.exists(self.key) or self.connection.hexists(self.key, "death")

    # While a job runs

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        return GRACE

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """What the new process does. Connections to the database that it inherited are not its."""
        db.session.remove()
        db.engine.dispose(close=False)
        super().main_work_horse(job, queue)

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        with jobs.traced(job):
            return super().perform_job(job, queue, execution)

    def handle_job_success(self, job: Job, *args: Any, **kwargs: Any) -> None:
        super().handle_job_success(job, *args, **kwargs)
        self._count(job, job_counts.FINISHED)

    def handle_job_failure(self, job: Job, *args: Any, **kwargs: Any) -> None:
        """Not only what the job's own process tells, but also what became of jobs without one."""
        outcome = job_counts.RETRIED if job.should_retry else job_counts.FAILED
        if self._stopped_job_id == job.id:
            outcome = job_counts.STOPPED
        super().handle_job_failure(job, *args, **kwargs)
        self._count(job, outcome)

    def _count(self, job: Job, outcome: str) -> None:
        # Only its own process knows when this run began.
        began = job.started_at if self._is_horse else None
        took = None if began is None else (now() - began).total_seconds()
        job_counts.count_run(job, outcome, took, self.connection)

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = True) -> None:
        super().prepare_job_execution(job, True)  # SafeQueue always has such a list

    def monitor_work_horse(self, job: Job, queue: Queue, execution: Execution) -> None:
        """Also stops what does not listen to RQ's alarm: a solver that computes in this process."""
        self._overdue = False
        alarm = threading.Timer((job.timeout or jobs.TIME_LIMIT) + OVERTIME, self._end_overdue)
        alarm.start()
        try:
            super().monitor_work_horse(job, queue, execution)
        except RedisError as error:  # the run counts as dead, and is found by the reaper
            self.log.warning("Worker %s: no Redis to tell about %s: %s", self.name, job.id, error)
            self._horse_pid = 0
        finally:
            alarm.cancel()

    def _end_overdue(self) -> None:
        self._overdue = True
        self._kill()

    def _kill(self) -> None:
        """The process that runs the job, and those that it started."""
        if self.horse_pid:
            self.kill_horse(signal.SIGKILL)

    def handle_work_horse_killed(self, job: Job, retpid: Any, ret_val: Any, rusage: Any) -> None:
        """Its own process could not tell why it failed; called before RQ decides on another run."""
        super().handle_work_horse_killed(job, retpid, ret_val, rusage)
        if self._overdue:
            job.retries_left = 0
            reason = f"The job was stopped, as it took longer than its limit of {job.timeout} s."
            _give_up(job, TimeoutError, reason)
        elif self._stop_requested:
            job.retries_left = (job.retries_left or 0) + 1  # this run does not count
        elif not job.should_retry:
            reason = f"The process that ran the job ended unexpectedly (status {ret_val})."
            _give_up(job, RuntimeError, reason)

    # The end

    def handle_warm_shutdown_request(self) -> None:
        """Let the running job finish if it can soon; else it goes back to its queue."""
        super().handle_warm_shutdown_request()
        self.connection.set_retry(Retry(ConstantBackoff(1), 5))
        self._stop_requested = True
        good_bye = threading.Timer(GOOD_BYE, self._kill)
        good_bye.daemon = True
        good_bye.start()

    # Jobs whose worker died

    def run_maintenance_tasks(self) -> None:
        """Now and then, one worker at a time."""
        from rq.registry import clean_registries
        from rq.worker_registration import clean_worker_registry

        self.last_cleaned_at = now()  # type: ignore[assignment]
        lock = self.connection.lock("flexmeasures:reaper", timeout=4 * REAPING)
        if not lock.acquire(blocking=False):
            return
        try:
            for queue in self.queues:
                self._reap(queue)
                clean_registries(queue, self._exc_handlers)
                clean_worker_registry(queue)
        finally:
            if lock.owned():
                lock.release()

    def _reap(self, queue: Queue) -> None:
        """Find jobs that no process works on (any more), though they left the queue.

        First they are put back, then forgotten as started: if we die in between, the next one does
        the former again, which does no harm.
        """
        registry = StartedJobRegistry(queue=queue)
        moment = now()
        dead, running = [], set()
        entries: Any = self.connection.zrange(registry.key, 0, -1, withscores=True)
        for entry, expiry in entries:
            job_id = registry.parse_job_id(as_text(entry))
            if expiry < moment.timestamp():
                dead.append((entry, job_id))
            else:
                running.add(job_id)
        for entry, job_id in dead:
            if job_id not in running:
                self._revive(job_id, queue)
            self.connection.zrem(registry.key, entry)
        taken = {as_text(job_id) for job_id in queue.intermediate_queue.get_job_ids()}
        # A job is here for a moment: a stray is one that still is the next time.
        for job_id in self._strays_among(taken - running, moment):
            self._revive(job_id, queue)
            queue.intermediate_queue.remove(job_id)

    def _strays_among(self, job_ids: Iterable[str], moment: datetime) -> Iterator[str]:
        self._strays = {job_id: self._strays.get(job_id, moment) for job_id in job_ids}
        for job_id, since in self._strays.items():
            if (moment - since).total_seconds() >= REAPING:
                yield job_id

    def _revive(self, job_id: str, queue: Queue) -> None:
        """Put a job back in its queue, or if it had its runs, among those that failed."""
        job = queue.fetch_job(job_id)
        if job is None or job.get_status(refresh=False).value not in ("started", "queued"):
            return
        if job.get_position() is not None:
            return
        self.log.warning("Worker %s: job %s was left by its worker", self.name, job_id)
        reason = "The worker that ran the job died."
        if not job.should_retry:
            _give_up(job, RuntimeError, reason)
        self.handle_job_failure(job, queue, exc_string=reason)


def make_worker(queues: Iterable[str], name: str | None = None) -> JobWorker:
    """A worker of this app, known to Redis under its name, and with all that jobs need loaded.

    Raises UnknownQueue.
    """
    names = [jobs.find_queue(queue).name for queue in queues]
    worker = JobWorker(names, name or _random_name(), jobs.redis_connection())
    preload(names)
    worker.register_birth()
    return worker


def preload(queues: Iterable[str]) -> None:
    """Load once what each job would load anew, as its process begins as a copy of this one."""
    from sqlalchemy.orm import configure_mappers

    for queue in queues:
        for module in _HEAVY.get(queue, ()):
            importlib.import_module(module)
    configure_mappers()
    if "scheduling" in queues:
        rehearse()
    db.engine.dispose()
    gc.collect()
    gc.freeze()  # what will not be touched is not copied


# Not all of it is needed with each job. Models are imported, but not fitted before processes are
# copied: their threads would not be.
_HEAVY = {
    "scheduling": (
        "highspy",
        "pyomo.environ",
        "flexmeasures.scheduling.engine.solvers.pyomo_rows",
    ),
    "forecasting": (
        "sklearn.ensemble",
        "sklearn.linear_model",
        "flexmeasures.data.services.forecasting",
    ),
}


def _random_name() -> str:
    return "fm-worker-" + "".join(random.choices(string.ascii_lowercase, k=6))


def _handler_of(queues: list[str]) -> Any:
    """Which function learns of exceptions."""
    if queues == ["scheduling"]:
        from flexmeasures.data.services.scheduling import handle_scheduling_exception

        return handle_scheduling_exception
    if queues == ["forecasting"]:
        from flexmeasures.data.services.forecasting import handle_forecasting_exception

        return handle_forecasting_exception
    return handle_worker_exception


def handle_worker_exception(
    job: Job, exc_type: type[BaseException], exc_value: BaseException, traceback: Any
) -> None:
    """Tell, and keep it with the job; forecasts are tried with another model."""
    print(f"HANDLING RQ {job.origin.upper()} EXCEPTION: {exc_type}: {exc_value}")
    if job.origin == "forecasting":
        from flexmeasures.data.services.forecasting import note_failure

        note_failure(job, exc_type, exc_value, traceback)
    else:
        jobs.handle_failure(job, exc_type, exc_value, traceback)


def _give_up(job: Job, error: type[BaseException], reason: str) -> None:
    """A job that had its runs, and whose process could not tell itself."""
    job.get_meta(refresh=True)  # what the process noted
    jobs.remember_exception(job, error, reason)
    if job.origin == "forecasting":
        from flexmeasures.data.services.forecasting import use_fallback

        use_fallback(job)
