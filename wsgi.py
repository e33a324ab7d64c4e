"""The application for a WSGI server, for instance `gunicorn wsgi:application`."""

from flexmeasures.app import create

# What requests need is loaded now, not while the first client waits.
from flexmeasures.data.beliefs import save, search
from flexmeasures.utils import metrics

__all__ = ["application", "save", "search"]

application = create()
metrics.requests()
