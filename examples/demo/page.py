"""Draw the page. Knows what is to be seen, and nothing of requests."""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from gingersnap import CookieTooLarge

from . import words
from .actions import BISCUITS, LIFETIMES, LONGEST_NAME
from .cookie import Held
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


def render(seen: Seen) -> Html:
    """Draw the whole page."""
    cookie = seen.cookie
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
        exchanges=joined(_exchange(exchange, first=not at) for at, exchange in enumerate(seen.exchanges)),
        cookie=_cookie(cookie),
    )


def too_large(error: CookieTooLarge) -> str:
    """Say kindly that the cookie is full."""
    largest = ", ".join(f"{key} ({octets} bytes)" for key, octets in error.largest)
    heavy = f" The largest keys are {largest}." if largest else ""
    return (
        f"That was too much: the cookie would take {error.size} of {error.limit} bytes, so nothing was sent and the session is "
        f"as it was.{heavy} Remove something, or reset the data."
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _note(exchanges: list[Exchange]) -> Html:
    told = [*(exchange.note for exchange in exchanges[1:2]), words.REFUSED.get(exchanges[0].refusal, "")]
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


def _exchange(exchange: Exchange, *, first: bool) -> Html:
    lines = html("<pre>{lines}</pre>", lines="\n".join(f"Set-Cookie: {words.shortened(line)}" for line in exchange.lines))
    return html(
        '<li><p>{badge} <code>{method} {path}</code>{here}</p><p class="why">{why}</p>{lines}</li>',
        badge=_badge(exchange),
        method=exchange.method,
        path=exchange.path,
        here=html(" <small>this page</small>") if first else "",
        why=words.WHY.get(exchange.reason, exchange.reason),
        lines=lines if exchange.lines else "",
    )


def _cookie(cookie: Held | None) -> Html:
    if cookie is None:
        return html('<p class="quiet">There is none: a session that holds nothing needs no cookie. Count a view, and it does.</p>')
    payload = cookie.payload
    shown = "another cookie of this name" if payload is None else json.dumps(payload, indent=2, ensure_ascii=False)
    return html(
        '<pre class="payload" tabindex="0" aria-label="Decoded payload">{payload}</pre>'
        "<details><summary>As the browser sends it</summary><dl><dt>{name}</dt><dd><pre>{value}</pre></dd>"
        "<dt>{name}.sig</dt><dd><pre>{signature}</pre></dd></dl></details>",
        payload=shown,
        name=cookie.name,
        value=cookie.value,
        signature=cookie.signature,
    )
