"""The parity table: a row for each feature of the other systems, with its test or its line in docs/differences.md.

No letter of a row is that of a requirement (docs/requirements.md), so that ``pytest -k J07`` runs one row's tests.
Run: ``make parity``.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent.parent
SYSTEMS: Final = {
    "K": "koa-session 7.0",
    "W": "cookies 0.9, keygrip 1.1",
    "E": "express-session 1.19",
    "J": "cookie-session 2.1",
    "G": "koa-generic-session 2.3",
    "R": "the most recent versions",
}
ROWS: Final = {
    "K01": "key",
    "K02": "maxAge (ms or 'session')",
    "K03": "maxage",
    "K04": "autoCommit",
    "K05": "overwrite",
    "K06": "httpOnly, signed",
    "K07": "rolling",
    "K08": "renew",
    "K09": "secure",
    "K10": "sameSite (string)",
    "K11": "domain,path,expires,partitioned,priority,secureProxy, any other",
    "K12": "store {get,set,destroy}",
    "K13": "store.set TTL",
    "K14": "ContextStore (class)",
    "K15": "externalKey {get(ctx),set(ctx,val)}",
    "K16": "encode / decode",
    "K17": "genid(ctx) / prefix",
    "K18": "valid(ctx,sess)",
    "K19": "beforeSave(ctx,sess)",
    "K20": "call forms",
    "K21": "second middleware",
    "K22": "ctx.session get",
    "K23": "access before middleware",
    "K24": "ctx.session = null",
    "K25": "ctx.session = {..}",
    "K26": "ctx.sessionOptions",
    "K27": "session.isNew",
    "K28": ".length, .populated",
    "K29": ".maxAge get/set",
    "K30": ".externalKey",
    "K31": ".save([cb])",
    "K32": ".regenerate([cb])",
    "K33": ".manuallyCommit(), .commit(opts,cb)",
    "K34": ".toJSON(), inspect",
    "K35": "payload metadata",
    "K36": "metadata on load",
    "K37": "change test",
    "K38": "when nothing is sent",
    "K39": "emptied existing session",
    "K40": "expiry check",
    "K41": "events on app",
    "K42": "decode SyntaxError",
    "K43": "decode other error",
    "K44": "encode error",
    "K45": "downstream throw",
    "K46": "store get error",
    "K47": "store miss",
    "K48": "bad / missing signature",
    "K49": "key rotation",
    "K50": "late writes",
    "K51": "cookie > 4 KB",
    "W01": "signature",
    "W02": "header form",
    "W03": "empty value",
    "W04": "reading",
    "W05": "validation",
    "W06": "secure detection",
    "E01": "name / key",
    "E02": "secret (string/Buffer/array)",
    "E03": "cookie value",
    "E04": "store",
    "E05": "genid(req)",
    "E06": "cookie object",
    "E07": "cookie function(req)",
    "E08": "cookie.{domain,path,expires,httpOnly,maxAge,partitioned,priority,sameSite,secure}",
    "E09": "secure:'auto' / sameSite:'auto'",
    "E10": "secure:true on http",
    "E11": "proxy",
    "E12": "resave",
    "E13": "saveUninitialized",
    "E14": "rolling",
    "E15": "unset",
    "E16": "Set-Cookie rule",
    "E17": "save rule / touch rule",
    "E18": "req.session present",
    "E19": "path match",
    "E20": "store disconnect/connect events",
    "E21": "store.get error",
    "E22": "unknown / badly signed / unsigned id",
    "E23": "row without cookie",
    "E24": "change hash",
    "E25": "commit time",
    "E26": "save/touch/destroy errors",
    "E27": "session.regenerate(cb)",
    "E28": "session.destroy(cb)",
    "E29": "session.reload(cb)",
    "E30": "session.save(cb)",
    "E31": "session.touch(), resetMaxAge()",
    "E32": "session.id, req.sessionID, req.sessionStore",
    "E33": "session.cookie.{maxAge,expires,originalMaxAge,data,serialize,toJSON}",
    "E34": "stored JSON",
    "E35": "Store base",
    "E36": "MemoryStore",
    "E37": "exports, debug",
    "E38": "back-compat reads",
    "E39": "bogus req.sessionID",
    "J01": "name, keys (array/Keygrip), secret",
    "J02": "overwrite,httpOnly,signed",
    "J03": "cookie options (maxAge, expires, path, domain, secure, sameSite, partitioned, priority)",
    "J04": "req.session get/set",
    "J05": "req.sessionOptions",
    "J06": ".isNew, .isChanged, .isPopulated",
    "J07": "save rule",
    "J08": "unset",
    "J09": "payload",
    "J10": "decode failure, special keys",
    "J11": "errors when saving",
    "J12": "never re-sent unless changed; size unguarded",
    "G01": "key, prefix",
    "G02": "store",
    "G03": "ttl (number or fn(sess))",
    "G04": "cookie",
    "G05": "maxage",
    "G06": "rolling",
    "G07": "allowEmpty",
    "G08": "defer",
    "G09": "genSid(24) (this=ctx, async ok)",
    "G10": "valid(ctx,sess), beforeSave(ctx,sess)",
    "G11": "errorHandler(err,'get'/'set',ctx)",
    "G12": "reconnectTimeout",
    "G13": "sessionIdStore {get,set,reset} (this=ctx)",
    "G14": "path match",
    "G15": "ctx.session, ctx.sessionId, ctx.sessionStore",
    "G16": "ctx.session = null",
    "G17": "ctx.sessionSave = true/false",
    "G18": "ctx.saveSession()",
    "G19": "ctx.regenerateSession()",
    "G20": "change hash",
    "G21": "session = {}",
    "G22": "downstream error",
    "G23": "second middleware",
    "G24": "exports",
    "R01": "half an emoji",
    "R02": "koa-generic: the cookie's attributes alone",
    "R03": "ids that genid, genSid choose",
    "R04": "connect-redis: disableTTL",
    "R07": "koa-session 7: save() without await",
    "R08": "cookies 0.9.2: paths and domains",
    "R09": "express-mysql-session 3: ends by the second",
}
"""The subject of each row, named as its system names it."""

_ROW: Final = re.compile(r"\b([KWEJGR])(\d{1,2})\b")


def rows_with_tests() -> dict[str, list[str]]:
    """Find the tests with a row's id in their names."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        if "node_modules" in path.parts:
            continue
        for name in re.findall(r"def (test_\w+)", path.read_text("utf-8")):
            for row in re.findall(r"(?<=_)([KWEJGR]\d\d)(?=_)", name):
                found[row].append(f"{path.relative_to(TESTS.parent)}::{name}")
    return {row: tests for row, tests in found.items() if row in ROWS}


