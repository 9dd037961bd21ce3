#!/usr/bin/env python3
"""Holds predictors against ONNX Runtime and float64, on photographs; fails when they differ by more than is promised.

    oracle.py SHARED [--ort PROGRAM] [--vww FILE]
SHARED has images/ and golden/. PROGRAM is ort_run, without which float64 is the only judge; FILE the visual wake words
network of vww.c. Networks come from .mbn files: the library makes predictors of them, and each judge has the list of
layers in the file (mbn_file.py) and the parameters one by one. Needs NumPy, and python3-onnx for --ort.

bf16 is held to 1e-2 where a network was trained. How far its rounded weights lead away depends on the network, and one
whose weights are drawn has no reason to bear them well; so it is held to 1e-5 of float64 with the same rounded weights.
"""
import argparse
import glob
import os
import subprocess
import sys
import tempfile

import numpy as np

import float64
import mbn_file
import mobilenet as mbn
import pictures

BOUND, BF16_BOUND = 1e-5, 1e-2  # of probabilities
FIRST_SEED = 20
PREPROCESSING = {1: (127.5, 1), 2: (255, 0)}  # x / a - b
NETWORKS = [
    ("alpha 1, 224 x 224, 1000 classes", dict(height=224, width=224)),
    ("alpha 0.5, 160 x 160, 1000 classes", dict(alpha=0.5, height=160, width=160)),
    ("alpha 0.35, 131 x 77, 37 classes", dict(alpha=0.35, height=131, width=77, classes=37)),
    ("CIFAR, 32 x 32, stride 1, 10 classes", dict(height=32, width=32, classes=10, stem_stride=1)),
    ("shallow, 32 x 32, stride 1, 10 classes, ReLU", dict(height=32, width=32, classes=10, stem_stride=1, shallow=1,
                                                          activation=mbn.ACTIVATION_RELU)),
]


class Draw:
    """Parameters that leave no part of a network idle, since those of a new one have answers that are all but equal.

    Batch norms get what their channels have, but not quite, so that signals neither die away nor grow; most channels
    are cut at 0 and some at 6, and epsilon is no trifle beside variances. Wilder ones would make a network that
    multiplies differences from layer to layer, those of rounding too, in every implementation. Kernels have no mean
    over their inputs, so that pictures differ by more than a little of what is common to all.
    """

    def __init__(self, seed):
        self.random = np.random.RandomState(seed)

    def between(self, low, high, shape):
        return self.random.uniform(low, high, shape).astype(np.float32)

    def __call__(self, x, own):
        if "gamma" in own:
            return self.batch_norm(x, own["gamma"].shape)
        name, inputs = ("kernel", 3) if "kernel" in own else ("depthwise_kernel", 2)  # axes that a sum runs over
        kernel = self.between(-1, 1, own[name].shape) * np.exp(self.between(-1, 1, own[name].shape[-1:]))
        if name == "kernel":
            kernel -= kernel.mean((0, 1, 2))
        kernel *= np.float32(0.3 / np.sqrt(np.prod(kernel.shape[:inputs]) * (x * x).mean()))
        return self.classifier(x, kernel) if "bias" in own else {name: kernel}

    def batch_norm(self, x, shape):
        axes = tuple(range(x.ndim - 1))
        deviation = x.std(axes)
        mean = x.mean(axes) + self.between(-0.3, 0.3, shape) * deviation
        gamma = self.between(0.7, 1.3, shape)
        gamma[::16] *= 3
        return {"gamma": gamma, "beta": self.between(1, 2, shape),
                "moving_mean": mean.astype(np.float32),
                "moving_variance": (self.between(0.5, 2, shape) * deviation**2).astype(np.float32)}

    def classifier(self, x, kernel):
        logits = x.reshape(len(x), -1) @ kernel.reshape(-1, kernel.shape[-1])
        return {"kernel": (1.3 / logits.std() * kernel).astype(np.float32),
                "bias": self.between(-0.5, 0.5, kernel.shape[-1:])}


def parameters_of(model):
    """{layer: {name: array}}"""
    found = {}
    for name in model.parameter_names():
        layer, parameter = name.split("/")
        found.setdefault(layer, {})[parameter] = model[name]
    return found


def numbers(images, preprocessing):
    divisor, less = PREPROCESSING[preprocessing]
    return (images / divisor - less).astype(np.float32)


