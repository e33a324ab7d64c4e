"""How gunicorn serves FlexMeasures: gunicorn --config hosting/gunicorn.conf.py wsgi:application

Options on the command line win over these, and so does the variable GUNICORN_CMD_ARGS.
"""

import os

bind = "0.0.0.0:5000"
# Processes, each with its own database connections: at most 15 of them.
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
# Requests at once in a process. Those that wait for a schedule get half of them at most.
threads = 4
# Workers show that they live by touching a file: one in memory, as disks make them wait.
worker_tmp_dir = "/dev/shm"
# Seconds that requests have to finish when the server stops or reloads.
graceful_timeout = 30
# Longer than proxies keep idle connections, so that no request of theirs meets a closed one.
keepalive = 75
# The longest that gunicorn offers: queries may name many sensors.
limit_request_line = 8190
control_socket_disable = True


def on_starting(server):  # type: ignore[no-untyped-def]
    """Processes count for /metrics in files of a common folder, in memory, too."""
    import tempfile

    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        server.metrics_folder = tempfile.mkdtemp(prefix="flexmeasures-metrics-", dir="/dev/shm")
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = server.metrics_folder


def on_exit(server):  # type: ignore[no-untyped-def]
    import shutil

    if folder := getattr(server, "metrics_folder", None):
        shutil.rmtree(folder, ignore_errors=True)
