import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sklearn_snn import SNNClassifier, SNNGridSearchCV, SNNRegressor, _progress

SMALL = dict(depth=1, width=8, n_estimators=2, max_iter=20, random_state=0)
SHORT = SMALL | dict(max_iter=5)

FIT = """
from sklearn.datasets import load_iris
from sklearn_snn import SNNClassifier, SNNGridSearchCV
model = SNNClassifier(
    depth=1, width=8, n_estimators=2, max_iter=30, random_state=0, verbose=1,
    early_stopping="joint", n_iter_no_change=2, learning_rate_init=0.1, {options}
)
"""


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture
def ticking(monkeypatch):
    """A clock that the test sets."""
    clock = [0.0]
    time = SimpleNamespace(monotonic=lambda: clock[0])
    monkeypatch.setattr(_progress, "time", time)
    return clock


def lines_of(capsys):
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "\r" not in shown.err
    assert "\x1b" not in shown.err
    return shown.err.splitlines()


def in_a_terminal(code, size=(24, 110)):
    """What a process writes to a terminal, redrawn line by redrawn line."""
    pty = pytest.importorskip("pty", reason="only Unix has terminals of this kind")
    termios = pytest.importorskip("termios", reason="comes with pty")
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, size)
    process = subprocess.Popen([sys.executable, "-c", code], stderr=follower)
    os.close(follower)
    written = b""
    while True:
        try:
            part = os.read(leader, 2**16)
        except OSError:  # Linux says so at the end
            break
        if not part:
            break
        written += part
    os.close(leader)
    assert process.wait() == 0, written.decode()
    return re.split(r"[\r\n]+", written.decode().strip())


# Estimators


def test_silence_is_silent(iris, capfd):
    for options in ({}, dict(callbacks=[]), dict(refit=True), dict(verbose=0)):
        SNNClassifier(**SMALL | options).fit(*iris)
    SNNRegressor(**SMALL).partial_fit(*iris)
    assert capfd.readouterr() == ("", "")


def test_a_file_gets_a_line_a_tenth_with_epoch_loss_score_and_time(iris, capsys):
    model = SNNClassifier(verbose=1, n_iter_no_change=20, **SMALL).fit(*iris)
    lines = lines_of(capsys)
    assert len(lines) == 10
    assert [int(re.search(r"epoch (\d+) of 20,", line)[1]) for line in lines] == [
        *range(2, 21, 2)
    ]
    for line in lines:
        epoch = int(re.search(r"epoch (\d+)", line)[1]) - 1
        loss, score = model.loss_curve_[epoch], model.validation_scores_[epoch]
        facts = f"loss {loss:.4f}, validation score {score:.4f}, "
        assert re.fullmatch(
            rf"SNNClassifier: epoch \d+ of 20, {facts}\d\d:\d\d left", line
        )


def test_a_fit_that_stops_early_says_so_at_the_end(iris, capsys):
    options = dict(n_iter_no_change=2, learning_rate_init=0.1, verbose=1)
    model = SNNClassifier(**SMALL | options | dict(max_iter=200)).fit(*iris)
    assert model.n_iter_ < 200
    last = lines_of(capsys)[-1]
    assert last.startswith(f"SNNClassifier: epoch {model.n_iter_} at the end, loss")


def test_a_lone_network_without_validation_has_no_score(iris, capsys):
    SNNClassifier(**SMALL | dict(verbose=1, n_estimators=1)).fit(*iris)
    lines = lines_of(capsys)
    assert lines
    assert not any("score" in line for line in lines)


def test_networks_that_start_again_are_shown_when_they_have_a_loss(capsys):
    """After an epoch that diverged there is none."""
    X = np.random.default_rng(0).standard_normal((40, 3))
    options = dict(solver="sgd", learning_rate_init=1e30, preprocessor=None)
    model = SNNRegressor(verbose=1, early_stopping=False, **options, **SHORT)
    with pytest.raises(ValueError, match="Training diverged"):
        model.fit(X, X[:, 0])
    assert re.match(r"SNNRegressor: epoch 1 of 5, \d\d:\d\d left", lines_of(capsys)[0])


@pytest.mark.parametrize("options", ["time_limit=100", "refit=True"])
def test_a_terminal_has_one_bar_that_gets_to_its_end(options):
    code = FIT.format(options=options) + "model.fit(*load_iris(return_X_y=True))"
    *moving, last = in_a_terminal(code)
    assert all(line.startswith("SNNClassifier: ") for line in [*moving, last])
    number = int(re.search(r"epoch (\d+)/\d+ ", last)[1])
    assert f"| epoch {number}/{number} [" in last
    assert last.startswith("SNNClassifier: 100%|")
    assert "loss=" in last
    assert ("validation score=" in last) == ("refit" not in options)
    assert re.search(r"\[\d\d:\d\d<\d\d:\d\d, ", last)


