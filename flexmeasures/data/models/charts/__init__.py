"""Charts, as plugins know them; they live in `flexmeasures.charts`."""

from __future__ import annotations

from flexmeasures.charts.filled import chart_type_to_chart_specs

__all__ = ["chart_type_to_chart_specs"]