def make(path, options, images, seed):
    """A MobileNet for these pictures, saved."""
    model = mbn.Model.mobilenet(**options)
    model.save(path, compression=1)
    layers, preprocessing = mbn_file.read(path)
    parameters = parameters_of(model)
    float64.evaluate(layers, parameters, numbers(images, preprocessing), Draw(seed))
    for layer, own in parameters.items():
        for name, values in own.items():
            model[f"{layer}/{name}"] = values
    model.save(path, compression=1)


def ort_answers(program, layers, parameters, x, classes):
    import onnx_graph
    with tempfile.TemporaryDirectory() as folder:
        graph = os.path.join(folder, "graph.onnx")
        onnx_graph.write(graph, layers, parameters, len(x), classes)
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2), "<f4")
        done = subprocess.run([program, graph, *map(str, x.shape), str(classes)], input=x.tobytes(),
                              stdout=subprocess.PIPE, check=True)
    return np.frombuffer(done.stdout, "<f4").reshape(len(x), classes)


def our_answers(path, images, x, precision):
    """For threads and types of pictures: (what it was, answers)"""
    for threads in 1, 2:
        for given, of_type in (images, mbn.U8), (x, mbn.F32):
            predictor = mbn.Predictor.load(path, max_batch=len(images), precision=precision, threads=threads,
                                           input_type=of_type)
            yield f"{threads} threads, {given.dtype} pictures", predictor.run(given)
            predictor.close()


def compare(what, answers, judge, wanted, bound):
    """Prints the largest difference of some answers; whether all are within the bound and of the same first class.

    bound None: what is printed is for the reader, and nothing is asked for.
    """
    largest = max(abs(answer - wanted).max() for _, answer in answers)
    print(f"  {what} from {judge}: {largest:.1e}" + (f", allowed {bound:g}" if bound else ""))
    good = True
    for how, answer in answers if bound else []:
        others = np.count_nonzero(answer.argmax(1) != wanted.argmax(1))
        if not abs(answer - wanted).max() <= bound or others:
            print(f"oracle: {what}, {how}: {abs(answer - wanted).max():.1e} from {judge}, allowed is {bound:g}; "
                  f"another first class in {others} of {len(wanted)} pictures")
            good = False
    return good


def judge(name, path, images, ort, trained):
    """Prints a network's differences; whether they are within their bounds."""
    layers, preprocessing = mbn_file.read(path)
    parameters, x = parameters_of(mbn.Model.load(path)), numbers(images, preprocessing)
    exact = float64.evaluate(layers, parameters, x)
    rounded = float64.evaluate(layers, float64.with_bf16_products(layers, parameters), x)
    f32, bf16 = (list(our_answers(path, images, x, precision)) for precision in (mbn.PRECISION_F32, mbn.PRECISION_BF16))
    best = exact.max(1)
    print(f"{name}: {len(images)} pictures, {len(set(exact.argmax(1)))} first classes, "
          f"of probability {best.min():.2f} to {best.max():.2f}")
    good = compare("f32", f32, "float64", exact, BOUND)
    good &= compare("bf16", bf16, "float64 with its weights", rounded, BOUND)
    good &= compare("bf16", bf16, "float64", exact, BF16_BOUND if trained else None)
    if ort:
        answers = ort_answers(ort, layers, parameters, x, exact.shape[1])
        good &= compare("f32", f32, "ONNX Runtime", answers, BOUND)
        good &= compare("bf16", bf16, "ONNX Runtime", answers, BF16_BOUND if trained else None)
        compare("ONNX Runtime", [("", answers)], "float64", exact, None)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shared")
    parser.add_argument("--ort")
    parser.add_argument("--vww")
    options = parser.parse_args()
    photographs = [pictures.read_png(path) for path in sorted(glob.glob(f"{options.shared}/images/*.png"))]
    good = True
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "network.mbn")
        for seed, (name, settings) in enumerate(NETWORKS, FIRST_SEED):
            images = np.stack([pictures.resized(p, settings["height"], settings["width"]) for p in photographs])
            make(path, settings, images, seed)
            good &= judge(name, path, images, options.ort, trained=False)
    if options.vww:
        images = np.fromfile(f"{options.shared}/golden/vww_96.input.u8", np.uint8).reshape(-1, 96, 96, 3)
        good &= judge("visual wake words, 96 x 96, as trained", options.vww, images, options.ort, trained=True)
    print("oracle: " + ("every answer is within its bound" if good else "FAILED"))
    sys.exit(not good)


if __name__ == "__main__":
    main()
