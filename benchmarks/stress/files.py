"""Damage files of `sklearn_snn.save` in many ways, and try to load them.

Every one of them must raise a ValueError, within a second and a gigabyte. Run it with
``python -m benchmarks.stress.files``; about a minute. It adds a line to
``benchmarks/results/files.jsonl``.
"""

import json
import resource
import tempfile
import time
from functools import cache
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np

from benchmarks.lines import append, environment
from benchmarks.options import command_line
from sklearn_snn import SNNClassifier, load, save
from sklearn_snn._saving import _sealed

RESULTS = Path(__file__).parents[1] / "results" / "files.jsonl"
N_FILES = 500
MOST_SECONDS, MOST_BYTES = 1.0, 2**30
#: Bytes that the bombs want to be.
BOMB = 2**31


def main():
    """Try all files and write one line of JSON."""
    options = command_line(__doc__, RESULTS).parse_args()
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.skops"
        good = good_file(path)
        files = [damaged(good, rng, number, BOMB) for number in range(N_FILES)]
        before = memory()
        limit = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (before["now"] + MOST_BYTES, limit[1]))
        outcomes = [(kind, *attempt(path, data)) for kind, data in files]
    report = summary(outcomes)
    report["gigabytes_more"] = round((memory()["peak"] - before["peak"]) / 2**30, 3)
    report["seconds_in_all"] = round(time.perf_counter() - start, 1)
    append(report | environment("skops"), options.out)
    print(json.dumps(report, indent=1))
    if report["unexpected"]:
        raise SystemExit("some files did not raise a ValueError in time")


def good_file(path):
    """The bytes of a file of a small model, which is left at the path."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=200), rng.choice(["a", "b"], 200)])
    X = X.astype(object)
    X[:, 0] = X[:, 0].astype(float)
    model = SNNClassifier(
        depth=1, width=32, n_estimators=2, max_iter=2, n_threads=1, random_state=0
    ).fit(X, X[:, 0] > 0)
    save(model, path)
    return path.read_bytes()


def damaged(good, rng, number, bomb):
    """Name of a kind of damage, and a file that has it."""
    damage = DAMAGE[number % len(DAMAGE)]
    data = damage(good, rng, bomb)
    if data == good:  # what was overwritten had been the same
        data = truncated(good, rng, bomb)
    return damage.__name__, data


def attempt(path, data):
    """What loading a file raised, None for nothing, and how long it took."""
    path.write_bytes(data)
    start = time.perf_counter()
    try:
        load(path)
    except BaseException as error:
        return error, time.perf_counter() - start
    return None, time.perf_counter() - start


def summary(outcomes):
    """Counts of what was raised, by kind of damage."""
    unexpected = [
        f"{kind}: {error!r} after {seconds:.2f} s"
        for kind, error, seconds in outcomes
        if type(error) is not ValueError or seconds > MOST_SECONDS
    ]
    kinds = [kind for kind, *_ in outcomes]
    return {
        "files": len(outcomes),
        "kinds": {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
        "value_errors": sum(type(error) is ValueError for _, error, _ in outcomes),
        "most_seconds": round(max(seconds for *_, seconds in outcomes), 3),
        "unexpected": unexpected,
    }


def memory():
    """Bytes of address space now, and most of real memory ever."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"now": pages * resource.getpagesize(), "peak": peak}


# Kinds of damage --------------------------------------------------------------------


def truncated(good, rng, bomb):
    """Cut off somewhere, or at the very end."""
    longest = rng.choice([len(good), 100])
    return good[: -int(rng.integers(1, longest + 1))]


def flipped(good, rng, bomb):
    """With up to eight bits that are wrong."""
    data = bytearray(good)
    for place in rng.integers(len(data), size=rng.integers(1, 9)):
        data[place] ^= 1 << int(rng.integers(8))
    return bytes(data)


