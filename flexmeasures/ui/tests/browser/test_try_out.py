"""What pages are built of: charts, calendar, tables, colours, menu."""

from __future__ import annotations

from flexmeasures.tests.permissions.world import World
from flexmeasures.ui.tests.browser.conftest import Visit


def test_trial(visit: Visit, world: World) -> None:
    for kind in ("sensor", "asset"):
        page = visit("member", f"/try-out/{kind}/{world.ids[f'{kind} of Bakery']}/")
        page.wait_for_timeout(2500)
        page.screenshot(path=f"/tmp/shots/{kind}.png", full_page=True)