def test_a_terminal_shows_networks_of_a_search():
    code = FIT.format(options="").replace("verbose=1", "verbose=0") + (
        "search = SNNGridSearchCV(model, {'depth': [1, 2]}, cv=2, verbose=1)\n"
        "search.fit(*load_iris(return_X_y=True))"
    )
    lines = in_a_terminal(code)
    assert lines[-1].startswith("SNNGridSearchCV: 100%|")
    assert "| network 8/8 [" in lines[-1]


def test_a_terminal_without_a_width_gets_lines():
    code = FIT.format(options="") + "model.fit(*load_iris(return_X_y=True))"
    lines = in_a_terminal(code, size=(0, 0))
    assert lines[0].startswith("SNNClassifier: epoch 3 of 30, loss")


def test_a_fit_that_fails_closes_its_bar(iris, monkeypatch):
    bars = []

    class Watched(_progress.LiveBar):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            bars.append(self._tqdm)

    monkeypatch.setattr(_progress, "_is_terminal", lambda stream: True)
    monkeypatch.setattr(_progress, "LiveBar", Watched)
    model = SNNClassifier(verbose=1, preprocessor=None, **SMALL)
    monkeypatch.setattr(model, "_complain", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.fit(*iris)
    (bar,) = bars
    assert bar.n == 20
    assert bar.disable  # as tqdm is when it is closed


# Bars


def test_a_notebook_has_a_live_bar(monkeypatch):
    class OutStream:
        __module__ = "ipykernel.iostream"

        def isatty(self):
            return False

    monkeypatch.setattr(sys, "stderr", OutStream())
    opened = []
    monkeypatch.setattr(_progress, "LiveBar", lambda *arguments: opened.append("live"))
    _progress.open_bar(3, "name", "epoch")
    assert opened == ["live"]


def test_where_nothing_can_be_written_nothing_is(monkeypatch, iris):
    monkeypatch.setattr(sys, "stderr", None)  # as in a service without a console
    assert SNNClassifier(verbose=1, **SMALL).fit(*iris).n_iter_ == 20


def test_lines_say_how_much_time_is_left(ticking, capsys):
    bar = _progress.Lines(100, "fit", "epoch", None)
    for seconds in range(5, 205, 5):
        ticking[0] = float(seconds)
        bar.advance(1)
    assert lines_of(capsys) == [
        "fit: epoch 7 of 100, 07:45 left",  # none for more than half a minute
        "fit: epoch 10 of 100, 07:30 left",
        "fit: epoch 17 of 100, 06:55 left",
        "fit: epoch 20 of 100, 06:40 left",
        "fit: epoch 27 of 100, 06:05 left",
        "fit: epoch 30 of 100, 05:50 left",
        "fit: epoch 37 of 100, 05:15 left",
        "fit: epoch 40 of 100, 05:00 left",
    ]
    ticking[0] = 8000.0
    bar.finish()
    assert lines_of(capsys) == ["fit: epoch 40 at the end, after 2:13:20"]


def test_with_a_time_limit_the_time_left_is_that_of_the_limit(ticking, capsys):
    bar = _progress.Lines(10_000, "fit", "epoch", 60.0)
    for seconds in (2.0, 30.0, 31.0, 60.0):
        ticking[0] = seconds
        bar.advance(15)
    assert lines_of(capsys) == [
        "fit: epoch 30 of 60, 00:30 left",
        "fit: epoch 60 of 60, 00:00 left",
    ]


def test_fractions_of_networks_add_up(capsys):
    bar = _progress.Lines(3, "search", "network", None)
    for _ in range(7):
        bar.advance(3 / 7)
    bar.finish()
    assert lines_of(capsys)[-1] == "search: network 3 of 3, 00:00 left"


def test_a_search_in_a_file_counts_networks(iris, capsys):
    model = SNNClassifier(**SMALL | dict(max_iter=2))
    SNNGridSearchCV(model, {"depth": [1, 2]}, cv=2, verbose=1).fit(*iris)
    shown = capsys.readouterr()
    assert "\r" not in shown.err
    assert shown.err.splitlines()[-1] == "SNNGridSearchCV: network 8 of 8, 00:00 left"
