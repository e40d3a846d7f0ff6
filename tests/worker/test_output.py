import os

from ssd_core.worker.output import CapturedOutput


def test_lines_are_given_once_and_the_last_words_stay() -> None:
    output = CapturedOutput()
    os.write(output.fileno(), b"first\nsecond\n")
    assert output.new_lines() == ["first", "second"]
    assert output.new_lines() == []
    os.write(output.fileno(), "drit\u00e9 \n\n".encode() + b"\xff\n")
    assert output.new_lines() == ["drité ", "", "�"]
    assert output.tail() == "; the last it printed:\n    first\n    second\n    drité \n    �"
    output.close()


def test_only_the_end_of_much_is_repeated() -> None:
    output = CapturedOutput()
    for number in range(10_000):
        os.write(output.fileno(), f"line {number}\n".encode())
    lines = output.tail().splitlines()
    assert lines[-1] == "    line 9999"
    assert len(lines) < 20
    assert len(output.new_lines()) == 10_000
    output.close()


def test_silence_is_said() -> None:
    output = CapturedOutput()
    assert output.tail() == "; it had printed nothing."
    output.close()
