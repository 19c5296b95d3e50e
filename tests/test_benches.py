"""Every bench measures what is right: the same answers on both backends and from every peer. Nothing is timed here."""

import json

import pytest

from tests.cores import NO_NATIVE

pytest.importorskip("gingersnap._native", reason=NO_NATIVE)

from benches import bench_core, bench_request, callgrind, cases, instructions
from benches.timing import Contender, Effort, Group, Speed, measure

GROUPS = [*bench_core.groups(), *bench_request.groups()]
ALL = [pytest.param(contender, id=f"{group.title}-{contender.name}") for group in GROUPS for contender in group.contenders]


@pytest.mark.parametrize("contender", ALL)
def test_contender_answers_right(contender: Contender) -> None:
    contender.check()


@pytest.mark.parametrize("algorithm", bench_core.ALGORITHMS)
def test_backends_write_the_same_lines(algorithm: str) -> None:
    written = [bench_core.cookie(core, algorithm).dump(cases.PAYLOAD, *bench_core.DATED) for core in bench_core.BACKENDS.values()]
    assert written[0] == written[1]


@pytest.mark.parametrize("backend", bench_core.BACKENDS)
def test_load_fills_the_dict_that_it_is_given(backend: str) -> None:
    into: dict[str, object] = {}
    headers = cases.headers_of(cases.cookies_of(bench_core.lines()))
    bench_core.cookie(bench_core.BACKENDS[backend]).load(headers, into, 0)
    assert into == cases.PAYLOAD


def test_payload_is_as_agreed() -> None:
    assert abs(len(cases.PAYLOAD_TEXT) - 150) <= 3
    assert len(cases.PAYLOAD) == 6
    assert {list, dict} <= {type(value) for value in cases.PAYLOAD.values()}
    assert json.dumps(cases.PAYLOAD, separators=(",", ":")).encode() == cases.PAYLOAD_TEXT


def test_ratios_are_of_paired_rounds() -> None:
    speed = Speed({"bare": [1.0, 1.0, 4.0], "ours": [2.0, 3.0, 5.0], "theirs": [5.0, 9.0, 8.0]})
    assert speed.ratio("theirs", "ours") == 2.5
    assert speed.added("ours", "bare") == 1.0
    assert speed.added_ratio("theirs", "ours", "bare") == 4.0
    assert speed.added_ratio("theirs", "ours", "bare", "bare") == 4.0


def test_each_side_has_its_own_base() -> None:
    speed = Speed({"bare": [1.0], "ours": [3.0], "koa": [10.0], "theirs": [18.0]})
    assert speed.added_ratio("ours", "theirs", "bare", "koa") == 0.25


def test_wrong_answer_is_never_timed() -> None:
    wrong = Contender(name="wrong", statement="1 + 1", names={}, expected=3)
    with pytest.raises(AssertionError, match="wrong"):
        measure(Group("sums", [wrong]), Effort(rounds=1, seconds=0))


def test_every_counted_case_is_there_and_recorded() -> None:
    recorded = json.loads(instructions.RESULTS.read_text("utf-8"))[instructions.KEY]["requests"]
    assert set(recorded) == set(instructions.CASES)
    assert {case for case in instructions.CASES if case.startswith("cookie")} <= set(callgrind.requests())


@pytest.mark.parametrize(
    ("now", "out", "said"),
    [(1000, 0, None), (1050, 0, None), (950, 0, None), (1051, 1, "1 above"), (949, 1, "1 below")],
)
def test_a_count_out_of_bounds_is_told_either_way(now: int, out: int, said: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    assert instructions.report({"read": 1000}, {"read": now}) == out
    shown = capsys.readouterr().out
    assert ("out of bounds" in shown) is bool(out)
    assert said is None or said in shown
