#!/bin/sh
# Prepare a database on a server that just starts: wait until it answers, then load extensions.
# Reads PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDB; needs the PostgreSQL client programs.
set -eu
cd "$(dirname "$0")"
: "${PGDB:?Set PGDB to the name of the database.}"

for _ in $(seq 60); do
    if pg_isready --quiet --dbname "$PGDB"; then
        exec psql --quiet --set ON_ERROR_STOP=1 --dbname "$PGDB" --file load-psql-extensions.sql
    fi
    sleep 1
done
echo "No PostgreSQL server answers at ${PGHOST:-the local socket}:${PGPORT:-5432}." >&2
exit 1
