"""The systems that share sessions with us, one file each: its defaults, its cookie, its record and its dialect."""

from typing import Final

from ..cookies.format import CookieFormat
from ..option_types import OptionValues
from ..types import Preset
from . import cookie_session, express, koa, koa_generic, native, starlette
from .dialect import Dialect
from .record import RecordFormat

DIALECTS: Final[dict[Preset | None, Dialect]] = {
    None: native.DIALECT,
    "koa": koa.DIALECT,
    "koa-generic": koa_generic.DIALECT,
    "express": express.DIALECT,
    "cookie-session": cookie_session.DIALECT,
    "starlette": starlette.DIALECT,
}

PRESETS: Final[dict[Preset, OptionValues]] = {
    "koa": koa.DEFAULTS,
    "koa-generic": koa_generic.DEFAULTS,
    "express": express.DEFAULTS,
    "cookie-session": cookie_session.DEFAULTS,
    "starlette": starlette.DEFAULTS,
}
"""The defaults of each preset, in place of ours."""

FORMATS: Final[dict[Preset | None, type[CookieFormat]]] = {
    None: koa.KoaFormat,
    "koa": koa.KoaFormat,
    "koa-generic": koa.KoaFormat,
    "express": express.ExpressFormat,
    "cookie-session": cookie_session.CookieSessionFormat,
    "starlette": starlette.StarletteFormat,
}
"""The cookie format of each system."""

RECORDS: Final[dict[Preset | None, type[RecordFormat]]] = {
    None: RecordFormat,
    "koa": RecordFormat,
    "koa-generic": koa_generic.GenericRecord,
    "express": express.ExpressRecord,
}
"""The record format of each system that has a store."""