PAGE: Final = TESTS.parent / "docs" / "differences.md"


def lines_of_tables(page: str) -> list[list[str]]:
    """Read a page's tables: the cells of each line that is neither a head nor the rule below one."""
    lines, found = page.splitlines(), []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("|") and not line.startswith("| ---") and not following.startswith("| ---"):
            found.append([cell.strip() for cell in line.strip("|").split(" |")])
    return found


def rows_that_differ(page: str | None = None) -> set[str]:
    """Find the rows that a line of docs/differences.md is about: what its prose or a reason says of another is no line."""
    cells = [cell for line in lines_of_tables(PAGE.read_text("utf-8") if page is None else page) for cell in line[:-1]]
    named = [match for cell in cells for match in _ROW.findall(cell)]
    return {f"{letter}{int(number):02}" for letter, number in named} & ROWS.keys()


def main() -> int:
    """Print the table; 1 where a row has neither a test nor a line."""
    tests, differ = rows_with_tests(), rows_that_differ()
    missing = 0
    for row, item in ROWS.items():
        names = tests.get(row, [])
        status = ("same, and differs" if names else "differs") if row in differ else ("same" if names else "MISSING")
        missing += status == "MISSING"
        where = names[:1] + (["docs/differences.md"] if row in differ else [])
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        print(f"{row}  {SYSTEMS[row[0]]:<24}  {item[:44]:<44}  {status:<17}  {', '.join(where)}{more}")
    print(f"{len(ROWS)} rows, {len(tests)} with tests, {len(differ)} with a line, {missing} with neither")
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
