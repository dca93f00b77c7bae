"""In which order the gallery shows its examples: what a newcomer needs comes first."""

NAMES = [
    "raw_table",
    "search",
    "out_of_fold",
    "calibration",
    "imbalanced_classes",
    "quantiles",
    "conformal_intervals",
    "counts",
    "missing_labels",
    "sparse_text",
    "stream",
    "shap_values",
    "optuna_pruning",
    "mlflow_logging",
    "skorch_callback",
    "torch_loop",
]


class NewcomersFirst:
    """A sort key for sphinx-gallery; an example that is not in the list is an error."""

    def __init__(self, src_dir):
        self.src_dir = src_dir

    def __call__(self, filename):
        """Place of an example."""
        return NAMES.index(filename.removesuffix(".py"))
