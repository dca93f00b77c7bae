"""Train on a Parquet file that memory would not hold, one row group at a time.

Under a limit of the address space (RLIMIT_AS) reading all of the file must fail, and
`partial_fit` on its row groups must not, with at most a few of them in memory; the
accuracy must be within a point of that of `fit` on all rows, which has no limit. Run
it with ``python -m benchmarks.stress.chunks``; some minutes. It adds a line to
``benchmarks/results/chunks.jsonl``.
"""

import json
import multiprocessing
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.metrics import accuracy_score

from benchmarks.lines import append, environment
from benchmarks.options import command_line
from sklearn_snn import SNNClassifier

RESULTS = Path(__file__).parents[1] / "results" / "chunks.jsonl"
N_SAMPLES, N_FEATURES = 400_000, 60
#: Rows of a row group, and of the table that is predicted: the last of the groups.
N_ROWS = 25_000
MEGABYTES_OF_A_GROUP = N_ROWS * N_FEATURES * 8 / 2**20
MEGABYTES_OF_ALL = N_SAMPLES * N_FEATURES * 8 / 2**20
#: Address space that training may take, beside what was imported.
MEGABYTES = 128
#: Step size of each pass over the file; the last one is smaller, as schedules are.
PASSES = (3e-3, 3e-3, 3e-4)
MOST_GROUPS, MOST_LOSS = 10, 0.01


def main():
    """Train both ways and write one line of JSON."""
    options = command_line(__doc__, RESULTS).parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        write(path)
        report = {
            "rows": N_SAMPLES,
            "megabytes": round(MEGABYTES_OF_ALL),
            "megabytes_of_a_row_group": round(MEGABYTES_OF_A_GROUP, 1),
            "megabytes_allowed": MEGABYTES,
            "all_at_once": in_a_process(learn_at_once, path, MEGABYTES),
            "by_row_groups": in_a_process(learn_by_groups, path, MEGABYTES),
            "all_at_once_without_a_limit": in_a_process(learn_at_once, path, None),
        }
    report["seconds_in_all"] = round(time.perf_counter() - start, 1)
    append(report | environment("pyarrow"), options.out)
    print(json.dumps(report, indent=1))
    if not is_right(report):
        raise SystemExit("it did not fit, took too much or learned too little")


def write(path):
    """Rows whose classes no straight line tells apart, group by group."""
    rng = np.random.default_rng(0)
    names = [f"x{j}" for j in range(N_FEATURES)]
    schema = pa.schema([(name, pa.float64()) for name in names] + [("y", pa.bool_())])
    # A dictionary of numbers that all differ costs its reader a megabyte a column.
    with pq.ParquetWriter(path, schema, use_dictionary=False) as file:
        for _ in range(N_SAMPLES // N_ROWS):
            X = rng.normal(size=(N_ROWS, N_FEATURES))
            signal = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + X[:, 3] * np.abs(X[:, 4])
            y = signal + 0.3 * rng.normal(size=N_ROWS) > 0
            columns = [pa.array(column) for column in X.T]
            file.write_table(pa.table([*columns, pa.array(y)], schema))


def in_a_process(learn, path, megabytes):
    """What a process of its own reports."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(learned, learn, path, megabytes).result()


def learned(learn, path, megabytes):
    """Accuracy on the last row group and memory, or the error that came instead."""
    pa.set_memory_pool(pa.system_memory_pool())  # others reserve what they may want
    file = pq.ParquetFile(path, memory_map=False)
    warm_up()
    before, start = peak(), time.perf_counter()
    group(file, 0)
    reading = peak() - before
    limit_memory(megabytes)
    try:
        model = learn(file)
    except MemoryError as error:
        return {"error": f"MemoryError: {error}"}
    seconds = time.perf_counter() - start
    X, y = group(file, file.num_row_groups - 1)
    return {
        "accuracy": round(accuracy_score(y, model.predict(X)), 4),
        "row_groups_of_memory": round((peak() - before) / MEGABYTES_OF_A_GROUP, 1),
        "of_these_to_read_one": round(reading / MEGABYTES_OF_A_GROUP, 1),
        "seconds": round(seconds, 1),
    }


def warm_up():
    """Import and do once all that will be done."""
    X = np.random.default_rng(0).normal(size=(100, 2))
    model = SNNClassifier(n_estimators=1)
    model.partial_fit(X, X[:, 0] > 0, classes=[False, True]).predict(X)


def learn_at_once(file):
    """All rows but the last group, with the defaults of one network but for time."""
    parts = [group(file, i) for i in range(file.num_row_groups - 1)]
    X, y = (np.concatenate(part) for part in zip(*parts, strict=True))
    return SNNClassifier(n_estimators=1, max_iter=10, random_state=0).fit(X, y)


def learn_by_groups(file):
    """All row groups but the last, in another order in each pass."""
    rng = np.random.default_rng(0)
    model = SNNClassifier(n_estimators=1, random_state=0)
    for step_size in PASSES:
        model.set_params(learning_rate_init=step_size)
        for i in rng.permutation(file.num_row_groups - 1):
            model.partial_fit(*group(file, i), classes=[False, True])
    return model


def group(file, i):
    """Rows and classes of a row group."""
    table = file.read_row_group(i, use_threads=False)
    y = table.column("y").to_numpy()
    return np.column_stack([column.to_numpy() for column in table.columns[:-1]]), y


def limit_memory(megabytes):
    """Allow so many more megabytes of address space; None is any."""
    if megabytes is not None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = pages * resource.getpagesize() + megabytes * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def peak():
    """Most megabytes of real memory that the process has ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def is_right(report):
    """Whether the limit was one, was kept to, and cost no accuracy."""
    in_vain, by_groups = report["all_at_once"], report["by_row_groups"]
    if "error" not in in_vain or "error" in by_groups:
        return False
    best = report["all_at_once_without_a_limit"]["accuracy"]
    return (
        by_groups["row_groups_of_memory"] <= MOST_GROUPS
        and by_groups["accuracy"] > best - MOST_LOSS
    )


if __name__ == "__main__":
    main()
