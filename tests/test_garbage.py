import gc

import pytest

from ssd_core.garbage import not_collected


def test_the_collector_rests_in_the_block_and_goes_on_after_an_error() -> None:
    def fail() -> None:
        assert not gc.isenabled()
        raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"), not_collected():
        fail()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    with not_collected():
        with not_collected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
