"""ONNX graphs that are written as arithmetic; they know no estimator."""

from itertools import count

import numpy as np

from sklearn_snn._version import __version__

#: Versions of the operators and of the format, which onnxruntime has known since 1.17.
_OPERATORS = {"": 17, "ai.onnx.ml": 4}
_FORMAT = 9


class Tensor:
    """A tensor of a graph, to calculate with.

    Parameters
    ----------
    graph : Graph
        The graph.
    name : str
        Its name there.
    """

    def __init__(self, graph, name):
        self.graph, self.name = graph, name

    def __add__(self, other):
        return self.graph.add("Add", self, other)

    def __sub__(self, other):
        return self.graph.add("Sub", self, other)

    def __mul__(self, other):
        return self.graph.add("Mul", self, other)

    def __truediv__(self, other):
        return self.graph.add("Div", self, other)

    def __floordiv__(self, other):
        return self.graph.add("Floor", self / other)

    def __mod__(self, other):
        return self.graph.add("Mod", self, other)

    def __matmul__(self, other):
        return self.graph.add("MatMul", self, other)

    def clip(self, low, high):
        """No less than one number and no greater than another."""
        return self.graph.add("Min", self.graph.add("Max", self, low), high)

    def cast(self, dtype):
        """The same numbers as another type."""
        return self.graph.add("Cast", self, to=self.graph.type_of(dtype))


class Graph:
    """A graph that grows.

    Parameters
    ----------
    onnx : module
        The package, which is optional.
    """

    def __init__(self, onnx):
        self._onnx = onnx
        self._names, self._nodes, self._constants = set(), [], []
        self._inputs, self._outputs = [], []

    def input(self, name, dtype, n_columns=1, description=""):
        """A tensor of shape (n_samples, n_columns) that the user gives."""
        if name in self._names or not name:
            raise ValueError(
                f"inputs must have different names, none of them empty, got {name!r}"
            )
        self._names.add(name)
        shape = ["n_samples", n_columns]
        self._inputs.append(self._described(name, dtype, shape, description))
        return Tensor(self, name)

    def output(self, name, tensor, dtype, *shape):
        """Name a tensor of shape (n_samples, *shape) that the user gets."""
        name = self._unique(name)
        self._nodes.append(
            self._onnx.helper.make_node("Identity", [tensor.name], [name])
        )
        self._outputs.append(self._described(name, dtype, ["n_samples", *shape]))

    def add(self, operator, *inputs, **attributes):
        """Result of an operator on tensors, and on arrays, which are constants."""
        names = [
            one.name if isinstance(one, Tensor) else self._constant(one)
            for one in inputs
        ]
        result = self._unique(operator)
        node = self._onnx.helper.make_node(operator, names, [result], **attributes)
        self._nodes.append(node)
        return Tensor(self, result)

    def look_up(self, tensor, index, otherwise):
        """Integers from a dict of strings or numbers, and one for all others."""
        keys, values = (np.array(list(part)) for part in (index, index.values()))
        attributes = {
            "keys_tensor": keys.astype(object if keys.dtype.kind == "U" else float),
            "values_tensor": values,
            "default_tensor": np.array([otherwise]),
        }
        attributes = {
            name: self._onnx.numpy_helper.from_array(array)
            for name, array in attributes.items()
        }
        return self.add("LabelEncoder", tensor, domain="ai.onnx.ml", **attributes)

    def type_of(self, dtype):
        """The number that onnx has for a type."""
        if dtype is str:
            return self._onnx.TensorProto.STRING
        return self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def serialized(self):
        """The graph as the bytes of a file, after onnx has checked it."""
        helper = self._onnx.helper
        graph = helper.make_graph(
            self._nodes, "sklearn_snn", self._inputs, self._outputs, self._constants
        )
        model = helper.make_model(
            graph,
            ir_version=_FORMAT,
            opset_imports=[helper.make_opsetid(*pair) for pair in _OPERATORS.items()],
            producer_name="sklearn_snn",
            producer_version=__version__,
        )
        self._onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()

    def _constant(self, array):
        array, name = np.asarray(array), self._unique("constant")
        array = array.astype(object) if array.dtype.kind == "U" else array
        self._constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def _described(self, name, dtype, shape, description=""):
        make = self._onnx.helper.make_tensor_value_info
        return make(name, self.type_of(dtype), shape, description)

    def _unique(self, stem):
        """The stem, or a longer name if a tensor has it."""
        name = stem
        for number in count(len(self._names)):
            if name not in self._names:
                self._names.add(name)
                return name
            name = f"{stem}_{number}"
