from pathlib import Path

import pytest

from ssd_core.machine.cgroup import cpu_quota

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1 = """\
32 31 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"""


def root(folder: Path, cgroup: str, mountinfo: str, files: dict[str, str]) -> Path:
    for name, content in {"proc/self/cgroup": cgroup, "proc/self/mountinfo": mountinfo, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content and content + "\n")
    return folder


@pytest.mark.parametrize(("limit", "quota"), [("max 100000", None), ("150000 100000", 1.5), ("20000 10000", 2.0)])
def test_version_2(tmp_path: Path, limit: str, quota: float | None) -> None:
    assert cpu_quota(root(tmp_path, "0::/job", V2, {"sys/fs/cgroup/job/cpu.max": limit})) == quota


def test_the_least_of_the_groups_above_counts(tmp_path: Path) -> None:
    files = {
        "sys/fs/cgroup/cpu.max": "800000 100000",
        "sys/fs/cgroup/user/cpu.max": "300000 100000",
        "sys/fs/cgroup/user/job/cpu.max": "max 100000",
        "sys/fs/cgroup/user/other/cpu.max": "100000 100000",
    }
    assert cpu_quota(root(tmp_path, "0::/user/job", V2, files)) == 3.0


def test_a_container_sees_its_own_group_at_the_top(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/cpu.max": "250000 100000"}
    assert cpu_quota(root(tmp_path / "own", "0::/", V2, files)) == 2.5
    # Without a namespace of its own the path is the host's, and the mount begins below the host's root.
    below = V2.replace(" / /sys", " /machine/c1 /sys")
    assert cpu_quota(root(tmp_path / "host", "0::/machine/c1", below, files)) == 2.5
    files = {"sys/fs/cgroup/inner/cpu.max": "50000 100000"}
    assert cpu_quota(root(tmp_path / "inner", "0::/machine/c1/inner", below, files)) == 0.5


@pytest.mark.parametrize(("quota_us", "quota"), [("-1", None), ("450000", 4.5)])
def test_version_1(tmp_path: Path, quota_us: str, quota: float | None) -> None:
    folder = "sys/fs/cgroup/cpu,cpuacct/docker/abc"
    files = {f"{folder}/cpu.cfs_quota_us": quota_us, f"{folder}/cpu.cfs_period_us": "100000"}
    cgroup = "9:name=systemd:/\n3:cpu,cpuacct:/docker/abc\n2:cpuset:/\n0::/"
    assert cpu_quota(root(tmp_path, cgroup, V1, files)) == quota


def test_version_1_in_a_container_that_shows_the_hosts_path(tmp_path: Path) -> None:
    files = {
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "200000",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
    }
    assert cpu_quota(root(tmp_path, "3:cpu,cpuacct:/docker/abc", V1, files)) == 2.0


def test_no_control_groups_set_no_limit(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
    assert cpu_quota(root(tmp_path, "", "", {})) is None


def test_a_mounted_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = root(tmp_path, "0::/job", V2, {"sys/fs/cgroup/job/cpu.max": "150000 100000"})
    mounts = folder / "proc/self/mountinfo"
    mounts.write_bytes(b"29 23 0:25 / /mnt/caf\xe9 rw - ext4 /dev/sdb rw\n" + mounts.read_bytes())
    assert cpu_quota(folder) == 1.5
