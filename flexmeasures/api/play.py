"""For servers in play mode: start over from a backup."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields

from flexmeasures.api.common.describe import answers, takes
from flexmeasures.api.common.responses import (
    no_backup,
    request_processed,
    unrecognized_backup,
)
from flexmeasures.auth.acl import ADMIN_ROLE
from flexmeasures.auth.csrf import exempt_from_csrf
from flexmeasures.auth.decorators import auth_required, roles_required
from flexmeasures.data.config import db
from flexmeasures.data.services.backups import UnrecognizedBackup, folder_of, restore

play = Blueprint("flexmeasures_api_play", __name__, url_prefix="/api")

_ANSWER = {
    "type": "object",
    "properties": {"message": {"type": "string"}, "status": {"type": "string"}},
    "required": ["message", "status"],
}


class BackupBody(Schema):
    backup = fields.String(
        required=True, metadata={"description": "Name of a backup.", "example": "spring_backup"}
    )


class BackupQuery(Schema):
    backup = fields.String(metadata={"description": "Name to use in place of that in the body."})


@play.put("/restoreData")
@exempt_from_csrf
@answers(200, _ANSWER, "The database is what it was.")
@answers(400, _ANSWER, "No backup is named, or it is not known or not whole; nothing has changed.")
@answers(403)
@takes("query", BackupQuery)
@takes("json", BackupBody)
@auth_required("token")
@roles_required(ADMIN_ROLE)
def restore_data() -> ResponseReturnValue:
    """Replace all there is by a backup on the server, and empty the job queues.

    The name of the backup comes in the JSON body, under the key `backup`. If the query has one,
    too, that one is used.

    .. :quickref: Play; Restore the database to a known state
    """
    body: Any = request.get_json() if request.is_json else None
    if not isinstance(body, dict) or "backup" not in body:
        return no_backup()
    name: Any = request.args.get("backup", body["backup"])
    if not isinstance(name, str):
        return no_backup("It is the name of a backup.")
    try:
        folder = folder_of(current_app.config["FLEXMEASURES_DB_BACKUP_PATH"], name)
        if not folder.is_dir():
            return unrecognized_backup()
        restore(folder)
    except UnrecognizedBackup as error:
        db.session.rollback()
        return unrecognized_backup(str(error))
    # Before the commit: if the queues cannot be reached, nothing has changed.
    for queue in current_app.queues.values():  # type: ignore[attr-defined]
        queue.empty()
    db.session.commit()
    return request_processed(f"Database restored to {name}.")
