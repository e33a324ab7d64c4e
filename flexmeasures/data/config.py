"""The database handle, the base class of all models, and how constraints are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

if TYPE_CHECKING:
    from flask import Flask

# Migrations rely on these names, and so does whoever asks which rule an integrity error is about.
NAMING_CONVENTION = {
    "ix": "%(table_name)s_%(column_0_name)s_idx",
    "uq": "%(table_name)s_%(column_0_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_ck",
    "fk": "%(table_name)s_%(column_0_name)s_%(referred_table_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


db = SQLAlchemy(model_class=Base)


def init_db() -> None:
    """Make all tables, for who has no use for migrations."""
    db.create_all()


def configure_db_for(app: Flask) -> SQLAlchemy:
    """The database handle, known to an app that has SQLALCHEMY_DATABASE_URI."""
    db.init_app(app)
    return db


def commit_and_start_new_session(app: Flask) -> None:
    """Commit what was changed; what was loaded is read anew when it is used."""
    db.session.commit()
    db.session.remove()


if TYPE_CHECKING:

    class Model(Base):
        """What `db.Model` is at run time, in a form that type checkers follow."""

        __abstract__ = True
        query: ClassVar[Any]

else:
    Model = db.Model
