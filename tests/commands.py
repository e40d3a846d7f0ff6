"""What each command of the manual does when it is run, and what covers those that are not run by `test_commands.py`."""

from dataclasses import dataclass

MINUTES = "it installs packages and takes minutes"
RAY = "it needs Ray, which tox -e ray-tests has"
ROOT_ONLY = "it installs a package of the system, which only root may do"


@dataclass(frozen=True)
class Ran:
    """What a command leaves: output with each pattern of `prints`, files at each of `writes`, results of `measures`."""

    prints: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    """Of cases in the ledger of its file of results; none where it is not `pytest bench`."""


@dataclass(frozen=True)
class Covered:
    """What runs a command instead: a file of the project that holds `text`, and why it is not run here."""

    file: str
    text: str
    reason: str


def _measured(*cases: str) -> Ran:
    return Ran(measures=cases)


_BATCHES = tuple(f"throughput {name}-batch{size}" for name in ("fp32", "int8") for size in (1, 8))
_AGAINST = _measured(r"against int8-batch1-intra\d+")
_LATENCY = _measured(r"latency int8-batch1-intra\d+")

RUN = {
    ". .tox/bench/bin/activate": Ran(),
    "cp annotations/instances_val2017.json tfrecords/": Ran(writes=("tfrecords/instances_val2017.json",)),
    "launch_benchmark --model-name ssd_vgg16 --mode inference --framework tensorflow --precision int8 --batch-size 1": (
        Ran((r"^Throughput: [\d.]+ images/sec$", r"^Latency: [\d.]+ ms$"), measures=(r"latency int8-batch1-intra\d+",))
    ),
    "pytest bench": _measured(
        *(rf"{case}-intra\d+" for case in _BATCHES), "throughput int8-tuned", r"accuracy int8-batch8-intra\d+"
    ),
    "pytest bench --accuracy-only": _measured(r"accuracy fp32-batch8-intra\d+", r"accuracy int8-batch8-intra\d+"),
    "pytest bench --against allocator=malloc": _AGAINST,
    "pytest bench --against env=ONEDNN_MAX_CPU_ISA=AVX2": _AGAINST,
    "pytest bench --against graph=base.pb --in-graph new.pb": _AGAINST,
    "pytest bench --against python=.tox/newest/bin/python": _AGAINST,
    "pytest bench --against python=.tox/newest/bin/python --precision int8": _AGAINST,
    "pytest bench --baseline main": _LATENCY,
    "pytest bench --batch-size 1 --streams 1,2": _measured(r"throughput int8-batch1-intra\d+-streams2"),
    "pytest bench --batch-size 1,4,16 --num-intra-threads 1,2": _measured("throughput int8-batch16-intra2"),
    "pytest bench --data-location tfrecords": _measured(r"input_pipeline data-batch8-intra\d+"),
    "pytest bench --in-graph fp32=fp32.pb --in-graph int8=int8.pb": _measured(r"latency fp32-batch1-intra\d+"),
    "pytest bench --in-graph int8=int8.pb --data-location tfrecords": _measured(r"latency int8-batch1-intra\d+"),
    "pytest bench --precision fp32,bf16,int8 --batch-size 1,16": _measured(r"throughput bf16-batch16-intra\d+"),
    "pytest bench --profile --precision int8 --batch-size 1": Ran(
        writes=("output/profile_int8_batch1_*.csv",), measures=(r"profile int8-batch1-intra\d+",)
    ),
    "pytest bench --quick": _measured(r"latency fp32-batch1-intra\d+", r"latency int8-batch1-intra\d+"),
    "pytest bench --save-baseline main": Ran(writes=(".benchmarks/baselines/main.json",), measures=_LATENCY.measures),
    "pytest bench --save-history": Ran(writes=(".benchmarks/history/2*.json",), measures=_LATENCY.measures),
    "pytest bench --server --precision int8": _measured(r"server int8-batch1-intra\d+"),
    "pytest bench --server --precision int8 --batch-size 8 --batch-timeout-ms 5": _measured(
        r"server int8-batch8-intra\d+"
    ),
    "pytest bench --server --precision int8 --latency-bound-ms 150 --latency-percentile 90": (
        _measured(r"server int8-batch1-intra\d+")
    ),
    "pytest bench --server --precision int8 --rate 20": _measured(r"server int8-batch1-intra\d+"),
    "pytest bench --server --precision int8 --streams 2": _measured(r"server int8-batch1-intra\d+-streams2"),
    "pytest bench --server --against graph=base.pb --in-graph new.pb": _measured(
        r"server_against int8-batch1-intra\d+"
    ),
    "pytest bench --loadgen --precision int8": _measured(r"loadgen int8-batch1-intra\d+"),
    "pytest bench --loadgen --precision int8 --rate 15 --latency-percentile 95": _measured(
        r"loadgen int8-batch1-intra\d+"
    ),
    "pytest bench --socket-id 0 --num-cores 1": _measured("latency int8-batch1-intra1"),
    "pytest bench --steps 500 --warmup-steps 100": _measured(r"latency int8-batch1-intra\d+"),
    'pytest bench -k "throughput and int8"': _measured(r"throughput int8-batch1-intra\d+", "throughput int8-tuned"),
    "pytest bench -k int8": _measured(r"latency int8-batch1-intra\d+", r"accuracy int8-batch8-intra\d+"),
    "pytest bench -k tuned": _measured("throughput fp32-tuned", "throughput int8-tuned"),
    "python -m ssd_core bfloat16 --in-graph fp32.pb --output bf16.pb": Ran((r"^wrote bf16\.pb",), ("bf16.pb",)),
    "python -m ssd_core compare --cross-machine a.json b.json c.json": Ran((r"int8 over fp32|speed-up",)),
    "python -m ssd_core compare before.json after.json": Ran((r"^latency int8-batch1-intra2 .*no change shown",)),
    "python -m ssd_core compare before.json after.json --format markdown": Ran((r"^\| latency int8-batch1-intra2 \|",)),
    "python -m ssd_core export-graph --checkpoint model.ckpt-120000 --output fp32.pb": Ran(
        (r"^wrote fp32\.pb: 71 variables",), ("fp32.pb",)
    ),
    "python -m ssd_core generate-coco-records --image_path val2017"
    " --annotations_file annotations/instances_val2017.json --output_prefix val --output_path tfrecords": (
        Ran(writes=("tfrecords/val-00000-of-00001",))
    ),
    "python -m ssd_core history": Ran((r"^latency int8-batch1-intra2 ",)),
    "python -m ssd_core history --case int8 --since 2026-06-01 --fail-on-step": Ran((r"^latency int8-batch1-intra2 ",)),
    "python -m ssd_core history --output history.html": Ran(writes=("history.html",)),
    "python -m ssd_core history acknowledge 'latency int8*' 3f9d2a1c7 --why \"the new decoder is exact\"": Ran(
        writes=(".benchmarks/history/acknowledged_*.json",)
    ),
    "python -m ssd_core history import before.json after.json": Ran((r"^\d runs added to \.benchmarks/history",)),
    **{
        f"python -m ssd_core generate-coco-records --shard {number}/2 --image-path val2017"
        " --annotations-file annotations/instances_val2017.json --output-path parts": Ran(
            (rf"^Wrote shard {number}/2 to ",), (f"parts/val.part-0000{number}-of-00002/part.json",)
        )
        for number in (1, 2)
    },
    "python -m ssd_core merge parts/val.part-* --output merged-records": Ran(
        (r"^Wrote 5 images to merged-records",), ("merged-records/val-00000-of-00001",)
    ),
    "python -m ssd_core machine": Ran((r"governor",)),
    "python -m ssd_core quantize --in-graph fp32.pb --data-location tfrecords --output int8.pb": Ran(
        (r"^wrote int8\.pb",), ("int8.pb",)
    ),
    "pytest bench --report report.html": Ran(writes=("report.html",), measures=_LATENCY.measures),
    "python -m ssd_core report before.json after.json --output compared.html": Ran(writes=("compared.html",)),
    "python -m ssd_core report output/benchmark_20261126_101500.json": Ran((r"^report\.html$",), ("report.html",)),
    "python -m ssd_core show output/benchmark_20261126_101500.json": Ran((r"^latency int8-batch1-intra2 ",)),
    "python -m ssd_core show output/benchmark_20261126_101500.json --format csv": Ran((r"^table,row,column,value$",)),
}

