"""Cookie jars by the rules of several kinds of client."""

from typing import Any

from tests.asgi import Response, Sessions


class Client:
    """A jar for one host: a cookie is its name, domain and path, with ``bis`` also whether the domain was given."""

    def __init__(
        self, host: str = "localhost", *, bis: bool = False, backwards: bool = False, removals_first: bool = False
    ) -> None:
        self.host, self.bis, self.backwards, self.removals_first = host, bis, backwards, removals_first
        self.jar: dict[Any, str] = {}

    def take(self, response: Response) -> None:
        """Keep and drop what a response says."""
        lines = response.cookies[::-1] if self.backwards else response.cookies
        if self.removals_first:
            lines = sorted(lines, key=lambda line: "1970" not in line)
        for line in lines:
            pair, *rest = line.split("; ")
            at = {part.partition("=")[0].lower(): part.partition("=")[2] for part in rest}
            name, _, value = pair.partition("=")
            key = (name, at.get("domain", self.host), at.get("path", "/"), self.bis and "domain" in at)
            if "1970" in at.get("expires", ""):
                self.jar.pop(key, None)
            else:
                # One that is written over keeps its age, and so its place.
                self.jar[key] = value

    def header(self, path: str) -> str:
        """Write what the client sends: the longer path first, and of equal ones the older cookie (RFC 6265 section 5.4)."""
        sent = [(key, value) for key, value in self.jar.items() if path == key[2] or path.startswith(key[2].rstrip("/") + "/")]
        return "; ".join(f"{key[0]}={value}" for key, value in sorted(sent, key=lambda pair: -len(pair[0][2])))

    async def ask(self, site: Sessions, look: Any, path: str = "/") -> Any:
        """Have ``look(session)`` asked in one request; give its answer."""
        seen: list[Any] = []
        headers = [(b"host", self.host.encode()), (b"cookie", self.header(path).encode())]
        site.browser.jar.clear()
        self.take(await site.do(lambda session: seen.append(look(session)), headers=headers, path=path))
        return seen[0]


CLIENTS: dict[str, dict[str, Any]] = {
    "RFC 6265": {},
    "RFC 6265bis": {"bis": True},
    "last line first": {"backwards": True},
    "removals first": {"removals_first": True, "bis": True},
}
