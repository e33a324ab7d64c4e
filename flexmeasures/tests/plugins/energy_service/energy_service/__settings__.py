"""Settings of the plugin."""

ENERGY_SERVICE_PRICE = {
    "description": "EUR per month.",
    "level": "debug",
    "parse_as": float,
}
