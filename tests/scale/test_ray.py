"""Runs on a head and three nodes of Ray, all on this machine: what they give, and what is left when some of it dies."""

import json
import os
import random
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.coco.conversions import contents, convert
from tests.scale.nodes import LONGEST_S, Nodes, cluster, serving, start, until
from tests.stand_in import VARIABLE

pytest.importorskip("ray", reason="tox -e ray-tests has Ray")

IMAGES = 30
TRIALS = range(int(os.environ.get("RAY_TRIALS", "1")))  # how often a node is killed, each time at another moment
FOUND = {"score": {"fp32": 0.9, "int8": 0.6}}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """The head, and three nodes that stay."""
    with pytest.MonkeyPatch.context() as patch, cluster() as made:
        patch.setenv(VARIABLE, json.dumps(FOUND))
        patch.delenv("PYTEST_ADDOPTS", raising=False)
        for _ in range(2):
            made.add()
        yield made


@pytest.fixture
def folder(make_coco: Any) -> Any:
    return make_coco(IMAGES, unannotated=2)


def conversion(coco: Any, out: Path, address: str, *more: str) -> list[object]:
    given = ("--image-path", coco.images, "--annotations-file", coco.annotations, "--output-path", out)
    return ["-m", "ssd_core", "generate-coco-records", *given, "--ray", address, *more]


def accuracy(records: Path, out: Path, *more: str) -> list[object]:
    options = ("-p", "tests.stand_in", "-p", "no:cacheprovider", "--thresholds", records / "thresholds.toml")
    counts = ("--batch-size", "2", "--num-intra-threads", "1")
    where = ("--data-location", records, "--output-dir", out)
    return ["-m", "pytest", "bench", *options, "--accuracy-only", *counts, *where, *more]


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    output, _ = process.communicate(timeout=LONGEST_S)
    return process.returncode, output


def complete(folder: Path) -> list[Path]:
    return list(folder.glob(".*-parts/*/part.json"))


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def in_the_middle(trial: int) -> None:
    """Wait for a moment of a trial; the first is at once."""
    time.sleep(trial and random.Random(trial).uniform(0, 2))


@pytest.mark.parametrize("trial", TRIALS)
def test_a_conversion_whose_node_is_killed_gives_the_bytes_of_one_process(
    nodes: Nodes, folder: Any, tmp_path: Path, trial: int
) -> None:
    one = convert(folder, tmp_path / "one")
    third = nodes.add()
    running = start(*conversion(folder, tmp_path / "out", nodes.address, "--shards", "5"))
    until(lambda: complete(tmp_path / "out") or running.poll() is not None)
    in_the_middle(trial)
    nodes.end(third)
    assert running.poll() is None, "there was nothing left to do"
    status, output = ended(running)
    assert status == 0, output
    assert f"Wrote {one.written} images" in output
    assert contents(tmp_path / "out") == contents(tmp_path / "one")
    assert not list((tmp_path / "out").glob(".val-parts"))


@pytest.mark.parametrize("trial", TRIALS)
def test_accuracy_whose_node_is_killed_gives_the_digits_of_one_process(
    nodes: Nodes, noise_records: Path, tmp_path: Path, trial: int
) -> None:
    (noise_records / "thresholds.toml").write_text("[[rule]]\nkind = 'accuracy'\nmin_ap = 0.5\n")
    assert ended(start(*accuracy(noise_records, tmp_path / "one")))[0] == 0
    third = nodes.add()
    running = start(*accuracy(noise_records, tmp_path / "out", "--ray", nodes.address, "--shards", "3"))
    until(lambda: complete(tmp_path / "out") or running.poll() is not None)
    in_the_middle(trial)
    nodes.end(third)
    assert running.poll() is None, "there was nothing left to do"
    status, output = ended(running)
    assert status == 0, output
    one, many = (results(tmp_path / name) for name in ("one", "out"))
    assert one == many
    assert len(one) == 2
    assert not list((tmp_path / "out").glob(".*-parts"))


