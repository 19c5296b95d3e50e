"""Draw the page. Knows what is to be seen, and nothing of requests."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from gingersnap import CookieTooLarge, SessionTooLarge

from . import cookie_panel, store_panels, words
from .actions import BISCUITS, LIFETIMES, LONGEST_NAME
from .cookie import Held
from .devices import Stored
from .markup import Html, html, joined
from .recorder import Exchange

_HERE = Path(__file__).parent
_PAGE = (_HERE / "page.html").read_text("utf-8")
_STYLE = Html((_HERE / "page.css").read_text("utf-8"))
_SCRIPT = Html((_HERE / "page.js").read_text("utf-8"))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; img-src data:; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""This page's own script and style run, and nothing that anybody could smuggle in."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Everything that the page shows."""

    data: dict[str, Any]
    owner: str | None
    cookie: Held | None
    limit: int
    origin: str
    left: float | None
    expires_at: float | None
    max_age: float | Literal["session"]
    exchanges: list[Exchange]
    """Newest first; the first is the response that carries the page."""
    stored: Stored | None
    """``None``: the session lives in its cookie."""


def render(seen: Seen) -> Html:
    """Draw the whole page."""
    cookie, stored = seen.cookie, seen.stored
    texts = words.IN_COOKIE if stored is None else words.IN_STORE
    why = words.WHY if stored is None else words.WHY_STORED
    return html(
        _PAGE,
        style=_STYLE,
        script=_SCRIPT,
        note=_note(seen.exchanges),
        now=_badge(seen.exchanges[0]),
        before=_before(seen.exchanges),
        octets=cookie.octets if cookie else 0,
        limit=seen.limit,
        origin=seen.origin,
        share=f"{(cookie.octets if cookie else 0) / seen.limit:.0%}",
        ends=_ends(seen),
        views=seen.data.get("views", 0),
        who=_who(seen.owner),
        cart=_cart(seen.data),
        biscuits=joined(html("<option>{name}</option>", name=name) for name in BISCUITS),
        lifetimes=_lifetimes(seen.max_age),
        notes=words.count(len(_list(seen.data.get("notes"))), "note"),
        exchanges=joined(_exchange(exchange, why, first=not at) for at, exchange in enumerate(seen.exchanges)),
        cookie=cookie_panel.drawn(cookie, seen.exchanges[0].refusal, has_data=stored is None),
        devices="" if stored is None else store_panels.devices(stored, seen.owner, seen.data),
        record="" if stored is None else store_panels.record(stored),
        **{name: html(text, limit=seen.limit, place=stored.place if stored else "") for name, text in texts.items()},
    )


def too_large(error: CookieTooLarge | SessionTooLarge) -> str:
    """Say kindly that the cookie, or the record, is full."""
    if isinstance(error, SessionTooLarge):
        return (
            f"That was too much: it would take {error.problem}. Nothing was written and the session is as it was. "
            "Remove something, or reset the data."
        )
    largest = ", ".join(f"{key} ({octets} bytes)" for key, octets in error.largest)
    heavy = f" The largest keys are {largest}." if largest else ""
    return (
        f"That was too much: the cookie would take {error.size} of {error.limit} bytes, so nothing was sent and the session is "
        f"as it was.{heavy} Remove something, or reset the data."
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _note(exchanges: list[Exchange]) -> Html:
    page, button, before = [*exchanges, Exchange("", ""), Exchange("", "")][:3]
    told = [button.note, words.REFUSED.get(page.refusal, "")]
    if button.method == "POST" and button.refusal not in (page.refusal, before.refusal):
        # The button that led here met what no page has told of.
        told.append(words.REFUSED.get(button.refusal, ""))
    return joined(html('<p class="note" role="status">{text}</p>', text=text) for text in told if text)


def _badge(exchange: Exchange) -> Html:
    word = exchange.reason or "nothing"
    return html('<span class="badge {word}">{word}</span>', word=word)


def _before(exchanges: list[Exchange]) -> Html:
    if len(exchanges) == 1:
        return html('<span class="quiet">none yet</span>')
    before = exchanges[1]
    return html("{badge} <code>{method} {path}</code>", badge=_badge(before), method=before.method, path=before.path)


def _ends(seen: Seen) -> Html:
    if seen.expires_at is None or seen.left is None or seen.cookie is None:
        return html('<span class="quiet">no session yet</span>')
    return html(
        '<time class="countdown" role="timer" datetime="{iso}" data-left="{left}">{text}</time><small>at {clock} UTC</small>',
        iso=f"{datetime.fromtimestamp(seen.expires_at, UTC):%Y-%m-%dT%H:%M:%SZ}",
        left=max(0, round(seen.left * 1000)),
        text=words.duration(seen.left),
        clock=f"{datetime.fromtimestamp(seen.expires_at, UTC):%H:%M:%S}",
    )


def _who(owner: str | None) -> Html:
    if owner is not None:
        return html(
            '<p>Logged in as <strong class="owner" id="owner">{owner}</strong>.</p>'
            '<form method="post" action="/logout"><button class="strong">Log out</button></form>',
            owner=owner,
        )
    return html(
        '<form method="post" action="/login" class="row"><label for="name">Your name</label>'
        '<input id="name" name="name" required maxlength="{longest}" autocomplete="off" placeholder="Hansel">'
        '<button class="strong">Log in</button></form>',
        longest=LONGEST_NAME,
    )


def _cart(data: dict[str, Any]) -> Html:
    items = _list(data.get("cart", {}).get("items"))
    if not items:
        return html('<p class="quiet">The cart is empty.</p>')
    rows = (
        html(
            '<li><span>{item}</span><form method="post" action="/cart/remove"><input type="hidden" name="at" value="{at}">'
            '<button class="small" aria-label="Remove {item}, number {number}">Remove</button></form></li>',
            item=item,
            at=at,
            number=at + 1,
        )
        for at, item in enumerate(items)
    )
    return html('<ol class="cart">{rows}</ol>', rows=joined(rows))


def _lifetimes(max_age: float | str) -> Html:
    chosen = "" if isinstance(max_age, str) else f"{max_age:g}"
    return joined(
        html(
            '<option value="{value}"{chosen}>{name}</option>',
            value=value,
            name=name,
            chosen=Html(" selected" if value == chosen else ""),
        )
        for value, name in LIFETIMES.items()
    )


def _exchange(exchange: Exchange, why: dict[str, str], *, first: bool) -> Html:
    lines = html("<pre>{lines}</pre>", lines="\n".join(f"Set-Cookie: {words.shortened(line)}" for line in exchange.lines))
    return html(
        '<li><p>{badge} <code>{method} {path}</code>{here}</p><p class="why">{why}</p>{lines}</li>',
        badge=_badge(exchange),
        method=exchange.method,
        path=exchange.path,
        here=html(" <small>this page</small>") if first else "",
        why=why.get(exchange.reason, exchange.reason),
        lines=lines if exchange.lines else "",
    )
