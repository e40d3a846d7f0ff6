"""What a run in CI is told of the tests that it skipped."""

import pytest

from tests.skips import SKIPS, Skip, complaints

LISTED = (Skip("tests/a/*", lambda: True, "here"), Skip("tests/b/*", lambda: False, "elsewhere"))


@pytest.mark.parametrize(
    ("ran", "skipped", "about"),
    [
        (["tests/b/x.py::one"], ["tests/a/x.py::one"], []),
        (["tests/a/x.py::two"], ["tests/a/x.py::one"], []),
        (["tests/c/x.py::one"], [], []),  # a part of the tests, of which none is listed
        (["tests/a/x.py::one"], [], ["tests/a/*"]),
        ([], ["tests/b/x.py::one", "tests/c/x.py::one"], ["tests/b/x.py::one", "tests/c/x.py::one"]),
    ],
)
def test_what_is_skipped_has_to_be_listed_and_what_is_listed_skipped(
    ran: list[str], skipped: list[str], about: list[str]
) -> None:
    assert [complaint.split()[0] for complaint in complaints(ran, skipped, LISTED)] == about


def test_each_skip_has_its_reason() -> None:
    assert all(skip.reason for skip in SKIPS)


def test_a_run_in_ci_fails_for_a_skip_that_is_not_listed(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeconftest("from tests.conftest import pytest_sessionfinish")
    pytester.makepyfile("import pytest\ndef test_it():\n    pytest.skip('not today')")
    for ci, status in (("true", pytest.ExitCode.TESTS_FAILED), ("", pytest.ExitCode.OK)):
        monkeypatch.setenv("CI", ci)
        result = pytester.runpytest_inprocess()
        assert result.ret == status
        told = any("::test_it was skipped, and tests/skips.py" in line for line in result.outlines)
        assert told == (status != pytest.ExitCode.OK)
