"""The types of results: what is written is read again, whatever the kind, and the published schema is theirs."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.profiling.kernels import KernelShares
from ssd_core.profiling.layers import Roofline, Row
from ssd_core.results import parts
from ssd_core.results.run import result_of
from ssd_core.results.schema import (
    SCHEMA_VERSION,
    AccuracyResult,
    AgainstResult,
    InputPipelineResult,
    LatencyResult,
    LoadgenResult,
    PartResult,
    PeersAccuracyResult,
    PeersResult,
    ProfileResult,
    Result,
    ServerAgainstResult,
    ServerResult,
    ThroughputResult,
    TimedResult,
    as_info,
    json_schema,
)
from ssd_core.scenarios.registry import KINDS
from ssd_core.worker.loadgen import SCENARIOS
from tests.typed_results import timed

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "results-schema.json"

counts = st.integers(0, 64)
positive = st.floats(1e-6, 1e9)
names = st.text("abcxyz-", min_size=1, max_size=6)
series = st.lists(st.integers(1, 10**12), min_size=1, max_size=4)
blocks = st.lists(st.lists(positive, min_size=1, max_size=3), max_size=3)


def by_name(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(names, values, max_size=3)


about = {
    "precision": st.sampled_from(["fp32", "int8", "data"]),
    **dict.fromkeys(("batch_size", "num_inter_threads", "num_intra_threads", "streams"), counts),
    "tuned": st.booleans(),
    "graph": st.none() | names,
    "graph_ops": st.none() | by_name(counts),
    "postprocess_ms": st.none() | st.tuples(positive, positive),
    "threads_started": st.none() | st.builds(parts.Threads, inter=counts, intra=counts),
    "data": st.none()
    | st.builds(parts.Data, kind=names, origin=names, images=st.none() | counts, digest=st.none() | names),
    "binding": st.none() | st.builds(parts.Binding, cpus=st.lists(counts, max_size=3), policy=names),
    "versions": by_name(st.none() | names),
}
interval = positive.map(lambda value: parts.Interval(value, value / 2, value * 2))
neighbours = st.lists(st.floats(0, 1), max_size=3).map(
    lambda shares: parts.Neighbours(list(range(len(shares))), shares)
)
marks = series.map(lambda ns: parts.Marks(list(range(len(ns))), ns, len(ns) % 2))
timings = {
    "samples_ns": st.lists(series, min_size=1, max_size=3),
    "images_per_second": positive,
    "latency_ms": by_name(positive),
    "steps": counts,
    "steady": st.none() | st.booleans(),
    "yardstick": st.none() | st.builds(parts.Yardstick.of, series, series, st.lists(marks, max_size=2)),
    "yardstick_share": st.none() | positive,
    "neighbours": st.lists(neighbours, max_size=2),
    "onednn_kernels": st.none()
    | st.builds(KernelShares, counts, positive, by_name(positive), by_name(positive), by_name(positive)),
    "supply": st.none() | st.builds(parts.Supply.of, positive, positive, positive),
    "tuning": st.lists(st.builds(parts.Candidate, counts, counts, counts, counts, positive), max_size=2),
    "in_turn": by_name(interval),
}
variant = st.builds(
    parts.VariantOutcome, names, positive, st.none() | positive, st.none() | positive, st.none() | positive,
    names, names, counts, blocks, by_name(names),
)  # fmt: skip
row = st.builds(Row, names, st.sampled_from(["convolution", "pooling", "operation"]), names, counts, positive, positive)
roofline = st.builds(Roofline, by_name(positive), positive, st.lists(positive, min_size=2, max_size=2))
setting = st.builds(parts.PeerSetting, counts, counts, counts, counts)
figures = st.builds(parts.PeerFigures, positive, setting, by_name(positive), names, by_name(counts), blocks)
speeds = st.builds(
    parts.PeerSpeeds,
    st.sampled_from(["latency", "throughput"]),
    st.sampled_from(["network", "detections"]),
    by_name(figures),
    by_name(st.builds(parts.Ratio, positive, st.none() | positive, st.none() | positive)),
)
of_kind: dict[str, st.SearchStrategy[Result]] = {
    "throughput": st.builds(ThroughputResult, **about, **timings),
    "latency": st.builds(LatencyResult, **about, **timings),
    "input_pipeline": st.builds(InputPipelineResult, **about, **timings),
    "against": st.builds(AgainstResult, **about, **timings, against=variant),
    "server_against": st.builds(ServerAgainstResult, **about, **timings, against=variant),
    "loadgen": st.builds(
        LoadgenResult,
        **about,
        rate=positive,
        bound_ms=positive,
        percentile=positive,
        batch_timeout_ms=st.floats(0, 100),
        rows=st.lists(
            st.builds(
                parts.LoadgenRow,
                st.sampled_from(SCENARIOS),
                names,
                st.sampled_from(["ms", "images/s"]),
                counts,
                *[interval] * 3,
                invalid=st.lists(names, max_size=2),
            ),
            max_size=2,
        ),
        loadgen_version=names,
    ),
    "accuracy": st.builds(
        AccuracyResult,
        **about,
        accuracy=st.fixed_dictionaries({"AP": st.floats(0, 1)}),
        accuracy_lines=st.lists(names, max_size=2),
        postprocess=st.none() | st.builds(parts.Replacement, positive, positive, positive),
    ),
    "accuracy_part": st.builds(
        PartResult,
        **about,
        number=counts,
        of=counts,
        images=counts,
        rounding=names,
        part=names,
        duration_s=positive,
    ),
    "server": st.builds(
        ServerResult,
        **about,
        rate=positive,
        searched=st.booleans(),
        peak=st.none() | interval,
        share_of_capacity=st.none() | interval,
        bound_ms=positive,
        percentile=positive,
        batch_timeout_ms=st.floats(0, 100),
        latencies_ns=st.lists(series, min_size=1, max_size=3),
        points=st.just([]),
    ),
    "profile": st.builds(
        ProfileResult,
        **about,
        layers=st.lists(row, max_size=2),
        steps=counts,
        untraced_step_ms=positive,
        roofline=roofline,
        unmatched_layers=st.lists(names, max_size=2),
    ),
    "peers": st.builds(PeersResult, **about, peers=speeds, peers_versions=by_name(names)),
    "peers_accuracy": st.builds(PeersAccuracyResult, **about, peers_accuracy=by_name(by_name(st.none() | positive))),
}


ALL_KINDS = {*KINDS, "accuracy_part"}  # the last is what an accuracy case gives of a shard


def test_every_scenario_has_its_type() -> None:
    assert set(of_kind) == ALL_KINDS


@pytest.mark.parametrize("kind", of_kind)
@given(data=st.data())
def test_what_is_written_is_read_again(kind: str, data: st.DataObject) -> None:
    result = data.draw(of_kind[kind])
    info = json.loads(json.dumps(as_info(result)))
    assert (info["kind"], info["schema_version"]) == (kind, SCHEMA_VERSION)
    read = result_of("here", {"extra_info": info})
    assert type(read) is type(result)
    assert as_info(read) == as_info(result)
    assert read.case == result.case


def test_what_peoples_scripts_read_is_flat() -> None:
    info = as_info(timed(yardstick_share=0.8))
    flat = ("kind", "precision", "batch_size", "num_inter_threads", "num_intra_threads", "streams", "tuned")
    assert {name: info[name] for name in flat} == {
        "kind": "throughput", "precision": "int8", "batch_size": 8, "num_inter_threads": 1, "num_intra_threads": 2,
        "streams": 1, "tuned": False,
    }  # fmt: skip
    assert {"images_per_second", "latency_ms", "samples_ns", "steps", "steady", "yardstick_share"} <= set(info)
    assert "supply" not in info, "what does not apply is left out"


def test_a_results_fields_have_their_units_in_their_names() -> None:
    durations = {"samples_ns", "latency_ms", "postprocess_ms"}
    assert durations <= {field.encode_name for field in msgspec.structs.fields(TimedResult)}


def test_the_published_schema_is_the_one_of_the_types() -> None:
    again = "run `python -m ssd_core.results.schema > docs/results-schema.json`"
    assert PUBLISHED.read_text() == json_schema(), again


def test_the_published_schema_names_every_kind() -> None:
    mapping = json.loads(PUBLISHED.read_text())["discriminator"]["mapping"]
    assert set(mapping) == ALL_KINDS
