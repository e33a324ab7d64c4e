"""How charts are embedded in pages."""

from __future__ import annotations

from typing import Any

# Options of vega-embed. `ast` as the content security policy forbids to evaluate text as code.
chart_options: dict[str, Any] = {
    "mode": "vega-lite",
    "renderer": "svg",
    "actions": {"export": True, "source": True, "editor": True},
    "theme": "light",
    "tooltip": {"theme": "light"},
    "ast": True,
}
