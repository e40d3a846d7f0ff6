"""What a child process printed, kept in a file that has no name."""

import os
import tempfile

_LAST_LINES = 8
_TAIL_BYTES = 1 << 14


class CapturedOutput:
    """The standard output and error of a child, one after another as they came.

    A file rather than a pipe: it cannot fill up and stall the child, needs no thread, and outlives the child.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._given_bytes = 0

    def fileno(self) -> int:
        """The descriptor to give to the child; both then write at the end of what is there."""
        return self._file.fileno()

    def new_lines(self) -> list[str]:
        """The lines printed since the last call."""
        size = os.fstat(self.fileno()).st_size
        text = os.pread(self.fileno(), size - self._given_bytes, self._given_bytes)
        self._given_bytes = size
        return text.decode(errors="replace").splitlines()

    def tail(self) -> str:
        """The end of a sentence about the child's end: the last lines that it printed."""
        start = max(0, os.fstat(self.fileno()).st_size - _TAIL_BYTES)
        text = os.pread(self.fileno(), _TAIL_BYTES, start).decode(errors="replace")
        lines = [line for line in text.splitlines() if line.strip()][-_LAST_LINES:]
        if not lines:
            return "; it had printed nothing."
        return "; the last it printed:\n" + "\n".join(f"    {line}" for line in lines)

    def close(self) -> None:
        """Close the file, which deletes it."""
        self._file.close()
