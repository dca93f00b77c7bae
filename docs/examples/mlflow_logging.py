"""
Log a fit with MLflow and serve it by pyfunc
============================================

A fitted estimator is an ordinary scikit-learn model to MLflow: ``log_model`` stores it
with its signature, and ``pyfunc`` loads it where nobody knows what it is. Parameters,
the loss of each epoch and a picture of it are logged along.
Needs ``pip install mlflow skops``.
"""

import tempfile

import matplotlib.pyplot as plt
import mlflow
import skops.io
from mlflow.models import infer_signature
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from sklearn_snn import LossCurveDisplay, SNNClassifier

X, y = load_wine(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# Runs go to a database in a temporary folder; yours would name a server.
folder = tempfile.TemporaryDirectory()
mlflow.set_tracking_uri(f"sqlite:///{folder.name}/runs.db")
mlflow.create_experiment("wine", artifact_location=f"file://{folder.name}/models")
mlflow.set_experiment("wine")

# %%
# skops, MLflow's format, loads no type that is not listed; these are the model's own.
with mlflow.start_run():
    model = SNNClassifier(random_state=0).fit(X_train, y_train)
    mlflow.log_params({"depth": model.depth, "width": model.width})
    for epoch, loss in enumerate(model.loss_curve_):
        mlflow.log_metric("loss", loss, step=epoch)
    mlflow.log_figure(LossCurveDisplay.from_estimator(model).figure_, "loss.png")
    logged = mlflow.sklearn.log_model(
        model,
        name="snn",
        skops_trusted_types=skops.io.get_untrusted_types(data=skops.io.dumps(model)),
        pyfunc_predict_fn="predict_proba",
        signature=infer_signature(X_train, model.predict_proba(X_train)),
        pip_requirements=["sklearn-snn"],
    )

# %%
# Elsewhere the model is a function of tables; it says which columns it wants.
served = mlflow.pyfunc.load_model(logged.model_uri)
print(served.metadata.get_input_schema().input_names()[:3])
print(served.predict(X_test.head(3)).round(3))
folder.cleanup()
plt.show()
