"""How sessions are written into cookies and records: one small class for each layout."""

from typing import Final

from ..presets import Preset
from .connect import ExpressRecord, GenericRecord
from .cookie import CookieFormat
from .cookie_session import CookieSessionFormat
from .express import ExpressFormat
from .koa import KoaFormat
from .record import RecordFormat
from .starlette import StarletteFormat

FORMATS: Final[dict[Preset | None, type[CookieFormat]]] = {
    None: KoaFormat,
    "koa": KoaFormat,
    "koa-generic": KoaFormat,
    "express": ExpressFormat,
    "cookie-session": CookieSessionFormat,
    "starlette": StarletteFormat,
}
"""How each writes its cookie."""

RECORDS: Final[dict[Preset | None, type[RecordFormat]]] = {
    None: RecordFormat,
    "koa": RecordFormat,
    "koa-generic": GenericRecord,
    "express": ExpressRecord,
}
"""How each that has a store writes a record."""
