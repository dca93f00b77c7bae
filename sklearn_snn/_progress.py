"""What is told of a fit while it goes on: scikit-learn's callbacks, a bar."""

from contextlib import contextmanager


class Progress:
    """Reports the end of epochs.

    Parameters
    ----------
    estimator : estimator instance
        What is being fitted.
    context : CallbackContext
        The estimator's root context.
    data : dict
        ``X``, ``y`` and ``metadata`` of the fit, for callbacks.
    attributes : callable
        Makes fitted attributes of networks, for callbacks that want an estimator.
    bar : tqdm progress bar or None
        Shown where the user asked for it.
    n_epochs : int
        Epochs at most that callbacks were told to expect.
    """

    def __init__(self, estimator, context, data, attributes, bar, n_epochs):
        self._estimator, self._context, self._data = estimator, context, data
        self._attributes, self._bar, self._n_left = attributes, bar, n_epochs

    def __call__(self, networks):
        """Report the end of an epoch.

        Parameters
        ----------
        networks : callable
            Returns the networks as they are.

        Returns
        -------
        stop : bool
            Whether a callback wants training to stop.
        """
        if self._bar is not None:
            self._show(networks())
        self._n_left -= 1
        if self._n_left < 0:  # networks that started again: nobody expects these
            return False
        epoch = self._context.subcontext(task_name="epoch")
        epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)
        return epoch.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=lambda: self._attributes(networks()),
            **self._data,
        )

    def _show(self, networks):
        newest = max(networks, key=lambda network: network.n_iter)
        shown = {"loss": f"{newest.loss_curve[-1]:.4f}"}
        if newest.validation_scores:
            shown["validation score"] = f"{newest.validation_scores[-1]:.4f}"
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update()


@contextmanager
def report_progress(estimator, n_epochs, attributes, **data):
    """Tell callbacks of a fit's begin and end, and show a bar if it is verbose.

    Parameters
    ----------
    estimator : estimator instance
        What is being fitted.
    n_epochs : int
        Epochs at most.
    attributes : callable
        Makes fitted attributes of a list of networks.
    **data
        ``X``, ``y`` and ``metadata`` for callbacks.

    Yields
    ------
    progress : Progress
        To be called after each epoch.
    """
    context = estimator._init_callback_context(max_subtasks=n_epochs)
    context.call_on_fit_task_begin(estimator=estimator, **data)
    bar = None
    if estimator.verbose:
        from tqdm.auto import tqdm  # comes with skorch

        bar = tqdm(total=n_epochs, desc=type(estimator).__name__, unit="epoch")
    try:
        yield Progress(estimator, context, data, attributes, bar, n_epochs)
    finally:
        if bar is not None:
            bar.close()
    context.call_on_fit_task_end(estimator=estimator, **data)


@contextmanager
def networks_bar(n_networks, name):
    """A bar over networks.

    Parameters
    ----------
    n_networks : int
        All of them.
    name : str
        What trains them.

    Yields
    ------
    advance : callable
        To be called with the number, or fraction, of networks that are done.
    """
    from tqdm.auto import tqdm  # comes with skorch

    shown = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total} [{elapsed}<{remaining}]"
    with tqdm(total=n_networks, desc=name, unit="network", bar_format=shown) as bar:

        def advance(number):
            # Fractions add up to networks only nearly.
            bar.n = min(round(bar.n + number, 6), n_networks)
            bar.update(0)

        yield advance
