#!/usr/bin/env python3
"""Writes the network of infer.h, with the same numbers as weights, as an ONNX graph. Needs python3-onnx.

infer_onnx.py [--alpha A] [--size S] [--batch B] [--classes C] FILE
"""
import argparse

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, default=1)
parser.add_argument("--size", type=int, default=224)
parser.add_argument("--batch", type=int, default=1)
parser.add_argument("--classes", type=int, default=1000)
parser.add_argument("file")
options = parser.parse_args()
nodes, constants = [], []


def value(seed, count):
    x = (numpy.arange(1, count + 1, dtype=numpy.uint32) * numpy.uint32(2654435761)
         + numpy.uint32(seed * 2246822519 % 2**32))
    x ^= x >> numpy.uint32(15)
    x *= numpy.uint32(3266489917)
    x ^= x >> numpy.uint32(13)
    return (x >> numpy.uint32(8)).astype(numpy.float32) / numpy.float32(8388608) - numpy.float32(1)


def constant(name, array):
    constants.append(numpy_helper.from_array(array, name))
    return name


def layer(x, index, c_in, c_out, groups, kernel, stride):
    seed, fan = 2 * index + 1, c_in // groups * kernel * kernel
    w = numpy.float32(numpy.sqrt(6 / fan)) * value(seed, c_out * fan)
    w = constant(f"w{index}", w.reshape(c_out, c_in // groups, kernel, kernel))
    b = constant(f"b{index}", numpy.float32(0.1) * value(seed + 1, c_out))
    before, after = (kernel // 2 if stride == 1 else 0), kernel // 2
    nodes.append(helper.make_node("Conv", [x, w, b], [f"c{index}"], kernel_shape=[kernel, kernel],
                                  strides=[stride, stride], pads=[before, before, after, after], group=groups))
    return f"c{index}"


def relu6(x):
    nodes.append(helper.make_node("Clip", [x, "zero", "six"], [x + "r"]))
    return x + "r"


constant("zero", numpy.float32(0))
constant("six", numpy.float32(6))
c = int(32 * options.alpha)
x = relu6(layer("x", 0, 3, c, 1, 3, 2))
filters = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]
for i, (wide, stride) in enumerate(zip(filters, [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1])):
    wide = int(wide * options.alpha)
    x = relu6(layer(x, 2 * i + 1, c, c, c, 3, stride))
    x = relu6(layer(x, 2 * i + 2, c, wide, 1, 1, 1))
    c = wide
nodes.append(helper.make_node("GlobalAveragePool", [x], ["mean"]))
nodes.append(helper.make_node("Flatten", [layer("mean", 27, c, options.classes, 1, 1, 1)], ["logits"]))
nodes.append(helper.make_node("Softmax", ["logits"], ["y"], axis=1))

picture = helper.make_tensor_value_info("x", TensorProto.FLOAT, [options.batch, 3, options.size, options.size])
answer = helper.make_tensor_value_info("y", TensorProto.FLOAT, [options.batch, options.classes])
graph = helper.make_graph(nodes, "mobilenet_v1", [picture], [answer], constants)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, options.file)
