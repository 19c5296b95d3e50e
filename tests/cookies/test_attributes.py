"""Cookie attributes: no accepted attribute breaks a Set-Cookie line."""

# Names bear the ids of requirements as they are written.

import pytest

from gingersnap import ConfigError
from gingersnap.cookies import attributes as cookie_attributes

DOMAINS = ["example.com", "EXAMPLE.com", "a", "a.b.c", "xn--bcher-kva.example", "1.2.3.4", "a-b.example", "a" * 63 + ".example"]


NOT_DOMAINS: list[object] = [
    *(
        "",
        ".",
        ".example.com",
        "example.com.",
        "a..b",
        "-a.example",
        "a-.example",
        "a_b.example",
        "a" * 64 + ".example",
        "*.example.com",
    ),
    *(
        "a b",
        " example.com",
        "example.com ",
        "example.com\n",
        "a;b",
        "a;secure",
        "a,b",
        "a=b",
        "a/b",
        "a:80",
        "[::1]",
        "a\0b",
        "a\r\nx: y",
    ),
    *("bücher.example", "a\x7f", "a\t", "\u017f.example", "\u212a.example", "\u0130.example", "\u0131.example", "\uff45xample.com"),
    *("a\u3002b", "a." * 600 + "a", b"example.com", 5, True, ["example.com"], object()),
]


@pytest.mark.parametrize("value", [None, *DOMAINS], ids=repr)
def test_C01_a_domain_is_a_host_name(value: str | None) -> None:
    assert cookie_attributes.check_domain("domain", value) == value


@pytest.mark.parametrize("value", NOT_DOMAINS, ids=lambda item: ascii(item)[:30])
def test_C01_no_other_text_is_a_domain(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^domain: .+; (give a host name|stay within 1024)"):
        cookie_attributes.check_domain("domain", value)


@pytest.mark.parametrize("value", [".example.com", ".localhost", *DOMAINS], ids=lambda item: item[:30])
def test_C01_one_dot_may_come_before_a_domain_where_a_system_sends_it(value: str) -> None:
    assert cookie_attributes.check_domain("domain", value, dotted=True) == value


@pytest.mark.parametrize(
    "value", ["..a", ".", ".;a", ".a;", ".a\n", *(value for value in NOT_DOMAINS if value != ".example.com")], ids=ascii
)
def test_C01_a_dot_makes_no_other_text_a_domain(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^domain: .+; (give a host name|stay within 1024)"):
        cookie_attributes.check_domain("domain", value, dotted=True)


PATHS = ["/", "/a", "/a/b/", "/a b", "/a%20b", "/~!@#$%^&*()_+`-={}[]|\\:\"'<>?,.", "//", "/" + "a" * 1023]


NOT_PATHS: list[object] = [
    *("", "a", " /", "*", "\\", "/a;b", "/; secure", "/;", "/\n", "/a\n", "/a\r\nSet-Cookie: x=y", "/\0", "/\t", "/\x1f", "/\x7f"),
    *("/é", "/\u2028", "/\u3000", "/\ud800", "/" + "a" * 1024, b"/", None, 5, True, ["/"], object()),
    # A browser trims white space off an attribute's ends: what it keeps is another path than the one asked for.
    *("/ ", "/a ", "/a/  "),
]


@pytest.mark.parametrize("value", PATHS, ids=lambda item: repr(item)[:30])
def test_C01_a_path_starts_with_a_slash(value: str) -> None:
    assert cookie_attributes.check_path("path", value) == value


@pytest.mark.parametrize("value", NOT_PATHS, ids=lambda item: ascii(item)[:30])
def test_C01_no_other_text_is_a_path(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^path: .+; (give a path|stay within 1024)"):
        cookie_attributes.check_path("path", value)


@pytest.mark.parametrize(("octets", "taken"), [(1023, True), (1024, True), (1025, False)])
def test_C02_no_attribute_passes_1024_octets(octets: int, taken: bool) -> None:
    # Labels of one letter and its dot; the last, of one or two letters, makes the length even or odd.
    name = "a." * ((octets - 1) // 2) + "a" * (2 - octets % 2)
    attributes = [
        (cookie_attributes.check_path, "path", "/" + "a" * (octets - 1)),
        (cookie_attributes.check_domain, "domain", name),
    ]
    assert [len(value) for _, _, value in attributes] == [octets, octets]
    for check, option, value in attributes:
        if taken:
            assert check(option, value) == value
        else:
            with pytest.raises(ConfigError, match=f"^{option}: .*1025 is too long; stay within 1024 characters"):
                check(option, value)
