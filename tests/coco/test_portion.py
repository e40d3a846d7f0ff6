import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.coco.portion import Portion
from ssd_core.errors import UserError

counts = st.integers(0, 10_000)
shards = st.integers(1, 60)
units = st.integers(1, 40)


@given(counts, shards, units)
def test_the_shards_follow_one_another_and_cover_all(count: int, of: int, unit: int) -> None:
    ranges = [Portion(number, of).range(count, unit) for number in range(1, of + 1)]
    assert [place for one in ranges for place in one] == list(range(count))


@given(counts, shards, units)
def test_shards_begin_at_multiples_and_are_alike_in_size(count: int, of: int, unit: int) -> None:
    ranges = [Portion(number, of).range(count, unit) for number in range(1, of + 1)]
    assert all(one.start % unit == 0 for one in ranges if one)
    units_each = [-(-len(one) // unit) for one in ranges]
    assert max(units_each) - min(units_each) <= 1  # floors of multiples of one number differ by 1 at most


def test_as_it_is_written() -> None:
    assert Portion.parse("3/8") == Portion(3, 8)
    assert str(Portion(3, 8)) == "3/8"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0/8", "is out of range: give one of 1/8 to 8/8."),
        ("9/8", "is out of range: give one of 1/8 to 8/8."),
        ("1/0", "is out of range: give one of 1/N to N/N."),
        ("3", "is no shard: write I/N"),
        ("a/b", "is no shard"),
        ("-1/8", "is no shard"),
        ("1/8/9", "is no shard"),
        ("１/8", "is no shard"),
    ],
)
def test_what_is_no_shard(text: str, said: str) -> None:
    with pytest.raises(UserError, match=r"^--shard ") as error:
        Portion.parse(text)
    assert said in str(error.value)
