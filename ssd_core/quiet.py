"""TensorFlow without the lines it writes to stderr when it starts, which no setting of its own silences."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from ssd_core.errors import UserError


def import_tensorflow() -> None:
    """Import TensorFlow; what it writes meanwhile is shown only if the import fails."""
    if "tensorflow" not in sys.modules:
        with _descriptor_kept():
            import tensorflow  # noqa: F401


@contextmanager
def native_code() -> Iterator[None]:
    """In the block, native code and child processes write to no terminal; Python's own stderr works as before.

    What they wrote is shown if the block fails, except by a mistake of the user's, which has its own sentence.
    """
    shown = sys.stderr
    with open(os.dup(2), "w", buffering=1) as own, _descriptor_kept():  # noqa: PTH123  # a descriptor is no path
        if shown is sys.__stderr__:
            sys.stderr = own
        try:
            yield
        finally:
            sys.stderr = shown


@contextmanager
def _descriptor_kept() -> Iterator[None]:
    """In the block, descriptor 2 is a file, which is shown if the block fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as chatter:
        os.dup2(chatter.fileno(), 2)
        try:
            yield
        except UserError:
            raise
        except BaseException:
            chatter.seek(0)
            os.write(kept, chatter.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
