"""What make test says of skipped tests."""

from tests.skipped import LISTED, summary


def test_nothing_skipped_is_nothing_to_say() -> None:
    assert summary([]) == []


def test_one_command_installs_all_that_is_missing() -> None:
    reasons = ["MariaDB is missing: apt-get install mariadb-server"] * 3 + [
        "Redis is missing: apt-get install redis-server",
        "no owners",
    ]
    assert summary(reasons) == [
        "Skipped 5 tests:",
        "     3 MariaDB is missing: apt-get install mariadb-server",
        "     1 Redis is missing: apt-get install redis-server",
        "     1 no owners",
        "Run what needs a package: apt-get install mariadb-server redis-server && make test",
    ]


def test_many_reasons_are_a_few_lines() -> None:
    lines = summary([f"reason {number}" for number in range(200)])
    assert len(lines) == LISTED + 2
    assert lines[-1] == f"   {200 - LISTED} for {200 - LISTED} other reasons: pytest -rs lists them"
