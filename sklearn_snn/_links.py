"""Where the documentation of the package is."""

#: Folder of the pages of the public names.
API_PAGES = "https://sklearn-snn.readthedocs.io/en/latest/api/"


class LinkedEstimator:
    """An estimator whose HTML representation links to its page."""

    _doc_link_module = "sklearn_snn"
    _doc_link_template = API_PAGES + "{estimator_module}.{estimator_name}.html"
