"""Every command of the manual is run as it is written, or a table says what else runs it, and why."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clone import benchmark_of as benchmark_of  # fixtures
from tests.clone import checkpoint as checkpoint
from tests.clone import clone as clone
from tests.clone import save as save
from tests.commands import COVERED, RUN
from tests.pages import ROOT, Block, blocks, name

BLOCKS = list(blocks("sh"))
COMMANDS = {name(command) for block in BLOCKS for command in block.commands}
MARK = "@@ next command"


def ran_here(block: Block) -> list[str]:
    return [command for command in block.commands if name(command) in RUN]


def ran_blocks() -> list[Block]:
    """The blocks with commands to run, without those that an earlier block has as a part."""
    ran: dict[Block, set[str]] = {}
    for block in BLOCKS:
        names = {name(command) for command in ran_here(block)}
        if not any(names <= earlier for earlier in ran.values()):
            ran[block] = names
    return [block for block, names in ran.items() if names]


@pytest.mark.parametrize("block", ran_blocks(), ids=str)
def test_a_block_does_what_its_page_says(block: Block, clone: Path, request: pytest.FixtureRequest) -> None:
    commands = ran_here(block)
    if "model.ckpt-120000" in block.text:
        write: Callable[[Path], None] = request.getfixturevalue("checkpoint")
        write(clone)
    for path in (path for command in commands for pattern in RUN[name(command)].writes for path in clone.glob(pattern)):
        path.unlink()  # the block makes it
    before = set(results(clone))

    script = "\n".join(["set -e", *(f"echo '{MARK}'\n{command}" for command in commands)])
    ended = subprocess.run(
        ["bash", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout
    outputs = ended.stdout.split(f"{MARK}\n")[1:]
    runs = [path for path in results(clone) if path not in before]
    for command, output in zip(commands, outputs, strict=True):
        wanted = RUN[name(command)]
        assert [p for p in wanted.prints if not re.search(p, output, re.MULTILINE)] == [], f"{command}\n{output}"
        assert [p for p in wanted.writes if not list(clone.glob(p))] == [], f"{command}\n{output}"
        if wanted.measures:
            kept = measured(runs.pop(0))
            unmeasured = [p for p in wanted.measures if not any(re.fullmatch(p, subject) for subject in kept)]
            assert unmeasured == [], f"{command} measured {kept}"
    assert runs == []


def results(folder: Path) -> list[Path]:
    """The files of results in the output folder, in the order that they were written."""
    return sorted((folder / "output").glob("benchmark_2*.json"), key=lambda path: path.stat().st_mtime_ns)


def measured(path: Path) -> list[str]:
    """The cases that a file of results holds, all entries of whose ledger were kept."""
    document = json.loads(path.read_text())
    assert [entry for entry in document["ledger"] if entry["outcome"] != "kept"] == []
    return [entry["subject"] for entry in document["ledger"] if entry["asked"] == "measure"]


def test_every_command_is_run_or_covered() -> None:
    assert COMMANDS - RUN.keys() - COVERED.keys() == set()


def test_no_table_holds_a_command_that_no_page_has() -> None:
    assert (RUN.keys() | COVERED.keys()) - COMMANDS == set()
    assert RUN.keys() & COVERED.keys() == set()


@pytest.mark.parametrize("command", COVERED)
def test_what_covers_a_command_is_there(command: str) -> None:
    covered = COVERED[command]
    assert covered.text in (ROOT / covered.file).read_text()
    assert covered.reason
