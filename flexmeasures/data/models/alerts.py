"""Alerts: when a rule of a sensor was broken, and who has been told."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flexmeasures.data.config import Model
from flexmeasures.data.models.annotations import Annotation
from flexmeasures.data.models.time_series import Sensor

LONGEST_RULE_NAME = 80  # characters


class SensorAlert(Model):
    """One period in which a rule was broken; its annotation says when, and what was found.

    rule : the name of the rule
    is_open : is it broken still? Then the annotation ends where data were last known to break it
    start_told, end_told : have recipients been told?
    """

    __tablename__ = "sensor_alert"
    __table_args__ = (Index("sensor_alert_sensor_id_rule_idx", "sensor_id", "rule"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sensor_id: Mapped[int] = mapped_column(ForeignKey("sensor.id", ondelete="CASCADE"))
    annotation_id: Mapped[int] = mapped_column(
        ForeignKey("annotation.id", ondelete="CASCADE"), unique=True
    )
    rule: Mapped[str] = mapped_column(String(LONGEST_RULE_NAME))
    is_open: Mapped[bool]
    start_told: Mapped[bool] = mapped_column(default=False)
    end_told: Mapped[bool] = mapped_column(default=False)

    sensor: Mapped[Sensor] = relationship()
    annotation: Mapped[Annotation] = relationship()
