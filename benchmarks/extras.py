"""What each extra installs beyond the package and its needs, and how large that is.

Run it with ``python -m benchmarks.extras`` where all extras are installed; it counts
the files on disk, and names what is not there.
"""

import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.options import command_line

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def main():
    """Print a line for the package alone, and one for each extra."""
    command_line(__doc__).parse_args()
    project = tomllib.loads(PROJECT.read_text())["project"]
    extras = project["optional-dependencies"]
    base = needed(project["dependencies"], extras)
    tell("the package itself", base)
    for name, lines in extras.items():
        found = needed(lines, extras)
        tell(name, {one: size for one, size in found.items() if one not in base})


def needed(lines, extras):
    """Bytes of all that lines of requirements lead to, by name; None if not there."""
    sizes, todo, seen = {}, [(line, ()) for line in lines], set()
    while todo:
        line, chosen = todo.pop()
        if (line, chosen) in seen:
            continue
        seen.add((line, chosen))
        wanted = Requirement(line)
        environments = [{"extra": extra} for extra in ("", *chosen)]
        if wanted.marker and not any(map(wanted.marker.evaluate, environments)):
            continue
        name = canonicalize_name(wanted.name)
        if name == "sklearn-snn":
            todo += [(line, ()) for extra in wanted.extras for line in extras[extra]]
            continue
        try:
            found = distribution(name)
        except PackageNotFoundError:
            sizes[name] = None
            continue
        paths = [path.locate() for path in found.files or []]
        sizes[name] = sum(path.stat().st_size for path in paths if path.is_file())
        todo += [(line, tuple(sorted(wanted.extras))) for line in found.requires or []]
    return sizes


def tell(name, sizes):
    """Number of packages, their megabytes, and what is missing."""
    missing = [one for one, size in sizes.items() if size is None]
    total = sum(size or 0 for size in sizes.values()) / 1e6
    print(f"{name}: {len(sizes)} packages, {total:.0f} MB", missing or "")


if __name__ == "__main__":
    main()
