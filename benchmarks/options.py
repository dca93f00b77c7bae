"""What the command lines of benchmarks have in common."""

import argparse
from pathlib import Path


def command_line(description, results=None):
    """A parser, with an option for the file of results where lines go to one."""
    parser = argparse.ArgumentParser(description=description)
    if results is not None:
        parser.add_argument(
            "--out", type=Path, default=results, help="file to append to"
        )
    return parser
