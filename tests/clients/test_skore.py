"""skore's reports know the task, and say what the estimators' own scores say."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import KFold, cross_val_score
from skore import CrossValidationReport, EstimatorReport

from sklearn_snn import SNNClassifier, SNNRegressor

SMALL = dict(depth=1, width=8, max_iter=5, n_estimators=2, random_state=0)


def test_a_report_of_a_classifier(classes):
    X, y = classes
    model = SNNClassifier(**SMALL)
    report = EstimatorReport(
        model,
        X_train=X[:150],
        y_train=y[:150],
        X_test=X[150:],
        y_test=y[150:],
        pos_label=1,
    )
    model.fit(X[:150], y[:150])
    assert report.metrics.accuracy() == model.score(X[150:], y[150:])
    loss = log_loss(y[150:], model.predict_proba(X[150:]))
    assert report.metrics.log_loss() == pytest.approx(loss)
    assert report.metrics.roc_auc() > 0.8


def test_a_report_of_a_regressor(numbers):
    X, y = numbers
    model = SNNRegressor(**SMALL).fit(X[:150], y[:150])
    report = EstimatorReport(model, X_test=X[150:], y_test=y[150:])
    assert report.metrics.r2() == pytest.approx(model.score(X[150:], y[150:]))
    error = root_mean_squared_error(y[150:], model.predict(X[150:]))
    assert report.metrics.rmse() == pytest.approx(error)


def test_a_report_of_a_cross_validation(numbers):
    X, y = numbers
    report = CrossValidationReport(SNNRegressor(**SMALL), X, y, splitter=KFold(3))
    expected = cross_val_score(SNNRegressor(**SMALL), X, y, cv=KFold(3))
    scores = [one.metrics.r2() for one in report.reports_]
    np.testing.assert_allclose(scores, expected)
    assert report.metrics.r2().to_numpy().ravel()[0] == pytest.approx(expected.mean())
