"""scikit-learn's own checks."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_snn import SNNClassifier, SNNRegressor, TabularPreprocessor

EXACT = dict(
    dtype="float64",
    preprocessor=None,
    batch_size=10_000,
    dropout=0.0,
    early_stopping=False,
    random_state=0,
)


@parametrize_with_checks(
    [
        SNNClassifier(),
        SNNRegressor(),
        SNNClassifier(**EXACT),
        SNNRegressor(**EXACT),
        TabularPreprocessor(),
    ]
)
def test_it(estimator, check):
    check(estimator)
