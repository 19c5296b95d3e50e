"""Everything that the page's buttons do to the session. What one returns is told to the visitor."""

from gingersnap import Session

BISCUITS = ("Gingersnap", "Speculoos", "Lebkuchen", "Pepparkaka", "Pfeffernuss")
LIFETIMES = {"20": "20 seconds", "120": "2 minutes", "600": "10 minutes"}
"""Seconds, as a form gives them, and their names."""
LONGEST_NAME = 60
NOTE = ("Gingersnaps keep for weeks in a tin. " * 14)[:497]
"""With its quotes and comma, 500 bytes of JSON."""

Form = dict[str, str]


def visit(session: Session, _: Form) -> None:
    """Count a visit."""
    session["views"] = session.get("views", 0) + 1


def login(session: Session, form: Form) -> str | None:
    """Bind the session to a user: written anew, with its owner."""
    name = form.get("name", "").strip()[:LONGEST_NAME]
    if not name:
        return "Type a name to log in with."
    session.login(name)
    return None


def logout(session: Session, _: Form) -> None:
    """End the session; its cookie is removed."""
    session.logout()


def regenerate(session: Session, _: Form) -> None:
    """Write the session anew, with the same data."""
    session.regenerate()


def add(session: Session, form: Form) -> None:
    """Put a biscuit into the cart, two levels down: no assignment to the session tells of it."""
    session.setdefault("cart", {"items": []})
    if form.get("biscuit") in BISCUITS:
        session["cart"]["items"].append(form["biscuit"])


def remove(session: Session, form: Form) -> None:
    """Take one out again."""
    items = session.get("cart", {"items": []})["items"]
    at = form.get("at", "")
    if at.isascii() and at.isdigit() and int(at) < len(items):
        del items[int(at)]


def live(session: Session, form: Form) -> None:
    """Give this session a lifetime of its own, which always writes it."""
    if form.get("seconds") in LIFETIMES:
        session.max_age = int(form["seconds"])


def fill(session: Session, _: Form) -> None:
    """Add 500 bytes of notes, until the cookie takes no more."""
    session.setdefault("notes", []).append(NOTE)


def reset(session: Session, _: Form) -> None:
    """Put fresh data in place of all that the session holds; who is logged in stays so."""
    session.replace({"views": 0})


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
