"""Write HTML that is safe by default: whatever is filled in is escaped, unless it is Html already."""

from collections.abc import Iterable
from html import escape
from typing import Any


class Html(str):
    """Text that is HTML."""

    __slots__ = ()


def html(form: str, /, **values: Any) -> Html:
    """Fill the ``{names}`` in a piece of HTML."""
    return Html(form.format_map({name: value if isinstance(value, Html) else escape(str(value)) for name, value in values.items()}))


def joined(parts: Iterable[Html]) -> Html:
    """Put pieces one after the other."""
    return Html("\n".join(parts))
