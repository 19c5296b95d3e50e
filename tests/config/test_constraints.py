"""Agreements: what browsers only take together is refused otherwise, with its cure. tests/test_options.py has the others."""

# Names bear the ids of requirements as they are written.

import itertools
from typing import Any

import pytest

from gingersnap import ConfigError
from gingersnap.cookies.attributes import check_agreement

PREFIXES = {
    # The name's start: whether Secure, HttpOnly, and a host's own cookie are asked for (RFC 6265bis section 4.1.3).
    "": (False, False, False),
    "__Secure-": (True, False, False),
    "__Host-": (True, False, True),
    "__Http-": (True, True, False),
    "__Host-Http-": (True, True, True),
    "__Secure": (False, False, False),
    "_Host-": (False, False, False),
    "x__Host-": (False, False, False),
}
CASES = [str, str.lower, str.upper]


def refusal(name: str, **given: Any) -> str | None:
    """Name the option under which attributes are refused; ``None`` where they go together under a name."""
    values = {"same_site": "lax", "secure": True, "http_only": True, "partitioned": False, "domain": None, "path": "/", **given}
    try:
        check_agreement(name, values)
    except ConfigError as error:
        return error.option
    return None


@pytest.mark.parametrize("case", CASES, ids=["exact", "lower", "upper"])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_C05_a_prefix_asks_for_its_attributes(prefix: str, case: Any) -> None:
    asks_secure, asks_http_only, asks_host = PREFIXES[prefix]
    matrix = itertools.product((True, False, "auto"), (True, False), (None, "example.com"), ("/", "/a"))
    for secure, http_only, domain, path in matrix:
        wanted = (
            (secure is True or not asks_secure)
            and (http_only or not asks_http_only)
            and ((domain, path) == (None, "/") or not asks_host)
        )
        given = {"secure": secure, "http_only": http_only, "domain": domain, "path": path}
        assert refusal(case(prefix + "sid"), **given) == (None if wanted else "key"), given


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("secure", [True, False, "auto"])
def test_C05_same_site_none_and_partitioned_ask_for_secure(prefix: str, secure: Any) -> None:
    for option, value in (("same_site", "none"), ("partitioned", True)):
        assert refusal(prefix + "sid", secure=secure, **{option: value}) == (None if secure is True else option)


@pytest.mark.parametrize("same_site", ["lax", "strict", "auto", None], ids=repr)
def test_C05_other_same_site_words_go_with_any_connection(same_site: Any) -> None:
    assert [refusal("sid", same_site=same_site, secure=secure) for secure in (True, False, "auto")] == [None] * 3


@pytest.mark.parametrize(
    ("name", "given", "cure"),
    [
        ("sid", {"same_site": "none", "secure": "auto"}, "pass secure=True, or same_site='auto'"),
        ("sid", {"partitioned": True, "secure": "auto"}, "pass secure=True"),
        ("__Secure-sid", {"secure": False}, "pass secure=True, or choose another name"),
        ("__Http-sid", {"http_only": False}, "leave http_only=True, or choose another name"),
        ("__Host-sid", {"path": "/a"}, "leave out domain and path"),
    ],
    ids=repr,
)
def test_C05_a_refusal_says_why_and_the_cure(name: str, given: dict[str, Any], cure: str) -> None:
    with pytest.raises(ConfigError, match=r"^(key|same_site|partitioned): browsers refuse .+; ") as caught:
        check_agreement(
            name,
            {"same_site": "lax", "secure": True, "http_only": True, "partitioned": False, "domain": None, "path": "/", **given},
        )
    assert str(caught.value).endswith(f"; {cure}")
