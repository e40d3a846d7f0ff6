"""How many examples a property test runs where the profile's number would take too long."""

from hypothesis import settings

_DEFAULT = 100  # hypothesis's own


def examples(count: int) -> settings:
    """`count` examples in a normal run, and as many times that as the loaded profile's are times the default."""
    return settings(max_examples=count * settings().max_examples // _DEFAULT)