_BISECTION = Covered("tests/fixtures/test_bisect.py", "bisect_trials.named(", "it is of a repository of the user's")

COVERED = {
    "git bisect start v1.4 v1.3": _BISECTION,
    "git bisect run bash -c './make-graph.sh /tmp/new.pb || exit 125": _BISECTION,
    "git bisect run bash -c 'python3 -m venv --clear /tmp/new || exit 128": _BISECTION,
    "/tmp/new/bin/pip install -q -e ~/ssd-vgg16-bench && /tmp/new/bin/pip install -q -r requirements.txt"
    " || exit 125": _BISECTION,
    "cd ~/ssd-vgg16-bench || exit 128": _BISECTION,
    ".tox/bench/bin/pytest bench --against graph=/tmp/good.pb --in-graph int8=/tmp/new.pb --batch-size 1"
    " --bisect-status --bisect-limit 0.025'": _BISECTION,
    "/tmp/new/bin/pytest bench --precision int8 --batch-size 1 --against python=/tmp/good/bin/python"
    " --bisect-status'": _BISECTION,
    "pipx run tox -e otava": Covered("tests/stats/test_steps_rules.py", "table(", MINUTES),
    "apt install libtcmalloc-minimal4": Covered(".ci/run", "libtcmalloc-minimal4", ROOT_ONLY),
    ".tox/tests/bin/pytest tests/stats": Covered(".ci/run", "pipx run tox\n", "it is a part of the tests"),
    "pipx run pre-commit install": Covered(".pre-commit-config.yaml", "ruff check", "it changes the clone's git hooks"),
    "pipx run tox": Covered(".ci/run", "pipx run tox\n", MINUTES),
    "pipx run tox -e bench": Covered(".github/workflows/tests.yml", "pipx run tox -e bench\n", MINUTES),
    "pipx run tox -e peers": Covered("tests/backends/test_bench.py", "--peers", MINUTES),
    'pipx run tox -e peers -- -k "latency and int8"': Covered("tests/backends/test_bench.py", "--peers", MINUTES),
    "pipx run tox -e tests --notest": Covered(".ci/run", "pipx run tox\n", MINUTES),
    "pipx run --python python3.13 tox -e bench": Covered(
        ".github/workflows/tests.yml", "pipx run --python python${{ matrix.python }} tox\n", MINUTES
    ),
    "pipx run tox -e newest": Covered(".github/workflows/tests.yml", "oldest,newest", MINUTES),
    "pipx run tox -e newest --notest": Covered(".github/workflows/tests.yml", "oldest,newest", MINUTES),
    "pipx run tox -e oldest": Covered(".github/workflows/tests.yml", "oldest,newest", MINUTES),
    "pipx run tox -e oldest,newest": Covered(".github/workflows/tests.yml", "oldest,newest", MINUTES),
    "pipx run tox -e rules": Covered("tests/verdicts/test_rules.py", "table(", MINUTES),
    "pipx run tox -e thorough": Covered(".github/workflows/tests.yml", "pipx run tox -e thorough\n", MINUTES),
    "pipx run tox -e peers-tests": Covered(".ci/run", "pipx run tox -e peers-tests\n", MINUTES),
    "pipx run tox -e report-tests": Covered(".ci/run", "pipx run tox -e report-tests\n", MINUTES),
    "pytest bench --accuracy-only --data-location tfrecords --shard 1/2 --output-dir parts": Covered(
        "tests/fixtures/test_shards.py", "--shard={number}/3", "its results are not in the output folder"
    ),
    "pytest bench --accuracy-only --data-location tfrecords --shard 2/2 --output-dir parts": Covered(
        "tests/fixtures/test_shards.py", "--shard={number}/3", "its results are not in the output folder"
    ),
    "python -m ssd_core merge parts/detections_* --output merged": Covered(
        "tests/scale/test_examples.py", '"merge", *parts', "it needs the parts of the commands before"
    ),
    "sbatch --wait docs/examples/accuracy.sbatch": Covered(
        "tests/scale/test_examples.py", '"accuracy.sbatch"', "it needs Slurm"
    ),
    "kubectl apply --filename docs/examples/records.yml": Covered(
        "tests/scale/test_examples.py", '"records.yml"', "it needs Kubernetes"
    ),
    "kubectl wait --for=condition=complete --timeout=1h job/records": Covered(
        "tests/scale/test_examples.py", '"records.yml"', "it needs Kubernetes"
    ),
    "python -m ssd_core generate-coco-records --ray local --image-path val2017"
    " --annotations-file annotations/instances_val2017.json --output-path ray-records": Covered(
        "tests/scale/test_ray.py", "--ray", RAY
    ),
    "pytest bench --accuracy-only --data-location tfrecords --ray local": Covered(
        "tests/scale/test_ray.py", "--accuracy-only", RAY
    ),
    "python -m ssd_core fleet --ray local --output fleet -- --precision int8 --batch-size 1": Covered(
        "tests/scale/test_fleet_ray.py", '"fleet"', RAY
    ),
    "pipx run tox -e ray-tests": Covered(".ci/run", "pipx run tox -e ray-tests", MINUTES),
    "podman build --tag ssd-vgg16-bench --file Containerfile .": Covered(
        ".ci/run", "--tag ssd-vgg16-bench --file Containerfile .", MINUTES
    ),
    "pytest bench --docker-image ssd-vgg16-bench --in-graph int8=int8.pb --data-location tfrecords": Covered(
        "tests/fixtures/test_container.py", "localhost/ssd-vgg16-bench", "it needs the image, which takes minutes"
    ),
}
