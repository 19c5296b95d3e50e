"""Everything that the page's buttons do to the session. What one returns is told to the visitor."""

from dataclasses import dataclass, field

from gingersnap import Session

BISCUITS = ("Gingersnap", "Speculoos", "Lebkuchen", "Pepparkaka", "Pfeffernuss")
LIFETIMES = {"20": "20 seconds", "120": "2 minutes", "600": "10 minutes"}
"""Seconds, as a form gives them, and their names."""
LONGEST_NAME = 60
NOTE = ("Gingersnaps keep for weeks in a tin. " * 14)[:497]
"""With its quotes and comma, 500 bytes of JSON."""
DEVICE = ("browser", "since")
"""Under which keys a session in a store remembers where and when it was logged in."""


@dataclass(frozen=True, slots=True)
class Press:
    """A button that was pressed: the fields of its form, and what is to be remembered of the browser, if anything is."""

    fields: dict[str, str] = field(default_factory=dict)
    device: dict[str, str | int] = field(default_factory=dict)


def visit(session: Session, _: Press) -> None:
    """Count a visit."""
    session["views"] = session.get("views", 0) + 1


def login(session: Session, press: Press) -> str | None:
    """Bind the session to a user: written anew, with its owner."""
    name = press.fields.get("name", "").strip()[:LONGEST_NAME]
    if not name:
        return "Type a name to log in with."
    session.login(name)
    session.update(press.device)
    return None


def logout(session: Session, _: Press) -> None:
    """End the session; its cookie is removed."""
    session.logout()


def regenerate(session: Session, _: Press) -> None:
    """Write the session anew, with the same data."""
    session.regenerate()


def add(session: Session, press: Press) -> None:
    """Put a biscuit into the cart, two levels down: no assignment to the session tells of it."""
    session.setdefault("cart", {"items": []})
    if press.fields.get("biscuit") in BISCUITS:
        session["cart"]["items"].append(press.fields["biscuit"])


def remove(session: Session, press: Press) -> None:
    """Take one out again."""
    items = session.get("cart", {"items": []})["items"]
    at = press.fields.get("at", "")
    if at.isascii() and at.isdigit() and int(at) < len(items):
        del items[int(at)]


def live(session: Session, press: Press) -> None:
    """Give this session a lifetime of its own, which always writes it."""
    if press.fields.get("seconds") in LIFETIMES:
        session.max_age = int(press.fields["seconds"])


def fill(session: Session, press: Press) -> None:
    """Add 500 bytes of notes, or ten times as many, until nothing more is taken."""
    session.setdefault("notes", []).extend([NOTE] * (10 if press.fields.get("times") == "10" else 1))


def reset(session: Session, _: Press) -> None:
    """Put fresh data in place of all that the session holds; who is logged in, and where, stays so."""
    session.replace({"views": 0} | {key: session[key] for key in DEVICE if key in session})


ROUTES = {
    "/visit": visit,
    "/login": login,
    "/logout": logout,
    "/regenerate": regenerate,
    "/cart/add": add,
    "/cart/remove": remove,
    "/lifetime": live,
    "/fill": fill,
    "/reset": reset,
}
