"""Tables and their plain behaviour.

All tables are loaded together, since they refer to each other by name.
"""

# No `from __future__ import annotations` here: that name would hide the module of the same name.
from flexmeasures.data.models import (  # noqa: F401
    alerts,
    annotations,
    attempts,
    data_sources,
    generic_assets,
    log_ins,
    task_runs,
    time_series,
    user,
)
