"""Rebuilds a network as an ONNX graph, layer by layer: nothing folded, nothing fused, channels first as ONNX has it."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SAME = 1
_FIRST, _LAST = [0, 3, 1, 2], [0, 2, 3, 1]  # [n, h, w, c] to channels first, and back


class _Graph:
    """Nodes in a chain. A layer is a method, named after its type."""

    def __init__(self, batch):
        self.batch, self.nodes, self.constants = batch, [], []
        self.end, self.is_map = "x", True

    def node(self, operator, *constants, **attributes):
        """Appends a node that reads the end of the chain, then constants."""
        inputs, output = [self.end], f"n{len(self.nodes)}"
        for array in constants:
            inputs.append(f"c{len(self.constants)}")
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), inputs[-1]))
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        self.end = output

    def window(self, fields, kernel):
        return dict(kernel_shape=list(kernel), auto_pad="SAME_UPPER" if fields["padding"] == SAME else "VALID",
                    strides=[fields["stride_height"] or kernel[0], fields["stride_width"] or kernel[1]])

    def conv2d(self, f, p):
        bias = [p["bias"]] if "bias" in p else []
        self.node("Conv", p["kernel"].transpose(3, 2, 0, 1), *bias, **self.window(f, p["kernel"].shape[:2]))

    def depthwise_conv2d(self, f, p):
        height, width, channels, multiplier = p["depthwise_kernel"].shape
        kernel = p["depthwise_kernel"].transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
        bias = [p["bias"]] if "bias" in p else []
        self.node("Conv", kernel, *bias, group=channels, **self.window(f, (height, width)))

    def batch_normalization(self, f, p):
        self.node("BatchNormalization", p["gamma"], p["beta"], p["moving_mean"], p["moving_variance"],
                  epsilon=f["epsilon"])

    def re_lu(self, f, p):
        if f["max_value"]:
            self.node("Clip", np.float32(0), np.float32(f["max_value"]))
        else:
            self.node("Relu")

    def zero_padding2d(self, f, p):
        self.node("Pad", np.array([0, 0, f["top"], f["left"], 0, 0, f["bottom"], f["right"]], np.int64))

    def average_pooling2d(self, f, p):
        self.node("AveragePool", count_include_pad=0, **self.window(f, (f["pool_height"], f["pool_width"])))

    def global_average_pooling2d(self, f, p):
        self.node("GlobalAveragePool")
        self.node("Flatten", axis=1)
        self.is_map = False

    def shaped(self, dims):
        """As the numbers lie channels last."""
        if self.is_map:
            self.node("Transpose", perm=_LAST)
        self.node("Reshape", np.array([self.batch, *dims], np.int64))
        self.is_map = len(dims) == 3
        if self.is_map:
            self.node("Transpose", perm=_FIRST)

    def flatten(self, f, p):
        self.shaped([-1])

    def reshape(self, f, p):
        self.shaped([f[f"dim_{axis}"] for axis in range(f["rank"])])

    def dense(self, f, p):
        self.node("Gemm", p["kernel"], p["bias"])

    def softmax(self, f, p):
        self.node("Softmax", axis=1)

    def nothing(self, f, p):
        """What changes no number where nothing is trained."""

    input = dropout = nothing


def write(path, layers, parameters, batch, classes):
    """For `batch` pictures, "x", [batch, c, h, w], to "y", [batch, classes]. parameters are {layer: {name: array}}."""
    graph = _Graph(batch)
    for layer in layers:
        getattr(graph, layer.type)(layer.fields, parameters.get(layer.name, {}))
    graph.node("Identity")
    graph.nodes[-1].output[0] = "y"
    shape = layers[0].fields
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT,
                                      [batch, shape["channels"], shape["height"], shape["width"]])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, classes])
    model = helper.make_model(helper.make_graph(graph.nodes, "network", [x], [y], graph.constants),
                              opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
