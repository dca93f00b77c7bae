"""Learning curves of several networks as one."""

import numpy as np


def mean_curve(curves):
    """Mean over members; one that has stopped stays where it was."""
    return held_curves(curves).mean(axis=0).tolist()


def held_curves(curves):
    """Curves side by side, of which those that end early stay where they were.

    Parameters
    ----------
    curves : list of list of float
        A number an epoch, of each member. One that was stopped in its first epoch has
        none, and is left out.

    Returns
    -------
    together : ndarray of shape (n_members, n_epochs)
    """
    curves = [curve for curve in curves if curve] or [[]]
    length = max(len(curve) for curve in curves)
    return np.array([curve + curve[-1:] * (length - len(curve)) for curve in curves])
