"""Which solvers the tests of the engine use: Cbc and HiGHS always, others if they are there."""

from __future__ import annotations

import shutil
from importlib.util import find_spec

INSTALLED = ["cbc", "highs"]
if shutil.which("glpsol"):
    INSTALLED.append("glpk")
if shutil.which("cplex") or find_spec("cplex"):
    INSTALLED.append("cplex")
