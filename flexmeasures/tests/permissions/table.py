"""Who gets what from which route: the whole of it, one line per route and kind of object.

A cell is an HTTP status; the same by token and by session, unless they are given as token/session.
"""

from __future__ import annotations

from typing import Any

CALLERS = (
    "anonymous",
    "other",
    "member",
    "account-admin",
    "admin-reader",
    "admin",
    "deactivated",
)

# Objects: see `World`. "self" is whoever asks.
OWN_ACCOUNT, OTHER_ACCOUNT = "account of Bakery", "account of Mill"
OWN_ASSET, OTHER_ASSET, PUBLIC_ASSET = "asset of Bakery", "asset of Mill", "asset of None"
OWN_SENSOR, OTHER_SENSOR, PUBLIC_SENSOR = "sensor of Bakery", "sensor of Mill", "sensor of None"

#                     anon other member acc-adm reader admin deactivated
EVERYBODY = "         200  200   200    200     200    200   200"
LOGGED_IN = "         401  200   200    200     200    200   401"
PAGE = "              302  200   200    200     200    200   302"
NOBODY = "            403  403   403    403     403    403   403"
ADMINS = "            401  403   403    403     403    200   401"
READERS = "           401  403   403    403     200    200   401"
MEMBERS = "           401  403   200    200     403    200   401"
MEMBERS_READ = "      401  403   200    200     200    200   401"
THE_OTHERS = "        401  200   403    403     403    200   401"
THE_OTHERS_READ = "   401  200   403    403     200    200   401"
ACCOUNT_ADMINS = "    401  403   403    200     403    200   401"
UNKNOWN = "           401  404   404    404     404    404   401"
NO_PAGE = "           302  404   404    404     404    404   302"
READERS_PAGE = "      302  403   403    403     200    200   302"
ADMINS_FORM = "       302  403   403    403     403    303   302"
NO_QUEUE = "          302  403   403    403     404    404   302"
NO_JOB = "            302  403   403    403     403    404   302"
UNPROCESSABLE = "     401  422   422    422     422    422   401"
SUNSET = "            410  410   410    410     410    410   410"

_ASSETS = {
    "GET": {OWN_ASSET: MEMBERS_READ, OTHER_ASSET: THE_OTHERS_READ, PUBLIC_ASSET: LOGGED_IN},
    "POST": {OWN_ASSET: MEMBERS, OTHER_ASSET: THE_OTHERS, PUBLIC_ASSET: ADMINS},
    "PATCH": {OWN_ASSET: MEMBERS, OTHER_ASSET: THE_OTHERS, PUBLIC_ASSET: ADMINS},
    # the other tenant's user happens to be account-admin there
    "DELETE": {OWN_ASSET: ACCOUNT_ADMINS, OTHER_ASSET: THE_OTHERS, PUBLIC_ASSET: ADMINS},
}
_EXAMPLES = {
    f"{method} /example/assets/<id>": objects | {"unknown": UNPROCESSABLE}
    for method, objects in _ASSETS.items()
} | {
    f"{method} /example/sensors/<id>": {
        object_.replace("asset", "sensor"): outcome for object_, outcome in objects.items()
    }
    | {"unknown": UNPROCESSABLE}
    for method, objects in _ASSETS.items()
}

_SENSOR_DATA = {
    "GET": {OWN_SENSOR: MEMBERS_READ, OTHER_SENSOR: THE_OTHERS_READ, PUBLIC_SENSOR: LOGGED_IN},
    "POST": {OWN_SENSOR: MEMBERS, OTHER_SENSOR: THE_OTHERS, PUBLIC_SENSOR: ADMINS},
}

