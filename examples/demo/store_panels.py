"""Draw what only a page with a store shows: the record, and where else its owner is logged in."""

import json
from datetime import UTC, datetime
from typing import Any

from gingersnap.stores import Owned, Record

from .devices import Stored
from .markup import Html, html, joined
from .words import NAMELESS, count, duration

LIMIT = 65_536
"""How many bytes of JSON a record may be."""
GRACE = 10
"""How many seconds a store keeps a record beyond the end of its session."""


def devices(stored: Stored, owner: str | None, data: dict[str, Any]) -> Html:
    """List the sessions of whoever is logged in, each other one with a button that ends it."""
    return html(
        '<section aria-labelledby="devices-title"><h2 id="devices-title">Where you are logged in</h2>{body}</section>',
        body=_invitation() if owner is None else _sessions(stored.others, owner, data),
    )


def record(stored: Stored) -> Html:
    """Show the record as the store has it."""
    return html(
        '<section aria-labelledby="record-title"><h2 id="record-title">In the store</h2>{body}'
        '<p class="hint">What {place} holds, under a hash of the cookie\'s id: to read the store is not enough to take a session '
        "over. Keys with an underscore are the session's own.</p></section>",
        body=html('<p class="quiet">There is no record.</p>') if stored.record is None else _record(stored.key, stored.record),
        place=stored.place,
    )


def _invitation() -> Html:
    return html(
        '<p class="quiet">Nobody is logged in here.</p>'
        '<p class="hint">Log in above, open this page in a second, private window, and log in there under the same name. Each then '
        "shows the other and can end it.</p>"
    )


def _sessions(others: list[Owned], owner: str, data: dict[str, Any]) -> Html:
    others = sorted(others, key=lambda other: _since(other.data), reverse=True)
    rows = [_row(data, html("this window"), html(""))]
    rows += [_row(other.data, _left(other), _button(other, number)) for number, other in enumerate(others, 1)]
    return html('<ol class="cart devices">{rows}</ol>{rest}', rows=joined(rows), rest=_all() if others else _alone(owner))


def _row(data: dict[str, Any], what: Html, button: Html) -> Html:
    since = _since(data)
    return html(
        "<li><div><strong>{browser}</strong><small>{login}{views}, {what}</small></div>{button}</li>",
        browser=data.get("browser", NAMELESS),
        login=f"logged in at {datetime.fromtimestamp(since, UTC):%H:%M:%S} UTC, " if since else "",
        views=count(data.get("views", 0), "view"),
        what=what,
        button=button,
    )


def _left(other: Owned) -> Html:
    left = max(0, other.ttl_ms - GRACE * 1000)
    return html('ends in <span data-left="{left}">{text}</span>', left=left, text=duration(left / 1000))


def _button(other: Owned, number: int) -> Html:
    # A key in the store is the hash of an id: it opens nothing, so the page may know it.
    return html(
        '<form method="post" action="/sessions/end"><input type="hidden" name="key" value="{key}">'
        '<button class="small" aria-label="End {browser}, number {number}">End</button></form>',
        key=other.key,
        browser=other.data.get("browser", NAMELESS),
        number=number,
    )


def _all() -> Html:
    return html(
        '<form method="post" action="/sessions/end-others"><button>Log out everywhere else</button></form>'
        '<p class="hint">What is ended here is over at once: load the page there, and it is logged out.</p>'
    )


def _alone(owner: str) -> Html:
    return html(
        '<p class="hint">Nowhere else. Open this page in a second, private window and log in there as '
        '<strong class="owner">{owner}</strong> too; then load this one again.</p>',
        owner=owner,
    )


def _since(data: dict[str, Any]) -> int:
    since = data.get("since")
    return since if isinstance(since, int) and since > 0 else 0


def _record(key: str | None, record: Record) -> Html:
    octets = len(record.value)
    return html(
        '<div class="gauge"><meter min="0" max="{limit}" high="52000" low="39000" optimum="0" value="{octets}" '
        'aria-label="Size of the record">{octets}</meter><span><span id="record">{octets}</span> bytes</span></div>'
        '<pre class="payload" tabindex="0" aria-label="Record">{value}</pre>'
        '<details><summary>Its key and its time</summary><dl class="pairs"><dt>Key</dt><dd><pre>{key}</pre></dd>'
        "<dt>Kept for</dt><dd>{left}: ten seconds longer than the cookie</dd></dl></details>",
        limit=LIMIT,
        octets=octets,
        value=_indented(record.value),
        key=key,
        left=duration((record.ttl_ms or 0) / 1000),
    )


def _indented(value: bytes) -> str:
    try:
        return json.dumps(json.loads(value), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "something that is no JSON"
