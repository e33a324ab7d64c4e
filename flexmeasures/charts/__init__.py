"""Charts: pictures of sensor data, described in Vega-Lite, and the rows that fill them.

Specifications are plain dictionaries, made anew for each chart. They name their data; whoever
embeds them loads the rows (see `records`), or they travel along in `datasets`. Some numbers are
written by functions that the embedding page defines: `quantityWithUnitFormat`, `timedeltaFormat`.
"""