# Paths of old versions; each has those of the one before, too.
_SINCE_V1 = ["GET getMeterData", "POST getMeterData", "POST postMeterData", "GET getService"]
_SINCE_V1_1 = [
    *_SINCE_V1,
    "GET getConnection",
    "POST postPriceData",
    "POST postWeatherData",
    "GET getPrognosis",
    "POST postPrognosis",
]
_SINCE_V1_2 = [*_SINCE_V1_1, "GET getDeviceMessage", "POST postUdiEvent"]
_SINCE_V2_0 = [
    *_SINCE_V1_2,
    "GET assets",
    "POST assets",
    "GET asset/<id>",
    "PATCH asset/<id>",
    "DELETE asset/<id>",
    "GET users",
    "GET user/<id>",
    "PATCH user/<id>",
    "PATCH user/<id>/password-reset",
]
_OLD_VERSIONS = {
    f"{route.split()[0]} /api/{version}/{route.split()[1]}": {"unknown": SUNSET}
    for version, routes in {
        "v1": _SINCE_V1,
        "v1_1": _SINCE_V1_1,
        "v1_2": _SINCE_V1_2,
        "v1_3": _SINCE_V1_2,
        "v2_0": _SINCE_V2_0,
    }.items()
    for route in routes
}

_ASSETS_BY_ID = {
    f"{method} /api/v3_0/assets/<id>": {
        object_: outcome.replace("200", "204") if method == "DELETE" else outcome
        for object_, outcome in objects.items()
    }
    | {"unknown": UNKNOWN}
    for method, objects in _ASSETS.items()
    if method != "POST"
}

_SENSORS_BY_ID = {
    route.replace("assets", "sensors"): {
        object_.replace("asset", "sensor"): outcome for object_, outcome in objects.items()
    }
    for route, objects in _ASSETS_BY_ID.items()
}

_CHARTS = {
    f"GET {path}": objects | {"unknown": UNKNOWN}
    for paths, objects in (
        (
            ["v3_0/assets/<id>/chart/", "v3_0/assets/<id>/chart_data/", "dev/asset/<id>/"],
            _ASSETS["GET"],
        ),
        (
            [f"dev/sensor/<id>/{of}" for of in ("", "chart/", "chart_data/", "chart_annotations/")],
            _SENSOR_DATA["GET"],
        ),
    )
    for path in (f"/api/{path}" for path in paths)
}

