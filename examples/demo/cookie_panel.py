"""Draw what is in the cookie."""

import json

from .cookie import Held
from .markup import Html, html


def drawn(cookie: Held | None, refused: str, *, has_data: bool) -> Html:
    """Draw a cookie that holds a session's data, or only its id. ``refused``: why the one that came was not believed."""
    if cookie is None and refused:
        return html('<p class="quiet">The one that came opens no session. The next that is set takes its place.</p>')
    if cookie is None:
        return html('<p class="quiet">There is none: a session that holds nothing needs no cookie. Count a view, and it does.</p>')
    if not has_data:
        return _pairs(cookie)
    payload = cookie.payload
    shown = "another cookie of this name" if payload is None else json.dumps(payload, indent=2, ensure_ascii=False)
    return html(
        '<pre class="payload" tabindex="0" aria-label="Decoded payload">{payload}</pre>'
        "<details><summary>As the browser sends it</summary>{pairs}</details>",
        payload=shown,
        pairs=_pairs(cookie),
    )


def _pairs(cookie: Held) -> Html:
    return html(
        '<dl class="pairs"><dt>{name}</dt><dd><pre>{value}</pre></dd><dt>{name}.sig</dt><dd><pre>{signature}</pre></dd></dl>',
        name=cookie.name,
        value=cookie.value,
        signature=cookie.signature,
    )
