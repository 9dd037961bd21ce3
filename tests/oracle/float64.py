"""A network layer by layer in float64: what rounding, folding and packing would not change.

The order of axes is the library's, channels last; shapes of parameters are those of include/mobilenet/layers.h.
"""
import numpy as np

SAME = 1


def _pads(size, kernel, stride, padding):
    """TensorFlow's: an odd pixel goes after."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + kernel - size, 0) if padding == SAME else 0
    return total // 2, total - total // 2


def _taps(x, fields, kernel):
    """For each place of the kernel, the pixels that it is put on: (row, column, [n, h', w', c])."""
    strides = fields["stride_height"] or kernel[0], fields["stride_width"] or kernel[1]
    pads = [_pads(x.shape[axis + 1], kernel[axis], strides[axis], fields["padding"]) for axis in range(2)]
    x = np.pad(x, [(0, 0), *pads, (0, 0)])
    ends = [x.shape[axis + 1] - kernel[axis] + 1 for axis in range(2)]
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            yield i, j, x[:, i:i + ends[0]:strides[0], j:j + ends[1]:strides[1]]


def _conv2d(x, f, p):
    kernel = p["kernel"]
    return sum(pixels @ kernel[i, j] for i, j, pixels in _taps(x, f, kernel.shape)) + p.get("bias", 0)


def _depthwise_conv2d(x, f, p):
    kernel = p["depthwise_kernel"]
    y = sum(pixels[..., None] * kernel[i, j] for i, j, pixels in _taps(x, f, kernel.shape))
    return y.reshape(*y.shape[:3], -1) + p.get("bias", 0)


def _batch_normalization(x, f, p):
    return (x - p["moving_mean"]) / np.sqrt(p["moving_variance"] + f["epsilon"]) * p["gamma"] + p["beta"]


def _re_lu(x, f, p):
    return np.clip(x, 0, f["max_value"] or None)


def _zero_padding2d(x, f, p):
    return np.pad(x, [(0, 0), (f["top"], f["bottom"]), (f["left"], f["right"]), (0, 0)])


def _average_pooling2d(x, f, p):
    window = f["pool_height"], f["pool_width"]
    total = sum(pixels for _, _, pixels in _taps(x, f, window))
    return total / sum(pixels for _, _, pixels in _taps(np.ones_like(x), f, window))


def _reshape(x, f, p):
    return x.reshape(len(x), *(f[f"dim_{axis}"] for axis in range(f["rank"])))


def _softmax(x, f, p):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


_LAYERS = {
    "input": lambda x, f, p: x,
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "batch_normalization": _batch_normalization,
    "re_lu": _re_lu,
    "zero_padding2d": _zero_padding2d,
    "average_pooling2d": _average_pooling2d,
    "global_average_pooling2d": lambda x, f, p: x.mean((1, 2)),
    "dropout": lambda x, f, p: x,
    "flatten": lambda x, f, p: x.reshape(len(x), -1),
    "reshape": _reshape,
    "dense": lambda x, f, p: x @ p["kernel"] + p.get("bias", 0),
    "softmax": _softmax,
}


def evaluate(layers, parameters, x, draw=None):
    """The answers to pictures x, [n, ...].

    parameters are {layer: {name: array}}. draw, if given, sees each layer's input before the layer does, and may give
    it other parameters: draw(shown, {name: array}) -> {name: array}.
    """
    x = np.asarray(x, np.float64)
    for layer in layers:
        own = parameters.get(layer.name, {})
        if draw and own:
            own = parameters[layer.name] = draw(x, own)
        x = _LAYERS[layer.type](x, layer.fields, {name: values.astype(np.float64) for name, values in own.items()})
    return x


def _bf16(values):
    """float32 rounded to bfloat16, to nearest even; no NaN among them."""
    bits = values.view(np.uint32)
    return ((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000).view(np.float32)


def with_bf16_products(layers, parameters):
    """The parameters whose folded kernels are what MBN_PRECISION_BF16 keeps: docs/numerics.md, "Same bits".

    Those are kernels of products, dense layers and 1 x 1 convolutions, times the scale of the batch norm behind.
    """
    rounded = dict(parameters)
    for layer, behind in zip(layers, layers[1:]):
        kernel = parameters.get(layer.name, {}).get("kernel")
        if kernel is None or (kernel.ndim == 4 and kernel.shape[:2] != (1, 1)):
            continue
        scale = np.ones(1)
        if behind.type == "batch_normalization":
            norm = parameters[behind.name]
            scale = norm["gamma"] / np.sqrt(norm["moving_variance"].astype(np.float64) + behind.fields["epsilon"])
        folded = (kernel * scale).astype(np.float32)
        rounded[layer.name] = {**parameters[layer.name], "kernel": _bf16(folded) / scale}
    return rounded
