"""A place for what people do about flexibility; plugins may have more to offer there."""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from flask_security import login_required

from flexmeasures.auth.decorators import account_roles_required
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template


@login_required
@account_roles_required("Prosumer")
def control_view() -> ResponseReturnValue:
    return render_flexmeasures_template("views/control.html")
