"""MLflow logs an estimator, and serves it where nobody knows what it is."""

import mlflow
import numpy as np
import pytest
import skops.io
from mlflow.models import infer_signature
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_snn import SNNClassifier

SMALL = dict(depth=1, width=8, max_iter=4, n_estimators=2, random_state=0)


@pytest.fixture
def server(tmp_path):
    """Runs in a database that is gone after the test."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    mlflow.create_experiment("test", artifact_location=(tmp_path / "models").as_uri())
    mlflow.set_experiment("test")
    yield
    mlflow.sklearn.autolog(disable=True)
    mlflow.set_tracking_uri(before)


@pytest.mark.usefixtures("server")
def test_pyfunc_predicts_of_a_raw_frame_what_the_logged_model_does(classes):
    X, y = classes
    X = X.assign(city=np.where(X["c"] > 0, "Bern", "Oslo"))
    model = SNNClassifier(**SMALL).fit(X, y)
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(
            model,
            name="snn",
            skops_trusted_types=skops.io.get_untrusted_types(
                data=skops.io.dumps(model)
            ),
            pyfunc_predict_fn="predict_proba",
            signature=infer_signature(X, model.predict_proba(X)),
            pip_requirements=["sklearn-snn"],
        )
    served = mlflow.pyfunc.load_model(logged.model_uri)
    assert served.metadata.get_input_schema().input_names() == list(X)
    assert_array_equal(served.predict(X), model.predict_proba(X))
    with pytest.raises(mlflow.MlflowException, match="city"):
        served.predict(X.drop(columns="city"))


@pytest.mark.usefixtures("server")
def test_autolog_records_a_pipeline_and_changes_nothing(classes):
    X, y = classes
    alone = make_pipeline(StandardScaler(), SNNClassifier(**SMALL)).fit(X, y)
    mlflow.sklearn.autolog(
        log_models=False, silent=True, log_datasets=False, log_model_signatures=False
    )
    with mlflow.start_run() as run:
        model = make_pipeline(StandardScaler(), SNNClassifier(**SMALL)).fit(X, y)
        plain = SNNClassifier(**SMALL).fit(X, y)
    logged = mlflow.get_run(run.info.run_id).data
    assert logged.params["snnclassifier__max_iter"] == "4"
    assert logged.params["snnclassifier__depth"] == "1"
    assert logged.metrics["training_accuracy_score"] == alone.score(X, y)
    assert_array_equal(model.predict_proba(X), alone.predict_proba(X))
    assert plain.n_iter_ == 4
