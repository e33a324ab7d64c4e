FROM python:3.12-slim

# Cbc solves schedules; the PostgreSQL client dumps and restores; curl asks for the server's health.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends coinor-cbc curl postgresql-client \
    && rm -rf /var/lib/apt/lists/*

ENV LANG=C.UTF-8 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONUNBUFFERED=1

WORKDIR /app

COPY requirements requirements
RUN pip install --requirement requirements/app.txt --requirement requirements/test.txt

COPY setup.py pyproject.toml MANIFEST.in LICENSE NOTICE README.md .flaskenv wsgi.py ./
COPY ci ci
COPY migrations migrations
COPY flexmeasures flexmeasures

# The build has no version control: docker build --build-arg VERSION=0.13.2 .
ARG VERSION=0.13.1
RUN SETUPTOOLS_SCM_PRETEND_VERSION_FOR_FLEXMEASURES=${VERSION} pip install --no-deps --editable .

# One instance folder for server and commands, whichever of the two places is mounted.
RUN mkdir -p /app/instance /usr/var && ln -s /app/instance /usr/var/flexmeasures-instance

EXPOSE 5000

CMD ["gunicorn", "--bind", "0.0.0.0:5000", "--worker-tmp-dir", "/dev/shm", \
     "--workers", "2", "--threads", "4", "wsgi:application"]
