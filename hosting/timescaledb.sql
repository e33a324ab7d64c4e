-- Let TimescaleDB keep beliefs in chunks of time, if the database has this extension. Without it,
-- and if that is done already, nothing happens. Stop server and workers before:
--
--   psql --set ON_ERROR_STOP=1 --dbname flexmeasures --file hosting/timescaledb.sql
--
-- All of the table is locked until its rows have moved. See documentation/host/database.md for what
-- changes with it: backups, above all.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        RAISE NOTICE 'This database does not have the extension timescaledb, so nothing is changed.';
        RETURN;
    END IF;
    -- The primary key is the only index; it holds the time, as TimescaleDB demands of unique ones.
    PERFORM create_hypertable(
        'timed_belief', 'event_start',
        chunk_time_interval => INTERVAL '1 month',
        create_default_indexes => false,
        if_not_exists => true,
        migrate_data => true
    );
END
$$;
