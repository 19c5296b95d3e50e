"""The types of options: the values, the defaults, and the fields that cookies and dialects read."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal, Protocol, TypeAlias, TypedDict

from .events import Listener
from .types import Algorithm, ExternalKey, Preset, Priority, SameSite, Scope

StoreErrorPolicy: TypeAlias = Literal["unavailable", "raise", "anonymous"]
OnStoreError: TypeAlias = StoreErrorPolicy | Callable[[Scope, Exception], StoreErrorPolicy | Awaitable[StoreErrorPolicy]]
Seconds: TypeAlias = int | float | timedelta
Ttl: TypeAlias = Seconds | Callable[[dict[str, Any]], Seconds]


class OptionValues(TypedDict, total=False):
    """The options of ``SessionOptions`` and ``SessionMiddleware``; all but ``keys`` have defaults."""

    keys: Sequence[str | bytes]
    allow_weak_keys: bool
    key: str
    max_age: Seconds | Literal["session"] | None
    absolute_age: Seconds | None
    auto_commit: bool
    rolling: bool
    renew: bool
    signed: bool
    algorithm: Algorithm
    encrypt: bool
    http_only: bool
    overwrite: bool
    secure: bool | Literal["auto"]
    same_site: SameSite | Literal["auto"] | None
    domain: str | None
    path: str
    partitioned: bool
    priority: Priority | None
    trust_proxy: bool
    encode: Callable[[dict[str, Any]], str] | None
    decode: Callable[[str], dict[str, Any]] | None
    valid: Callable[[Scope, Any], bool | Awaitable[bool]] | None
    before_save: Callable[[Scope, Any], Awaitable[None] | None] | None
    max_cookie_bytes: int
    max_header_bytes: int
    duplicates: Literal["reject", "first"]
    keep_empty: bool
    lazy_rolling: bool
    drop_bad_signature: bool
    cache_headers: bool
    store: Any
    context_store: Callable[[Scope], Any] | None
    genid: Callable[[Scope], str | Awaitable[str]] | None
    prefix: str
    ttl: Ttl | None
    external_key: ExternalKey | None
    defer: bool
    resave: bool
    allow_empty: bool
    unset: Literal["destroy", "keep"]
    regenerate_grace: Seconds
    match_path: bool
    on_conflict: Literal["merge", "overwrite", "raise"]
    atomic_keys: Collection[str]
    on_store_error: OnStoreError
    store_timeout: Seconds
    store_breaker: bool
    strict_startup: bool
    commit_on_error: bool
    strict: bool
    preset: Preset | None
    accept: "Sequence[EarlierConfiguration]"
    scope_key: str
    listeners: Mapping[str, Listener]
    clock: Callable[[], float]


DEFAULTS: Final[OptionValues] = {
    "keys": (),
    "allow_weak_keys": False,
    "key": "koa.sess",
    "max_age": 86_400,
    "absolute_age": None,
    "auto_commit": True,
    "rolling": False,
    "renew": False,
    "signed": True,
    "algorithm": "sha256",
    "encrypt": False,
    "http_only": True,
    "overwrite": True,
    "secure": "auto",
    "same_site": "lax",
    "domain": None,
    "path": "/",
    "partitioned": False,
    "priority": None,
    "trust_proxy": False,
    "encode": None,
    "decode": None,
    "valid": None,
    "before_save": None,
    "max_cookie_bytes": 4096,
    "max_header_bytes": 16_384,
    "duplicates": "reject",
    "keep_empty": False,
    "lazy_rolling": False,
    "drop_bad_signature": False,
    "cache_headers": True,
    "store": None,
    "context_store": None,
    "genid": None,
    "prefix": "",
    "ttl": None,
    "external_key": None,
    "defer": False,
    "resave": False,
    "allow_empty": False,
    "unset": "destroy",
    "regenerate_grace": 10,
    "match_path": False,
    "on_conflict": "merge",
    "atomic_keys": (),
    "on_store_error": "unavailable",
    "store_timeout": 2,
    "store_breaker": True,
    "strict_startup": False,
    "commit_on_error": False,
    "strict": False,
    "preset": None,
    "accept": (),
    "scope_key": "session",
    "listeners": {},
    "clock": time.time,
}


class CookieOptions(Protocol):
    """The options of a cookie: its name and attributes, and how it is read and written."""

    keys: tuple[bytes, ...]
    key: str
    http_only: bool
    overwrite: bool
    same_site: SameSite | Literal["auto"] | None
    domain: str | None
    path: str
    partitioned: bool
    priority: Priority | None
    max_cookie_bytes: int
    max_header_bytes: int
    duplicates: Literal["reject", "first"]
    cache_headers: bool
    preset: Preset | None
    clock: Callable[[], float]


class EarlierOptions(Protocol):
    """The options of a previous configuration that say where its sessions are and how they are protected."""

    store: Any
    context_store: Callable[[Scope], Any] | None
    signed: bool
    encrypt: bool


class EarlierConfiguration(Protocol):
    """An entry of ``accept``: ``gingersnap.Accept`` makes it."""

    until_ms: int

    @property
    def options(self) -> EarlierOptions:
        """Return the options that its sessions were written with."""

    @property
    def label(self) -> str:
        """Return the system and the name of its cookie, as events and logs name it."""