def results(folder: Path) -> dict[str, tuple[Any, bytes]]:
    """The 12 numbers and the detections of each precision."""
    (path,) = folder.glob("benchmark_2*.json")
    found = (benchmark["extra_info"] for benchmark in json.loads(path.read_text())["benchmarks"])
    return {info["precision"]: (info["accuracy"], (folder / info["detections_file"]).read_bytes()) for info in found}


def test_of_two_runs_into_one_folder_one_is_refused(nodes: Nodes, folder: Any, tmp_path: Path) -> None:
    convert(folder, tmp_path / "one")
    both = [start(*conversion(folder, tmp_path / "out", nodes.address)) for _ in range(2)]
    (status, first), (other, said) = sorted(map(ended, both))
    assert (status, other) == (0, 2), (first, said)
    assert "error: Another run has its shards of val in" in said
    assert contents(tmp_path / "out") == contents(tmp_path / "one")


def test_an_error_of_the_users_is_said_once_and_leaves_nothing(nodes: Nodes, folder: Any, tmp_path: Path) -> None:
    (folder.images / "3.jpg").write_bytes(b"GIF89a")
    status, output = ended(start(*conversion(folder, tmp_path / "out", nodes.address, "--shards", "2")))
    assert status == 2
    (sentence,) = re.findall(r"^error: .*$", output, re.MULTILINE)
    assert re.search(r"Shard 1/2 failed on \S+: .*/3\.jpg is not a JPEG file: replace the file", sentence)
    assert visible(tmp_path / "out") == []


def test_a_node_whose_disk_is_full_is_left_for_the_others(nodes: Nodes, folder: Any, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        small = nodes.add(cpus=2, env_vars={"TMPDIR": str(disk)})
        running = start(*conversion(folder, tmp_path / "out", nodes.address, "--shards", "6"))
        until(lambda: complete(tmp_path / "out") or running.poll() is not None)
        fill(disk)
        status, output = ended(running)
        nodes.kill(small)
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
    assert status == 0, output
    convert(folder, tmp_path / "one")
    assert contents(tmp_path / "out") == contents(tmp_path / "one")


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(4096))


def test_no_cluster_at_the_address(folder: Any, tmp_path: Path) -> None:
    for address in ("127.0.0.1:1", "nowhere"):
        status, output = ended(start(*conversion(folder, tmp_path / "out", address)))
        assert status == 2
        assert f"error: No Ray cluster can be used at {address} (" in output
        assert visible(tmp_path / "out") == []


def test_a_cluster_that_asks_for_a_token(folder: Any, tmp_path: Path) -> None:
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 2}
    with serving(**token) as address:
        status, output = ended(start(*conversion(folder, tmp_path / "out", address)))
        assert status == 2
        assert "it may ask for a token: set RAY_AUTH_MODE=token and its token here, too): give the address" in output
        assert visible(tmp_path / "out") == []
        status, output = ended(start(*conversion(folder, tmp_path / "out", address), **token))
        assert status == 0, output


def test_more_threads_than_a_node_has_cpus(nodes: Nodes, noise_records: Path, tmp_path: Path) -> None:
    (noise_records / "thresholds.toml").write_text("[[rule]]\nkind = 'accuracy'\nmin_ap = 0.5\n")
    more = ("--ray", nodes.address, "--num-intra-threads", "64")
    status, output = ended(start(*accuracy(noise_records, tmp_path / "out", *more)))
    assert status == 1
    assert "No node of the cluster at" in output
    assert "has 64 CPUs" in output


def test_a_head_that_stops_is_said_and_the_parts_are_kept(folder: Any, tmp_path: Path) -> None:
    with cluster() as made:
        made.add()
        settings = {"RAY_gcs_rpc_server_reconnect_timeout_s": "3"}
        running = start(*conversion(folder, tmp_path / "out", made.address, "--shards", "4"), **settings)
        until(lambda: complete(tmp_path / "out") or running.poll() is not None)
        made.kill(made.head)
        status, output = ended(running)
    assert status == 2, output
    assert "was lost, for its head no longer answers" in output
    assert visible(tmp_path / "out") == []
    kept = {path: path.stat().st_mtime_ns for path in complete(tmp_path / "out")}
    assert kept
