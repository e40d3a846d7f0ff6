"""The CPU time a control group grants this process: cgroup v2 (`cpu.max`) and v1 (`cpu.cfs_quota_us`)."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def cpu_quota(root: Path = ROOT) -> float | None:
    """How many CPUs the control groups grant, the least of all groups above this process; None: no limit.

    `root` is the folder that holds `proc` and the mounted `sys/fs/cgroup`. Files that are not there set no limit.
    """
    quotas = [quota for folder in _folders(root) if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def _folders(root: Path) -> Iterator[Path]:
    """The process's group and those above it, in each hierarchy that can limit the CPU."""
    mounts = _mounts(root)
    for line in _lines(root / "proc/self/cgroup"):
        number, controllers, group = line.split(":", 2)
        # Version 2 has one hierarchy, numbered 0 and without controllers; version 1 names them.
        kind = "cgroup2" if number == "0" and not controllers else "cpu"
        if (kind == "cgroup2" or "cpu" in controllers.split(",")) and kind in mounts:
            mount, mounted_group = mounts[kind]
            top = root / mount.lstrip("/")
            # In a container the mount may begin below the host's root: the path counts from there.
            folder = top / group.removeprefix(mounted_group.rstrip("/")).lstrip("/")
            yield top
            while folder != top and top in folder.parents:
                yield folder
                folder = folder.parent


def _mounts(root: Path) -> dict[str, tuple[str, str]]:
    """`cgroup2` and `cpu` -> where that hierarchy is mounted, and which of its groups is at the top of the mount.

    See proc(5): fields 4 and 5 of a mountinfo line are the root of the mount and the mount point; after a lone dash
    come the type of file system, the source and the options.
    """
    mounts: dict[str, tuple[str, str]] = {}
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        kind, _, options = after.partition(" ")
        fields = before.split()
        if kind == "cgroup2":
            mounts.setdefault("cgroup2", (fields[4], fields[3]))
        elif kind == "cgroup" and "cpu" in options.split()[-1].split(","):
            mounts.setdefault("cpu", (fields[4], fields[3]))
    return mounts


def _quota(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    return None if quota in ("max", "-1") else int(quota) / int(period)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()  # mounted folders have names of any bytes
    except OSError:
        return []
