"""A worker's environment, and what is said of the variables that have no effect on it."""

import pytest

from ssd_core.machine.environment import of_worker, without_effect


def test_the_users_variables_stay_but_for_those_that_a_worker_needs() -> None:
    user = {"HOME": "/home/u", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "0", "ONEDNN_VERBOSE": "1"}
    environment = of_worker(user, onednn_verbose=False)
    assert environment["HOME"] == "/home/u"
    assert environment["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert environment["CUDA_VISIBLE_DEVICES"] == "-1"
    assert "ONEDNN_VERBOSE" not in environment  # it would slow what is timed
    assert of_worker(user, onednn_verbose=True)["ONEDNN_VERBOSE"] == "profile_exec"


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (
            {"TF_ENABLE_ONEDNN_OPTS": "0"},
            "TF_ENABLE_ONEDNN_OPTS=0 is overridden, workers run with 1:"
            " measure it with --against env=TF_ENABLE_ONEDNN_OPTS=0.",
        ),
        ({"TF_OVERRIDE_GLOBAL_THREADPOOL": "0"}, "measure it with --against env=TF_OVERRIDE_GLOBAL_THREADPOOL=0."),
        ({"CUDA_VISIBLE_DEVICES": "0,1"}, "what is measured is the CPU."),
        ({"ONEDNN_VERBOSE": "all"}, "ONEDNN_VERBOSE is not passed"),
        ({"DNNL_VERBOSE": "2"}, "DNNL_VERBOSE is not passed"),
        ({"OMP_NUM_THREADS": "4"}, "OMP_NUM_THREADS has no effect on TensorFlow, .* give --num-intra-threads, "),
        ({"OMP_PROC_BIND": "1", "KMP_BLOCKTIME": "1"}, "KMP_BLOCKTIME, OMP_PROC_BIND has no effect on TensorFlow"),
        ({"TF_NUM_INTRAOP_THREADS": "4"}, "give --num-intra-threads."),
        ({"TF_NUM_INTEROP_THREADS": "2"}, "give --num-inter-threads."),
    ],
)
def test_what_has_no_effect_is_a_line_with_the_way(user: dict[str, str], said: str) -> None:
    (line,) = without_effect(user | {"HOME": "/home/u"})
    assert next(iter(user)) in line
    start, _, end = said.partition(".* ")
    assert start in line
    assert end in line


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"TF_ENABLE_ONEDNN_OPTS": "1"},
        {"CUDA_VISIBLE_DEVICES": ""},
        {"CUDA_VISIBLE_DEVICES": "-1"},
        {"ONEDNN_VERBOSE": "0", "DNNL_VERBOSE": "none"},
        {"TF_CPP_MIN_LOG_LEVEL": "0", "PYTHONFAULTHANDLER": "0"},  # what is printed, not what is measured
        {"ONEDNN_MAX_CPU_ISA": "AVX2", "TF_NUM_THREADS": "1"},  # these reach the workers
    ],
)
def test_nothing_is_said_of_what_agrees(user: dict[str, str]) -> None:
    assert list(without_effect(user)) == []