def zeroed(good, rng, bomb):
    """With a block of zeros, as a disk that lost a sector has it."""
    data = bytearray(good)
    start = int(rng.integers(len(data)))
    data[start : start + 512] = bytes(len(data[start : start + 512]))
    return bytes(data)


def padded(good, rng, bomb):
    """With something behind it."""
    return good + bytes(int(rng.integers(1, 2**20)))


def noise(good, rng, bomb):
    """Nothing but noise, perhaps nothing at all."""
    return rng.bytes(int(rng.integers(0, 1000)))


def compressed(good, rng, bomb):
    """Zeros that take no room, with a right checksum."""
    return _sealed(compressed_zeros(contents(good)["schema.json"], bomb))


@cache
def compressed_zeros(schema, n_bytes):
    """An archive of a tree and of zeros."""
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("schema.json", schema)
        with archive.open("0.npy", "w", force_zip64=True) as file:
            for _ in range(n_bytes // 2**24):
                file.write(bytes(2**24))
    return buffer.getvalue()


def lying(good, rng, bomb):
    """A directory that says that parts are larger than they are."""
    data = bytearray(good)
    start = data.index(b"PK\x01\x02")
    size = (bomb - 1).to_bytes(4, "little")
    data[start + 20 : start + 28] = size + size
    return resealed(data)


def overlapping(good, rng, bomb):
    """A directory whose entries all are the same largest part."""
    largest = max(contents(good).values(), key=len)
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_STORED) as archive:
        archive.writestr("0.npy", largest)
        (entry,) = archive.filelist
        archive.filelist = [entry] * 1000
    return _sealed(buffer.getvalue())


def repeated(good, rng, bomb):
    """A tree that has the same array in it many times."""
    rows = 2**16
    node = {
        "__class__": "ndarray",
        "__module__": "numpy",
        "__loader__": "NdArrayNode",
        "type": "numpy",
        "file": "0.npy",
    }
    nodes = [node] * (bomb // (8 * rows))
    return forged(list_of(nodes), {"0.npy": npy(np.zeros(rows))})


def huge(good, rng, bomb):
    """An array that says that it is larger than it is."""
    head = npy(np.zeros(10**6))[:128].replace(b"(1000000,)", b"(%d,)  " % (bomb // 8))
    parts = contents(good)
    name = next(name for name in parts if name.endswith(".npy"))
    return archived(parts | {name: head + bytes(100)})


def nested(good, rng, bomb):
    """A tree that is too deep to walk."""
    parts = contents(good)
    return archived(parts | {"schema.json": b'{"a":' * 10**5 + b"1" + b"}" * 10**5})


def headless(good, rng, bomb):
    """An archive without one of its parts."""
    parts = contents(good)
    del parts[rng.choice(sorted(parts))]
    return archived(parts)


#: The first ones more often than the others.
DAMAGE = [
    *2 * [truncated, flipped, zeroed],
    padded,
    noise,
    compressed,
    lying,
    overlapping,
    repeated,
    huge,
    nested,
    headless,
]


def contents(good):
    """The parts of an archive."""
    with ZipFile(BytesIO(good)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archived(parts):
    """A file of these parts, with a right checksum."""
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_STORED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return _sealed(buffer.getvalue())


def forged(tree, parts):
    """A file of a tree, with a right checksum."""
    tree = tree | {"protocol": 2, "_skops_version": "0.16.0"}
    return archived(parts | {"schema.json": json.dumps(tree).encode()})


def list_of(nodes):
    """The node of a list."""
    return {
        "__class__": "list",
        "__module__": "builtins",
        "__loader__": "ListNode",
        "content": nodes,
    }


def resealed(data):
    """A changed file with its checksum made right."""
    end = data.rindex(b"PK\x05\x06") + 22
    return _sealed(bytes(data[: end - 2]) + bytes(2))


def npy(array):
    """An array as the bytes of a file."""
    buffer = BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
