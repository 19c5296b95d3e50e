"""Suggest a known option for an unknown one."""

import difflib
from collections.abc import Collection
from typing import Final

# Names from other packages (Node, Starlette, starsessions, Flask, Django), and ours.
_OTHER_NAMES: Final = {
    "maxAge": "max_age, in seconds",
    "maxage": "max_age, in seconds",
    "autoCommit": "auto_commit",
    "httpOnly": "http_only",
    "sameSite": "same_site",
    "beforeSave": "before_save",
    "externalKey": "external_key",
    "ContextStore": "context_store",
    "name": "key",
    "saveUninitialized": "allow_empty",
    "allowEmpty": "allow_empty",
    "proxy": "trust_proxy",
    "genSid": "genid",
    "sessionIdStore": "external_key",
    "errorHandler": "on_store_error",
    "reconnectTimeout": "store_timeout, in seconds",
    "session_cookie": "key",
    "https_only": "secure",
    "secret_key": "keys, a list",
    "secret": "keys, a list",
    "session_store": "store",
    "idle_timeout": "max_age, in seconds",
    "lifetime": "max_age, in seconds",
    "expires": "max_age, in seconds",
    "cookie_name": "key",
    "cookie_path": "path",
    "cookie_domain": "domain",
    "cookie_same_site": "same_site",
    "cookie_https_only": "secure",
    "cookie": "its members as options of their own: max_age (in seconds), http_only, secure, same_site, domain, path",
    "save_uninitialized": "allow_empty",
    "hash": "algorithm",
}


def suggest(name: str, names: Collection[str]) -> str:
    """Return a hint for an unknown option."""
    if name in _OTHER_NAMES:
        return f"write {_OTHER_NAMES[name]}"
    if near := difflib.get_close_matches(name, names, 1):
        return f"did you mean {near[0]}?"
    # The options with the most similar names.
    near = difflib.get_close_matches(name, names, 5, 0.3)
    all_of_them = "every option stands in the README, under Options"
    return f"the nearest are {', '.join(near)}; {all_of_them}" if near else all_of_them
