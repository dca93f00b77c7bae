"""The Tox21 challenge: compounds, what is known of them, and folds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import load_npz
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GroupKFold

from benchmarks.data import folder

SOURCE = (
    "tox21_challenge.parquet with columns split, canonical_smiles and twelve tasks, "
    "and, computed with RDKit in the order of its rows, ecfp4_count_2048.npz, "
    "maccs_167.npz and rdkit_descriptors.parquet"
)
TASKS = [
    "NR-AhR",
    "NR-AR",
    "NR-AR-LBD",
    "NR-Aromatase",
    "NR-ER",
    "NR-ER-LBD",
    "NR-PPAR-gamma",
    "SR-ARE",
    "SR-ATAD5",
    "SR-HSE",
    "SR-MMP",
    "SR-p53",
]
#: Splits of the challenge. Labels of the last one may be missing.
SPLITS = TRAIN, LEADERBOARD, FINAL = "train", "leaderboard", "score"
N_FOLDS = 5


@dataclass
class Compounds:
    """Rows of the challenge.

    Parameters
    ----------
    X : DataFrame of shape (n_compounds, n_features)
        Counts of substructures, structural keys and descriptors, with NaN.
    y : ndarray of shape (n_compounds, 12)
        0, 1 and NaN for what was not measured.
    group : ndarray of shape (n_compounds,)
        Equal for samples of one compound.
    """

    X: pd.DataFrame
    y: np.ndarray
    group: np.ndarray

    def __getitem__(self, rows):
        return Compounds(self.X.iloc[rows], self.y[rows], self.group[rows])

    def __len__(self):
        return len(self.y)

    def with_columns(self, chosen):
        """The same compounds, with what a transformer makes of their features."""
        return Compounds(chosen.transform(self.X), self.y, self.group)


def read_splits():
    """Compounds of each split of the challenge."""
    path = folder("tox21", SOURCE)
    table = pd.read_parquet(path / "tox21_challenge.parquet")
    everything = Compounds(
        read_features(path),
        table[TASKS].to_numpy(float, na_value=np.nan),
        groups(table["canonical_smiles"]),
    )
    is_of = {name: table["split"].to_numpy() == name for name in SPLITS}
    return {name: everything[np.flatnonzero(rows)] for name, rows in is_of.items()}


def read_features(path):
    """All features of all compounds, in float32."""
    counts = load_npz(path / "ecfp4_count_2048.npz").toarray()
    keys = load_npz(path / "maccs_167.npz").toarray()
    described = pd.read_parquet(path / "rdkit_descriptors.parquet")
    return pd.concat(
        [
            numbered("ecfp4", np.log1p(counts, dtype=np.float32)),
            numbered("maccs", keys.astype(np.float32)),
            tamed(described.reset_index(drop=True)),
        ],
        axis="columns",
    )


def numbered(name, values):
    """A table whose columns have a name and a number."""
    return pd.DataFrame(values, columns=[f"{name}_{i}" for i in range(values.shape[1])])


def tamed(described):
    """Descriptors that fit into float32, without infinite values.

    Ipc, the information content of a graph, grows with its size beyond all bounds.
    """
    described = described.assign(Ipc=np.log1p(described["Ipc"]))
    return described.replace([np.inf, -np.inf], np.nan).astype(np.float32)


def groups(smiles):
    """A number for each canonical SMILES; what could not be parsed stands alone."""
    alone = pd.Series([f"row {i}" for i in range(len(smiles))], index=smiles.index)
    return pd.factorize(smiles.fillna(alone))[0]


def grouped_folds(compounds):
    """Rows to train on and to test on, `N_FOLDS` times; compounds stay together."""
    splitter = GroupKFold(N_FOLDS, shuffle=True, random_state=0)
    return list(splitter.split(compounds.y, groups=compounds.group))


class CommonColumns(TransformerMixin, BaseEstimator):
    """Columns that are neither constant nor 0 in nearly all training rows.

    Parameters
    ----------
    min_share : float, default=0.01
        Share of the rows that have to differ from the column's most frequent value, in
        [0, 1].
    """

    def __init__(self, min_share=0.01):
        self.min_share = min_share

    def fit(self, X, y=None):
        n_rows = len(X)
        common = np.array([X[name].value_counts().max() for name in X])
        self.columns_ = X.columns[n_rows - common >= max(self.min_share * n_rows, 1)]
        return self

    def transform(self, X):
        return X[self.columns_]
