"""The application for a WSGI server, for instance `gunicorn wsgi:application`."""

from flexmeasures.app import create

application = create()
