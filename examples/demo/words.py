"""What the page says in words."""

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

REFUSED = {
    "tampered": "A cookie came whose signature does not match. It was not believed: this is a new session.",
    "expired": "The session that came had expired: this is a new one.",
    "invalid": "The session that came was not valid: this is a new one.",
    "duplicate": "Two different sessions came at once. Neither was believed: this is a new one.",
    "corrupt": "What came was signed, but is no session: this is a new one.",
}
"""What became of a cookie that was not believed."""


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
