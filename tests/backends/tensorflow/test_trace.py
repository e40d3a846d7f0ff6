"""TensorFlow's trace in a worker: what ran, how long, and the layers' sizes, which oneDNN's lines confirm."""

from pathlib import Path

from ssd_core.backends.protocol import of_graph
from ssd_core.profiling.kernels import matched, primitives
from ssd_core.profiling.layers import account
from ssd_core.worker.client import Worker, WorkerSettings
from tests.worker.conftest import PATIENCE_S


def test_a_trace_holds_what_ran_and_no_more_time_than_the_step(worker: Worker, graphs: dict[str, Path]) -> None:
    worker.open(of_graph(graphs["convolution"], 1, 1))
    worker.feed_dummy(2)
    trace = worker.trace(4)
    assert len(trace.step_ns) == 4
    assert all(len(node.times_ns) == 4 for node in trace.nodes)
    for step, step_ns in enumerate(trace.step_ns):
        assert 0 < sum(node.times_ns[step] for node in trace.nodes) < step_ns
    assert len({node.name for node in trace.nodes}) == len(trace.nodes)
    fp32, int8 = [node for node in trace.nodes if node.problem is not None]
    assert [fp32.precision, int8.precision] == ["fp32", "int8"]
    assert fp32.multiply_adds == 2 * 30 * 30 * 16 * 3 * 3 * 3
    assert int8.multiply_adds == 2 * 30 * 30 * 16 * 3 * 3 * 16
    assert fp32.output is not None
    assert fp32.output.total_bytes == 4 * 2 * 30 * 30 * 16
    assert int8.output is not None
    assert int8.output.total_bytes == 2 * 30 * 30 * 16
    assert min(fp32.times_ns) > 0
    assert {"Const", "_Arg"} <= {node.operation for node in trace.nodes}


def test_a_batch_shows_in_the_sizes(worker: Worker, graphs: dict[str, Path]) -> None:
    worker.open(of_graph(graphs["convolution"], 1, 1))
    worker.feed_dummy(5)
    assert {node.problem.mb for node in worker.trace(1).nodes if node.problem} == {5}


def test_onednn_ran_the_layers_that_the_trace_tells(graphs: dict[str, Path]) -> None:
    with Worker(WorkerSettings(onednn_verbose=True), timeout_s=PATIENCE_S) as worker:
        worker.open(of_graph(graphs["convolution"], 1, 1))
        worker.feed_dummy(3)
        layers = [node for node in worker.trace(1).nodes if node.problem]
        worker.output_lines()
        worker.run(1)
        ran = primitives(worker.output_lines())
    found = matched([node.problem for node in layers if node.problem], ran)
    assert [primitive and primitive.data_type for primitive in found] == ["f32", "int8"]


def test_peaks_and_bandwidth_are_measured_and_make_an_account(worker: Worker, graphs: dict[str, Path]) -> None:
    roofline = worker.roofline(["int8"], 1, 1)
    assert list(roofline.multiply_adds_per_s) == ["int8"]
    assert 1e8 < roofline.multiply_adds_per_s["int8"] < 1e14
    assert 1e8 < roofline.bytes_per_s < 1e13
    worker.open(of_graph(graphs["convolution"], 1, 1))
    worker.feed_dummy(1)
    trace = worker.trace(1)
    rows = account(trace.nodes, trace.step_ns, {}, roofline)
    fp32, int8 = [row for row in rows if row.kind == "convolution"]
    assert fp32.roofline_share is None
    assert int8.roofline_share is not None
    assert int8.roofline_share > 0
