"""The data that benchmarks read; none of it is part of the project."""

import os
from pathlib import Path

import pandas as pd

FOLDER = Path(
    os.environ.get(
        "SKLEARN_SNN_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"
    )
)


def folder(name, source):
    """A folder of data; if it is missing, an error says what to get and from where."""
    path = FOLDER / name
    if not path.is_dir():
        raise SystemExit(
            f"There is no folder {path.resolve()}: put {source} there, or name the "
            "folder above it in the environment variable SKLEARN_SNN_DATA."
        )
    return path


def suite():
    """Descriptions of the tables of realistic size, a row each.

    Defaults are chosen on those in odd rows and reported on those in even rows.
    """
    tables = folder(
        "tabular",
        "SUITE.csv, with name,file,target,task,drop_columns,n_rows,n_features of each "
        "table, and the tables as parquet files (adult, bank, electricity and others "
        "of the UCI repository, https://archive.ics.uci.edu)",
    )
    described = pd.read_csv(tables / "SUITE.csv", keep_default_na=False)
    return described.assign(
        path=[tables / file for file in described["file"]],
        row=["even" if number % 2 else "odd" for number in range(len(described))],
    )


def read(described):
    """Features and target of a table of `suite`."""
    table = pd.read_parquet(described.path)
    table = table[table[described.target].notna()]
    dropped = [name for name in described.drop_columns.split() if name]
    return table.drop(columns=[described.target, *dropped]), table[described.target]