TABLE: dict[str, dict[str, str]] = {
    # Versions and operation
    "GET /api/": {"": EVERYBODY},
    "GET /api/v3_0": {"": EVERYBODY},
    "GET /api/v3_0/health/details": {"": EVERYBODY.replace("200", "503")},  # nothing migrates tests
    "GET /api/v3_0/health/live": {"": EVERYBODY},
    "GET /api/v3_0/health/ready": {"": EVERYBODY},
    "GET /metrics": {"": READERS},
    "GET /api/v3_0/openapi.json": {"": EVERYBODY},
    "GET /api/v3_0/docs": {"": EVERYBODY},
    "GET /api/v3_0/docs/<filename>": {"docs.js": EVERYBODY},
    "GET /api/ops/ping": {"": EVERYBODY},
    "GET /api/ops/getLatestTaskRun": {  # takes a secret of the server, not of a user
        "": "  401 403/401 403/401 403/401 403/401 403/401 403/401"
    },
    "POST /api/ops/postLatestTaskRun": {  # by token only; 400 as no task is named
        "": "  401 403/401 403/401 403/401 403/401 400/401 401"
    },
    **_OLD_VERSIONS,
    # Accounts
    "GET /api/v3_0/accounts": {"": LOGGED_IN},
    "GET /api/v3_0/accounts/<id>": {
        OWN_ACCOUNT: MEMBERS_READ,
        OTHER_ACCOUNT: THE_OTHERS_READ,
        "unknown": UNKNOWN,
    },
    # Users
    "GET /api/v3_0/users": {
        "": LOGGED_IN,
        f"?account_id={OWN_ACCOUNT}": MEMBERS_READ,
        f"?account_id={OTHER_ACCOUNT}": THE_OTHERS_READ,
        "?account_id=unknown": UNPROCESSABLE,
    },
    "GET /api/v3_0/users/<id>": {
        "self": LOGGED_IN,
        "colleague": MEMBERS_READ,
        "admin of the bakery": MEMBERS_READ,
        "other": THE_OTHERS_READ,
        "unknown": UNKNOWN,
    },
    "PATCH /api/v3_0/users/<id>": {
        "self": LOGGED_IN,
        "colleague": ACCOUNT_ADMINS,
        "admin of the bakery": ADMINS,
        "other": THE_OTHERS,
        "unknown": UNKNOWN,
    },
    "PATCH /api/v3_0/users/<id>/password-reset": {
        "self": LOGGED_IN,
        "colleague": ACCOUNT_ADMINS,
        "admin of the bakery": ADMINS,
        "other": THE_OTHERS,
        "unknown": UNKNOWN,
    },
    # Sensors
    "GET /api/v3_0/sensors": {
        "": LOGGED_IN,
        f"?account_id={OWN_ACCOUNT}": MEMBERS_READ,
        f"?account_id={OTHER_ACCOUNT}": THE_OTHERS_READ,
        "?account_id=unknown": UNPROCESSABLE,
        f"?asset={OWN_ASSET}": MEMBERS_READ,
        f"?asset={OTHER_ASSET}": THE_OTHERS_READ,
        f"?asset={PUBLIC_ASSET}": LOGGED_IN,
        "?asset=unknown": UNPROCESSABLE,
    },
    "POST /api/v3_0/sensors": {
        object_: outcome.replace("200", "201") for object_, outcome in _ASSETS["POST"].items()
    }
    | {"unknown": UNPROCESSABLE},
    **_SENSORS_BY_ID,
    # Data of sensors
    "GET /api/v3_0/sensors/data": _SENSOR_DATA["GET"] | {"unknown": UNPROCESSABLE},
    "POST /api/v3_0/sensors/data": _SENSOR_DATA["POST"] | {"unknown": UNPROCESSABLE},
    "GET /api/v3_0/sensors/<id>/data": _SENSOR_DATA["GET"] | {"unknown": UNKNOWN},
    "POST /api/v3_0/sensors/<id>/data": _SENSOR_DATA["POST"] | {"unknown": UNKNOWN},
    "DELETE /api/v3_0/sensors/<id>/data": {
        object_.replace("asset", "sensor"): outcome.replace("200", "204")
        for object_, outcome in _ASSETS["DELETE"].items()
    }
    | {"unknown": UNKNOWN},
    # Without a file.
    "POST /api/v3_0/sensors/<id>/data/upload": {
        object_: outcome.replace("200", "422") for object_, outcome in _SENSOR_DATA["POST"].items()
    }
    | {"unknown": UNKNOWN},
    "GET /api/v3_0/sensors/<id>/accuracy": _SENSOR_DATA["GET"] | {"unknown": UNKNOWN},
    "GET /api/v3_0/sensors/<id>/alerts": _SENSOR_DATA["GET"] | {"unknown": UNKNOWN},
    # Schedules. Only tests of schedules ask for some that can be made, or are.
    "POST /api/v3_0/sensors/<id>/schedules/trigger": {
        object_: outcome.replace("200", "422") for object_, outcome in _SENSOR_DATA["POST"].items()
    }
    | {"unknown": UNKNOWN},
    "GET /api/v3_0/sensors/<id>/schedules/<job:uuid>": {
        object_: outcome.replace("200", "400") for object_, outcome in _SENSOR_DATA["GET"].items()
    }
    | {"unknown": UNKNOWN},
    "POST /api/v3_0/assets/<id>/schedules/trigger": {
        object_: outcome.replace("200", "422") for object_, outcome in _ASSETS["POST"].items()
    }
    | {"unknown": UNKNOWN},
    # Likewise.
    "POST /api/v3_0/sensors/<id>/forecasts/trigger": {
        object_: outcome.replace("200", "422") for object_, outcome in _SENSOR_DATA["POST"].items()
    }
    | {"unknown": UNKNOWN},
    "GET /api/v3_0/sensors/<id>/forecasts/<job:uuid>": {
        object_: outcome.replace("200", "422") for object_, outcome in _SENSOR_DATA["GET"].items()
    }
    | {"unknown": UNKNOWN},
    "GET /api/v3_0/jobs/<uuid>": {"unknown": UNKNOWN},  # and of others, as tests of jobs say
    # Assets
    "GET /api/v3_0/assets": {
        "": LOGGED_IN,
        f"?account_id={OWN_ACCOUNT}": MEMBERS_READ,
        f"?account_id={OTHER_ACCOUNT}": THE_OTHERS_READ,
        "?account_id=unknown": UNPROCESSABLE,
        f"?root={OWN_ASSET}": MEMBERS_READ,
        f"?root={OTHER_ASSET}": THE_OTHERS_READ,
        f"?root={PUBLIC_ASSET}": LOGGED_IN,
        "?root=unknown": UNPROCESSABLE,
    },
    "GET /api/v3_0/assets/public": {
        "": "401 200/401 200/401 200/401 200/401 200/401 401",
    },
    "GET /api/v3_0/assets/types": {"": LOGGED_IN},
    "GET /api/v3_0/assets/<id>/sensors": _ASSETS["GET"] | {"unknown": UNKNOWN},
    **_CHARTS,
    # Children of these. Who adds assets to accounts, tests of assets say.
    "POST /api/v3_0/assets": {
        #               anon other member acc-adm reader admin deactivated
        OWN_ASSET: "    401  403   201    201     403    201   401",
        OTHER_ASSET: "  401  201   403    403     403    201   401",
        PUBLIC_ASSET: " 401  403   403    403     403    201   401",
        "unknown": UNKNOWN,
    },
    **_ASSETS_BY_ID,
    # Tokens and passwords
    "POST /api/requestAuthToken": {
        #      anon other    member   acc-adm  reader   admin   deactivated
        "": "  400  400      400      400      400      400     400",
    },
    "GET /login": {"": "  200  302   302    302     302    302   200"},
    "POST /login": {"": " 200  302   302    302     302    302   200"},
    "GET /logout": {"": " 302  200   200    200     200    200   302"},
    "POST /logout": {"": "302  302   302    302     302    302   302"},
    "GET /verify": {"": LOGGED_IN},
    "POST /verify": {"": LOGGED_IN},
    "GET /reset": {"": EVERYBODY},
    "POST /reset": {"": EVERYBODY},
    "GET /reset/<token>": {"unknown": "302 302 302 302 302 302 302"},
    "POST /reset/<token>": {"unknown": "302 302 302 302 302 302 302"},
    # Pages
    "GET /": {"": "302 302 302 302 302 302 302"},
    "GET /dashboard": {"": PAGE},
    "GET /dashboard/state/<id>": {
        #                          anon other member acc-adm reader admin deactivated
        OWN_ASSET: "               302  403   200    200     200    200   302",
        OTHER_ASSET: "             302  200   403    403     200    200   302",
        PUBLIC_ASSET: PAGE,
        "unknown": NO_PAGE,
    },
    # for accounts with the role Prosumer, which the bakery has
    "GET /control": {"": "         302  403   200    200     403    200   302"},
    "POST /control": {"": "        302  403   200    200     403    200   302"},
    "GET /docs": {"": "            404  404   404    404     404    404   404"},
    "GET /logged-in-user": {"": PAGE},
    "GET /upload": {"": PAGE},
    "GET /upload/<id>": {
        #                          anon other member acc-adm reader admin deactivated
        OWN_SENSOR: "              302  403   200    200     403    200   302",
        OTHER_SENSOR: "            302  200   403    403     403    200   302",
        PUBLIC_SENSOR: "           302  403   403    403     403    200   302",
        "unknown": NO_PAGE,
    },
    "GET /sensors/<id>/": {
        #                          anon other member acc-adm reader admin deactivated
        OWN_SENSOR: "              302  403   200    200     200    200   302",
        OTHER_SENSOR: "            302  200   403    403     200    200   302",
        PUBLIC_SENSOR: PAGE,
        "unknown": NO_PAGE,
    },
    "GET /sensors/<id>/chart/": _SENSOR_DATA["GET"] | {"unknown": UNKNOWN},
    # Pages about users and accounts
    "GET /users": {"": PAGE},
    "GET /users/<id>": {
        #                          anon other member acc-adm reader admin deactivated
        "self": PAGE,
        "colleague": "             302  403   403    200     200    200   302",
        "admin of the bakery": "   302  403   403    403     200    200   302",
        "other": "                 302  200   403    403     200    200   302",
        "unknown": NO_PAGE,
    },
    "GET /users/toggle_active/<id>": {
        "self": NOBODY,
        "colleague": "             403  403   403    200     403    200   403",
        "admin of the bakery": "   403  403   403    403     403    200   403",
        "unknown": "               403  404   404    404     404    404   403",
    },
    "POST /users/toggle_active/<id>": {
        "self": "                  302  403   403    403     403    403   302",
        "colleague": "             302  403   403    303     403    303   302",
        "admin of the bakery": "   302  403   403    403     403    303   302",
        "unknown": NO_PAGE,
    },
    "GET /users/reset_password_for/<id>": {
        "self": PAGE,
        "colleague": "             302  403   403    200     403    200   302",
        "admin of the bakery": "   302  403   403    403     403    200   302",
        "unknown": NO_PAGE,
    },
    "POST /users/reset_password_for/<id>": {
        "self": PAGE.replace("200", "303"),
        "colleague": "             302  403   403    303     403    303   302",
        "admin of the bakery": "   302  403   403    403     403    303   302",
        "unknown": NO_PAGE,
    },
    "GET /accounts": {"": PAGE},
    "GET /accounts/<account_id>": {
        OWN_ACCOUNT: "             302  403   200    200     200    200   302",
        OTHER_ACCOUNT: "           302  200   403    403     200    200   302",
        "unknown": NO_PAGE,
    },
    "GET /assets/": {"": PAGE},
    "GET /assets/owned_by/<account_id>/": {
        OWN_ACCOUNT: "      302 403 200 200 200 200 302",
        OTHER_ACCOUNT: "    302 200 403 403 200 200 302",
        "unknown": PAGE,
    },
    "GET /assets/<id>/": {
        OWN_ASSET: "        302 403 200 200 200 200 302",
        OTHER_ASSET: "      302 200 403 403 200 200 302",
        PUBLIC_ASSET: PAGE,
        "unknown": "        302 404 404 404 404 404 302",
        "new": "            302 200 403 200 403 200 302",
    },
    # Without changes; the form of a new one, with errors.
    "POST /assets/<id>/": {
        OWN_ASSET: "        302 403 200 200 403 200 302",
        OTHER_ASSET: "      302 200 403 403 403 200 302",
        PUBLIC_ASSET: "     302 403 403 403 403 200 302",
        "unknown": "        302 404 404 404 404 404 302",
        "create": "         302 200 403 200 403 200 302",
    },
    "GET /assets/delete_with_data/<id>/": {
        OWN_ASSET: "        302 403 403 200 403 200 302",
        OTHER_ASSET: "      302 200 403 403 403 200 302",
        PUBLIC_ASSET: "     302 403 403 403 403 200 302",
        "unknown": "        302 404 404 404 404 404 302",
    },
    "POST /assets/delete_with_data/<id>/": {
        OWN_ASSET: "        302 403 403 303 403 303 302",
        OTHER_ASSET: "      302 303 403 403 403 303 302",
        PUBLIC_ASSET: "     302 403 403 403 403 303 302",
        "unknown": "        302 404 404 404 404 404 302",
    },
    # Pages about tasks. Their changes are asked for with jobs that are not there, or none at all.
    "GET /tasks/": {"": READERS_PAGE},
    "GET /tasks/<queue>": {"scheduling": READERS_PAGE, "unknown": NO_QUEUE},
    "GET /tasks/<queue>/<int:page>": {},
    "GET /tasks/job/<job_id>": {"unknown": NO_QUEUE},
    "GET /tasks/queues.json": {"": READERS_PAGE},
    "GET /tasks/workers.json": {"": READERS_PAGE},
    "GET /tasks/rq-instances.json": {"": READERS_PAGE},
    "GET /tasks/jobs/<queue>/<int:page>.json": {},
    "POST /tasks/job/<job_id>/requeue": {"unknown": NO_JOB},
    "POST /tasks/job/<job_id>/cancel": {"unknown": NO_JOB},
    "POST /tasks/requeue-all": {"": ADMINS_FORM},
    "POST /tasks/queue/<queue>/empty": {"scheduling": ADMINS_FORM, "unknown": NO_JOB},
    "POST /tasks/queue/<queue>/compact": {"scheduling": ADMINS_FORM, "unknown": NO_JOB},
    "GET /rq/": {"": "302 302 302 302 302 302 302"},
    "GET /rq/<path:path>": {"scheduling": "302 302 302 302 302 302 302"},
    # Files
    "GET /favicon.ico": {"": EVERYBODY},
    "GET /ui/static/<path:filename>": {"css/flexmeasures.css": EVERYBODY},
    "GET /fs-static/<path:filename>": {"unknown": "404 404 404 404 404 404 404"},
    "GET /static/<path:filename>": {"unknown": "404 404 404 404 404 404 404"},
    # Of a plugin
    **_EXAMPLES,
    "GET /example/public": {"": EVERYBODY},
    "GET /example/page": {"": PAGE},
    "GET /example/form": {"": PAGE},
    "POST /example/form": {"": PAGE},
    "GET /example/token": {
        "": "401 200/401 200/401 200/401 200/401 200/401 401",
    },
    "GET /example/library-role": {"": "403 403 403 403 403 403 403"},
    "GET /example/one-role": {"": "401 200 403 200 403 200 401"},
    "GET /example/both-roles": {"": ADMINS},
    "GET /example/one-account-role": {"": MEMBERS},
    "GET /example/both-account-roles": {"": ADMINS},
    "GET /example/no-such-permission": {"": NOBODY},
    "GET /example/nothing": {"": "401 403 403 403 403 403 401"},
    "GET /example/no-access-list": {"": "401 403 403 403 403 403 401"},
}

