"""Benchmarks use the app and the database of the tests."""

from flexmeasures.conftest import app, db, fresh_db, test_database_uri

__all__ = ["app", "db", "fresh_db", "test_database_uri"]
