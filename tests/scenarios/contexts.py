"""What scenarios are given in tests."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ssd_core.images.dataset import Records, read_records
from ssd_core.scenarios.protocol import Context, Graph
from ssd_core.scenarios.settings import Settings
from ssd_core.worker.pool import Pool

ContextMaker = Callable[..., Context]


class Quiet:
    """Progress that shows nothing."""

    def bar(self, **_: Any) -> Any:
        return tqdm(disable=True)

    def uncaptured(self) -> AbstractContextManager[None]:
        return nullcontext()


class Named:
    """Graphs that are nothing but a name, which says the precision."""

    def of(self, precision: str) -> Graph:
        return Graph(Path(f"{precision}.pb"), "demo")


def context_of(folder: Path, records: Path | None = None, **settings: Any) -> Context:
    """A context whose images, if there are any, are fed to every case."""
    read = None if records is None else read_records(records, None)

    def images() -> Records:
        assert read is not None, "the test gives no records"
        return read

    chosen = Settings(**settings)
    pool = Pool(chosen.allocator, chosen.socket_id, chosen.num_cores)
    return Context(chosen, pool, Named(), Quiet(), images, lambda: read, folder, "now")
