"""Small worlds for tests: accounts, users, assets and data with names that plugins' tests may know.

Each function gives things by name, and makes those that are missing, with all that they need. They
flush; nothing is committed. `flexmeasures.conftest` has fixtures of them.
"""
