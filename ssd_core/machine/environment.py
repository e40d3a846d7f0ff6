"""A worker's environment variables: the user's, except those that would change what is measured.

A variable that has no effect would mislead the user who set it. Each one is reported, with the option that has the
wanted effect.
"""

from collections.abc import Iterator, Mapping

_OWN = {
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_OVERRIDE_GLOBAL_THREADPOOL": "1",  # a pool for each session; otherwise the first one's size holds for all
    "CUDA_VISIBLE_DEVICES": "-1",
    "PYTHONFAULTHANDLER": "1",  # a crash in native code prints where Python was
}
_MEASURED = ("TF_ENABLE_ONEDNN_OPTS", "TF_OVERRIDE_GLOBAL_THREADPOOL")  # those that a measured number depends on
_VERBOSE = ("ONEDNN_VERBOSE", "DNNL_VERBOSE")
_THREADS = {"TF_NUM_INTRAOP_THREADS": "--num-intra-threads", "TF_NUM_INTEROP_THREADS": "--num-inter-threads"}
_OPENMP = ("OMP_", "KMP_", "GOMP_")  # which public builds of TensorFlow are not linked with
_OFF = ("", "0", "none")


def of_worker(user: Mapping[str, str], onednn_verbose: bool) -> dict[str, str]:
    """The user's environment with what a worker needs; oneDNN prints what it runs only with `onednn_verbose`."""
    inherited = {name: value for name, value in user.items() if name not in _VERBOSE}
    return inherited | _OWN | ({"ONEDNN_VERBOSE": "profile_exec"} if onednn_verbose else {})


def without_effect(user: Mapping[str, str]) -> Iterator[str]:
    """A line for each variable of the user that has no effect in the workers."""
    for name in _MEASURED:
        if user.get(name, _OWN[name]) != _OWN[name]:
            way = f"--against env={name}={user[name]}"
            yield f"{name}={user[name]} is overridden, workers run with {_OWN[name]}: measure it with {way}."
    if user.get("CUDA_VISIBLE_DEVICES", "-1") not in ("", "-1"):
        yield "CUDA_VISIBLE_DEVICES is overridden, workers run with -1: what is measured is the CPU."
    for name in _VERBOSE:
        if user.get(name, "0") not in _OFF:
            yield f"{name} is not passed to the workers, because printing would be timed: --profile tells the kernels."
    for name, flag in _THREADS.items():
        if name in user:
            yield f"{name}={user[name]} has no effect, a session is told its number of threads: give {flag}."
    if openmp := sorted(name for name in user if name.startswith(_OPENMP)):
        yield (
            f"{', '.join(openmp)} has no effect on TensorFlow, whose threads are its own:"
            " give --num-intra-threads, --num-cores or --socket-id."
        )
