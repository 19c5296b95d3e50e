"""How sessions are written into cookies and records: one small class for each layout."""

from typing import Final

from ..presets import Preset
from .cookie import CookieFormat
from .cookie_session import CookieSessionFormat
from .express import ExpressFormat
from .koa import KoaFormat
from .starlette import StarletteFormat

FORMATS: Final[dict[Preset | None, type[CookieFormat]]] = {
    None: KoaFormat,
    "koa": KoaFormat,
    "koa-generic": KoaFormat,
    "express": ExpressFormat,
    "cookie-session": CookieSessionFormat,
    "starlette": StarletteFormat,
}