# Refusals in words of their own.
OTHER_WORDS = {"GET /api/ops/getLatestTaskRun"}

# What is sent along, in the body or (by GET) in the query, where it takes something to get beyond
# the first check. `<id>` is that of the object.
_EVENTS = {"start": "2026-03-01T07:00:00+01:00", "duration": "PT15M", "unit": "MW"}
_ADDRESS = {"sensor": "ea1.2021-01.localhost:fm1.<id>"}
BODIES: dict[str, Any] = {
    "PATCH /api/v3_0/users/<id>": {"timezone": "Europe/Paris"},
    "POST /api/v3_0/assets": {
        "name": "new",
        "generic_asset_type_id": 1,
        "parent_asset_id": "<id>",
    },
    "POST /api/v3_0/sensors": {
        "name": "new",
        "unit": "kW",
        "event_resolution": "PT15M",
        "generic_asset_id": "<id>",
    },
    "GET /api/v3_0/sensors/data": _EVENTS | _ADDRESS,
    "POST /api/v3_0/sensors/data": _EVENTS | _ADDRESS | {"values": [1]},
    "GET /api/v3_0/sensors/<id>/data": _EVENTS,
    "POST /api/v3_0/sensors/<id>/schedules/trigger": {"start": _EVENTS["start"]},
    "POST /api/v3_0/assets/<id>/schedules/trigger": {"start": _EVENTS["start"]},
    "POST /api/v3_0/sensors/<id>/forecasts/trigger": {"model": "crystal ball"},
    "POST /api/v3_0/sensors/<id>/data": _EVENTS | {"values": [1]},
}


def outcomes(cells: str) -> dict[str, dict[str, int]]:
    """By caller, and by the way in which that is known."""
    by_caller = {}
    for caller, cell in zip(CALLERS, cells.split(), strict=True):
        by_token, _, by_session = cell.partition("/")
        by_caller[caller] = {"token": int(by_token), "session": int(by_session or by_token)}
    return by_caller
