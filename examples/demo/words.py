"""What the page says in words."""

from .markup import Html

WHY = {
    "": "Nothing was written, so no Set-Cookie was sent.",
    "changed": "The data differs from what came with the request.",
    "renew": "Less than half of the lifetime was left, so it starts again.",
    "force": "The application set a lifetime, which always writes the session.",
    "regenerate": "The session was written anew, as at each login.",
    "destroy": "The session ended: both cookies are removed.",
    "rotated": "An older key had signed the cookie; now the newest has.",
}
"""What each reason means."""

WHY_STORED = {
    **WHY,
    "": "This session was not written, so no Set-Cookie was sent.",
    "changed": "The data differs from what the store had: the record was written, and the cookie has a new end.",
    "regenerate": "The session has a new id, as at each login. The old one is dead.",
    "destroy": "The session ended: its record is gone, and both cookies are removed.",
}
"""The same, where the session lives in a store."""

REFUSED = {
    "tampered": "A cookie came whose signature does not match. It was not believed: this is a new session.",
    "expired": "The session that came had expired: this is a new one.",
    "invalid": "The session that came was not valid: this is a new one.",
    "duplicate": "Two different sessions came at once. Neither was believed: this is a new one.",
    "corrupt": "What came was signed, but is no session: this is a new one.",
    "missed": "You are logged out: the session that came is no longer in the store. It was ended elsewhere, or it had expired.",
}
"""What became of a cookie that was not believed, or of a session that is gone."""

IN_COOKIE = {
    "lead": Html("A signed cookie session, live. Press a button and see what the cookie does."),
    "who_hint": Html("Logging in binds the session to a name and writes it anew. Logging out removes the cookie."),
    "fill_times": Html("1"),
    "fill_bytes": Html("500"),
    "fill_hint": Html(
        "A cookie that would pass {limit} bytes is never sent: the application is told, with the names of the heaviest keys."
    ),
    "cookie_hint": Html("Signed, not hidden: anybody with the browser can read it, nobody without the key can change it."),
}
"""The page's own sentences about a session that lives in its cookie."""

IN_STORE = {
    "lead": Html(
        "A session in {place}, live. Open this page in a second, private window too: log in under the same name in both, and "
        "end one from the other."
    ),
    "who_hint": Html(
        "Logging in binds the session to a name and gives it a new id. Logging out ends it in the store and removes the cookie."
    ),
    "fill_times": Html("10"),
    "fill_bytes": Html("5,000"),
    "fill_hint": Html(
        "The cookie stays as small as it is. A record may take 64 KiB; what would pass that is never written: the application is "
        "told, with the names of the heaviest keys."
    ),
    "cookie_hint": Html(
        "A random id, signed, and nothing else, whatever the session holds. It is a secret: whoever has it has the session, until "
        "that ends."
    ),
}
"""The same about one that lives in a store."""

NAMELESS = "Something nameless"
# The first that is found names it: most say that they are some of the later ones as well.
_PROGRAMS = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux")


def browser(agent: str) -> str:
    """Name a browser by its User-Agent, roughly; a person is to know it again."""
    program = next((name for mark, name in _PROGRAMS.items() if mark in agent), agent.partition("/")[0][:30])
    system = next((name for name in _SYSTEMS if name in agent), "")
    return " on ".join(part for part in (program or NAMELESS, system) if part)


def duration(seconds: float) -> str:
    """Write minutes and seconds, as page.js does."""
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02}"


def shortened(line: str) -> str:
    """Leave out the middle of a long Set-Cookie line's value; the page shows it in full elsewhere."""
    pair, semicolon, attributes = line.partition(";")
    if len(pair) > 90:
        pair = f"{pair[:52]}… {len(pair) - 72} more …{pair[-20:]}"
    return pair + semicolon + attributes


def count(number: int, noun: str) -> str:
    """Count things."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
