"""The one place from which we import the library timely-beliefs.

Importing timely-beliefs imports openturns, properscoring and scipy.special, which cost more than
everything else in our start-up together, and which serve probabilistic beliefs only. So while
timely-beliefs is imported here, it is handed a stand-in for each, which imports the real module
when something of it is first used. Afterwards anyone else's `import openturns` is an ordinary one.

    from flexmeasures.utils.timely import tb

Whoever imports timely_beliefs before this module gets the real modules, and pays for them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

HEAVY_MODULES = ("openturns", "properscoring", "scipy.special")


class _StandIn(ModuleType):
    """Looks like the module of that name, which it imports once an attribute is asked for."""

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self.__name__), attribute)
        setattr(self, attribute, value)
        return value


@contextmanager
def _stand_ins_for(names: tuple[str, ...]) -> Iterator[None]:
    """Within this context, importing one of these gives its stand-in, unless it is loaded."""
    stand_ins = {name: _StandIn(name) for name in names if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]


with _stand_ins_for(HEAVY_MODULES):
    import timely_beliefs as tb

__all__ = ["tb"]
