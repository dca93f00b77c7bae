"""What all displays have in common: matplotlib, colours, axes and panels."""

from contextlib import contextmanager

import numpy as np

#: Okabe and Ito's colours, which the colour-blind can tell apart.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, YELLOW = "#CC79A7", "#E69F00"
#: Readable on white and on black.
GREY = "#808080"

#: How networks look as they were drawn, and as they are.
STATES = {
    "initial": dict(label="as drawn", color=BLUE, marker="o"),
    "trained": dict(label="trained", color=ORANGE, marker="s", linestyle="--"),
}


def pyplot(name):
    """matplotlib.pyplot.

    Parameters
    ----------
    name : str
        Who wants it.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f'{name} needs matplotlib: pip install "sklearn-snn[plot]"'
        ) from error
    return plt


def new_axes(display, ax, figsize=None):
    """Note on a display the axes it draws on, new ones if none are given.

    Parameters
    ----------
    display : object
        Gets the attributes `ax_` and `figure_`.
    ax : matplotlib Axes or None
        Where to draw.
    figsize : tuple of float or None, default=None
        Width and height in inches of a new figure; None is matplotlib's default.
    """
    plt = pyplot(f"{type(display).__name__}.plot")
    if ax is None:
        _, ax = plt.subplots(figsize=figsize, layout="constrained")
    display.ax_, display.figure_ = ax, ax.figure


def divide(ax, n_panels, labels, aspect=1.6):
    """Put panels in the place of axes, in as many columns as their shape allows.

    Parameters
    ----------
    ax : matplotlib Axes
        Switched off; what is left of it is a strip above the panels, for the legend.
    n_panels : int
        Number of panels.
    labels : list of str
        What the legend will say.
    aspect : float, default=1.6
        Width of a panel in units of its height that is aimed at.

    Returns
    -------
    panels : ndarray of Axes of shape (n_panels,)
        From left to right, and then downwards.

    Raises
    ------
    ValueError
        If the axes are not in a grid of subplots.
    """
    from matplotlib.gridspec import GridSpecFromSubplotSpec

    if ax.get_subplotspec() is None:
        raise ValueError(
            "ax must be one of plt.subplots, so that panels can take its place, got "
            f"{ax}"
        )
    width, height = _inches(ax)

    def misfit(n_columns):
        n_rows = -(-n_panels // n_columns)
        return abs(np.log(width / n_columns / (height / n_rows) / aspect))

    n_columns = min(range(1, n_panels + 1), key=misfit)
    n_rows = -(-n_panels // n_columns)
    strip = 0.2 * -(-len(labels) // _legend_columns(ax, labels))
    # A layout engine finds the room for labels; without one, it must be kept free.
    room = {} if ax.figure.get_layout_engine() else dict(hspace=0.5, wspace=0.35)
    grid = GridSpecFromSubplotSpec(
        n_rows + 1,
        n_columns,
        subplot_spec=ax.get_subplotspec(),
        height_ratios=[strip, *[(height - strip) / n_rows] * n_rows],
        **room,
    )
    ax.set_subplotspec(grid[0, :])
    ax.set_axis_off()
    with same_current_axes(ax.figure):
        places = [divmod(i, n_columns) for i in range(n_panels)]
        panels = [ax.figure.add_subplot(grid[i + 1, j]) for i, j in places]
    return np.array(panels)


def _inches(ax):
    """Width and height of axes."""
    return ax.get_window_extent().size / ax.figure.dpi


def letters_fit(ax, labels):
    """Whether labels fit side by side below axes."""
    return 0.1 * (sum(map(len, labels)) + len(labels)) < _inches(ax)[0]


def _legend_columns(ax, labels):
    """How many columns of a legend there is room for."""
    n_columns = int(_inches(ax)[0] / (0.6 + 0.075 * max(map(len, labels))))
    return min(max(n_columns, 1), len(labels))


@contextmanager
def same_current_axes(figure):
    """Leave `plt.gca` what it was, though axes are added to a figure."""
    before = figure.gca()
    yield
    figure.sca(before)


def legend_above(ax, handles):
    """A legend in the strip above panels, which covers nothing.

    Parameters
    ----------
    ax : matplotlib Axes
        What `divide` has left of them.
    handles : list of Artist
        What is explained.
    """
    labels = [handle.get_label() for handle in handles]
    ax.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=_legend_columns(ax, labels),
        fontsize="small",
        frameon=False,
    )


def legend_inside(ax, handles, loc):
    """A legend inside, since above the axes is the place of the user's title."""
    if handles:
        ax.legend(handles=handles, loc=loc, fontsize="small", framealpha=0.8)


def plain_numbers(ax):
    """Numbers of a logarithmic y axis as 0.5 and 20, as many as there is room for."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    low, high = ax.get_ylim()
    room = _inches(ax)[1] / np.log10(high / low)
    ax.yaxis.set_major_locator(
        LogLocator(subs=(1.0, 2.0, 5.0) if room > 0.6 else (1.0,))
    )
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
