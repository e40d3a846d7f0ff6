"""What a conversion stores between runs: which shards are complete, what each was made from, and what it left out."""

import glob
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ssd_core.errors import UserError
from ssd_core.files import is_file, reason, replacing, sha256_of


@dataclass(frozen=True)
class Shard:
    """One shard: the fingerprint of its input; once complete, also its SHA-256, number of records and odd images.

    `invalid` has a line for each image that was left out, `ambiguous` the names of those that `is_ambiguous`.
    """

    made_from: str
    sha256: str = ""
    written: int = 0
    invalid: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()


class Journal:
    """The shards of one prefix in one folder, by file name, kept in a hidden JSON file beside them.

    For one conversion at a time: `write_records` holds a lock.
    """

    def __init__(self, folder: Path, prefix: str) -> None:
        self._folder = folder
        self._prefix = prefix
        self._path = folder / f".{prefix}-records.json"
        self.shards: dict[str, Shard] = _read(self._path)

    def record(self, name: str, shard: Shard) -> None:
        """Note that `name` is now `shard`, on disk too."""
        self.shards[name] = shard
        self._write()

    def start(self, made_from: dict[str, str], skip_invalid: bool) -> set[str]:
        """Begin a conversion into the shards `made_from` (name -> fingerprint); return those that are whole already.

        Shards of an earlier conversion that this one does not reuse are removed, so that old and new shards are never
        mixed. A shard that no conversion of ours wrote is never touched: it raises UserError.
        """
        whole = {name for name, fingerprint in made_from.items() if self._is_whole(name, fingerprint, skip_invalid)}
        stale = [path for path in self._existing() if path.name not in whole]
        for path in stale:
            if path.name not in self.shards:
                raise UserError(
                    f"{path} is there already and is not from a conversion that can be continued:"
                    " remove it, or choose another --output-path or --output-prefix."
                )
        leftovers = self._folder.glob(f".{glob.escape(self._prefix)}-*.part")
        try:
            for path in (*stale, *leftovers):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"{error.filename} cannot be replaced ({reason(error)}): choose another folder.") from error
        self.shards = {name: self.shards[name] if name in whole else Shard(made_from[name]) for name in made_from}
        self._write()
        return whole

    def _existing(self) -> list[Path]:
        """All files that count as shards of this prefix (see `find_shards`)."""
        return sorted(path for path in self._folder.glob(f"{glob.escape(self._prefix)}-*") if is_file(path))

    def _is_whole(self, name: str, fingerprint: str, skip_invalid: bool) -> bool:
        shard, path = self.shards.get(name), self._folder / name
        if shard is None or shard.made_from != fingerprint or (shard.invalid and not skip_invalid):
            return False
        return bool(shard.sha256) and is_file(path) and sha256_of(path) == shard.sha256

    def _write(self) -> None:
        with replacing(self._path) as temporary:
            temporary.write_text(json.dumps({name: asdict(shard) for name, shard in self.shards.items()}, indent=1))


def _read(path: Path) -> dict[str, Shard]:
    try:
        stored: dict[str, Any] = json.loads(path.read_text())
        return {name: _shard(**shard) for name, shard in stored.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}  # none, or not ours: then no shard is known to be whole


def _shard(invalid: Sequence[str], ambiguous: Sequence[str] = (), **fields: Any) -> Shard:
    return Shard(**fields, invalid=tuple(invalid), ambiguous=tuple(ambiguous))
