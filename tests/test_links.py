"""What notebooks show of an estimator.

That the pages it links to are there is checked where they are made, in docs/conf.py.
"""

import re

import pytest
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr

import sklearn_snn
from sklearn_snn import (
    SNNClassifier,
    SNNGridSearchCV,
    SNNHalvingRandomSearchCV,
    SNNRandomizedSearchCV,
    SNNRegressor,
    TabularPreprocessor,
)
from sklearn_snn._links import API_PAGES

SMALL = dict(depth=1, width=8, n_estimators=2, max_iter=2, random_state=0)


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


def page_of(estimator):
    return f"{API_PAGES}sklearn_snn.{type(estimator).__name__}.html"


@pytest.mark.parametrize(
    "estimator",
    [
        SNNClassifier(),
        SNNRegressor(),
        TabularPreprocessor(),
        SNNGridSearchCV(SNNClassifier(), {}),
        SNNRandomizedSearchCV(SNNClassifier(), {}),
        SNNHalvingRandomSearchCV(SNNClassifier(), {}),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_html_links_to_the_page_of_each_public_estimator(estimator):
    assert type(estimator).__name__ in sklearn_snn.__all__
    assert f'href="{page_of(estimator)}"' in estimator_html_repr(estimator)


def test_html_of_a_pipeline_links_to_both_projects(iris):
    pipeline = make_pipeline(TabularPreprocessor(), SNNClassifier(**SMALL)).fit(*iris)
    html = estimator_html_repr(pipeline)
    assert "https://scikit-learn.org/" in html
    for step in (TabularPreprocessor(), SNNClassifier()):
        assert page_of(step) in html


def test_html_has_parameters_and_fitted_attributes_with_their_description(iris):
    pytest.importorskip(
        "sklearn.callback", reason="scikit-learn shows fitted attributes from 1.9 on"
    )
    for estimator in (SNNClassifier(**SMALL), SNNRegressor(**SMALL)):
        html = estimator.fit(*iris)._repr_html_()
        for name in [*estimator.get_params(), *shown_attributes(html)]:
            assert f"#:~:text={name}," in html, f"{name} is not described"
        assert {"networks_", "n_iter_", "loss_curve_"} <= set(shown_attributes(html))


def shown_attributes(html):
    table = html[html.index("<summary>Fitted attributes</summary>") :]
    return re.findall(r'<td class="param">\s*<a[^>]*>\s*(\w+_)\b', table)


def test_html_does_not_break_on_parameters_that_fit_will_refuse():
    for wrong in (dict(time_limit="x"), dict(depth=None), dict(callbacks=3)):
        assert "SNNClassifier" in SNNClassifier(**wrong)._repr_html_()
