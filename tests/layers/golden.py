#!/usr/bin/env python3
"""Writes golden.inc: every layer of cases.h computed by PyTorch in float64, forward and backward.

Inputs and parameters come from a hash of their position, which rig.h computes too, so that only results are stored.
TensorFlow's "same" padding, which puts the odd pixel after, is padded by hand. Run with a Python that has torch:
python3 tests/layers/golden.py > tests/layers/golden.inc
"""
import math
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def hashed(shape, stream, centre=0.0, scale=1.0):
    """Float32 numbers in centre + scale * [-0.5, 0.5), as rig_fill makes them"""
    i = torch.arange(math.prod(shape), dtype=torch.int64)
    s = (i * 2654435761 + stream * 40503 + 12345) % 2**32
    s = ((s ^ (s >> 15)) * 2246822519) % 2**32
    s = s ^ (s >> 13)
    unit = (s.double() / 2**32 - 0.5).float()
    return (torch.tensor(centre, dtype=torch.float32) + scale * unit).double().reshape(shape)


def pads(size, kernel, stride, same):
    if not same:
        return 0, 0
    out = -(-size // stride)
    total = max((out - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def first(x):
    return x.permute(0, 3, 1, 2)


def last(x):
    return x.permute(0, 2, 3, 1)


def pad(x, kh, kw, sh, sw, same):
    """x channels first"""
    top, bottom = pads(x.shape[2], kh, sh, same)
    left, right = pads(x.shape[3], kw, sw, same)
    return F.pad(x, (left, right, top, bottom))


def convolve(x, kernel, bias, stride, same, groups=1):
    padded = pad(first(x), kernel.shape[0], kernel.shape[1], *stride, same)
    if groups > 1:
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    return last(F.conv2d(padded, kernel.permute(3, 2, 0, 1), bias, stride, groups=groups))


def conv(f, kh, kw, sh, sw, same, bias):
    def make(c):
        return [(kh, kw, c, f)] + ([(f,)] if bias else [])

    def run(x, p, training):
        return convolve(x, p[0], p[1] if bias else None, (sh, sw), same)

    return make, run


def depthwise(m, kh, kw, sh, sw, same, bias):
    def make(c):
        return [(kh, kw, c, m)] + ([(c * m,)] if bias else [])

    def run(x, p, training):
        return convolve(x, p[0], p[1] if bias else None, (sh, sw), same, x.shape[-1])

    return make, run


def separable(f, m, kh, kw, sh, sw, same, bias):
    def make(c):
        return [(kh, kw, c, m), (1, 1, c * m, f)] + ([(f,)] if bias else [])

    def run(x, p, training):
        middle = convolve(x, p[0], None, (sh, sw), same, x.shape[-1])
        return convolve(middle, p[1], p[2] if bias else None, (1, 1), False)

    return make, run


def norm(frozen=False):
    """PyTorch stores the unbiased variance always; the biased one of a vector is put in by hand."""

    def make(c):
        return [(c,)] * 4

    def run(x, p, training):
        training = training and not frozen
        rows = x.reshape(-1, x.shape[-1])
        mean, variance = p[2].detach().clone(), p[3].detach().clone()
        y = F.batch_norm(rows, mean, variance, p[0], p[1], training, 0.1, 1e-3)
        if training and x.dim() == 2:
            variance = 0.9 * p[3].detach() + 0.1 * rows.detach().var(0, unbiased=False)
        run.after = [mean, variance]
        return y.reshape(x.shape)

    run.frozen = frozen
    return make, run


def plain(function):
    return (lambda c: []), (lambda x, p, training: function(x))


def pool(ph, pw, sh, sw, same):
    def run(x):
        sums = F.avg_pool2d(pad(first(x), ph, pw, sh, sw, same), (ph, pw), (sh, sw))
        share = F.avg_pool2d(pad(torch.ones_like(first(x)), ph, pw, sh, sw, same), (ph, pw), (sh, sw))
        return last(sums / share)

    return plain(run)


def dense(units, bias):
    def make(c):
        return [(c, units)] + ([(units,)] if bias else [])

    def run(x, p, training):
        return x @ p[0] + (p[1] if bias else 0)

    return make, run


VALID, SAME = False, True
CASES = [
    ("conv_valid", 3, 2, (5, 7, 3), conv(4, 3, 3, 1, 1, VALID, 1)),
    ("conv_same", 1, 2, (5, 4, 3), conv(5, 3, 3, 1, 1, SAME, 1)),
    ("conv_same_stride2_even", 3, 2, (6, 8, 2), conv(3, 3, 3, 2, 2, SAME, 1)),
    ("conv_same_stride2_odd", 1, 2, (5, 7, 2), conv(3, 3, 3, 2, 2, SAME, 0)),
    ("conv_asymmetric", 2, 2, (6, 7, 2), conv(3, 2, 5, 1, 3, SAME, 0)),
    ("conv_kernel_beyond_picture", 2, 2, (2, 3, 2), conv(2, 5, 6, 1, 1, SAME, 1)),
    ("conv_pointwise", 3, 2, (4, 5, 6), conv(5, 1, 1, 1, 1, VALID, 1)),
    ("conv_pointwise_stride2", 2, 2, (5, 6, 4), conv(3, 1, 1, 2, 2, SAME, 1)),
    ("depthwise_valid", 3, 2, (5, 6, 4), depthwise(1, 3, 3, 1, 1, VALID, 1)),
    ("depthwise_same", 1, 2, (4, 5, 7), depthwise(1, 3, 3, 1, 1, SAME, 0)),
    ("depthwise_same_stride2", 3, 2, (6, 7, 5), depthwise(1, 3, 3, 2, 2, SAME, 1)),
    ("depthwise_multiplier2", 1, 2, (5, 5, 3), depthwise(2, 3, 3, 1, 1, SAME, 1)),
    ("depthwise_multiplier2_stride2", 3, 2, (6, 5, 3), depthwise(2, 3, 3, 2, 2, SAME, 1)),
    ("depthwise_asymmetric", 2, 2, (7, 6, 3), depthwise(1, 5, 2, 2, 1, VALID, 0)),
    ("separable_stride2", 3, 2, (6, 5, 3), separable(4, 2, 3, 3, 2, 2, SAME, 1)),
    ("separable_valid", 1, 2, (5, 5, 2), separable(3, 1, 3, 2, 1, 1, VALID, 0)),
    ("norm_map", 3, 6, (4, 5, 6), norm()),
    ("norm_vector", 5, 6, (7,), norm()),
    ("norm_one_picture", 1, 6, (3, 3, 4), norm()),
    ("norm_frozen", 3, 6, (3, 4, 5), norm(frozen=True)),
    ("relu", 3, 2, (4, 5, 3), plain(F.relu)),
    ("relu6", 2, 20, (37,), plain(F.relu6)),
    ("zero_padding", 2, 2, (3, 4, 2), plain(lambda x: F.pad(x, (0, 0, 2, 3, 0, 1)))),
    ("pool_valid", 2, 2, (5, 6, 3), pool(2, 2, 2, 2, VALID)),
    ("pool_same", 3, 2, (5, 6, 2), pool(3, 2, 2, 1, SAME)),
    ("pool_beyond_picture", 1, 2, (3, 4, 2), pool(7, 9, 1, 2, SAME)),
    ("global_average", 3, 2, (4, 5, 7), plain(lambda x: x.mean((1, 2)))),
    ("global_max", 3, 2, (4, 5, 7), plain(lambda x: x.amax((1, 2)))),
    ("dense", 3, 2, (11,), dense(6, 1)),
    ("dense_one", 1, 2, (9,), dense(4, 0)),
    ("dense_map", 2, 2, (3, 2, 5), dense(4, 1)),
    ("softmax", 3, 16, (7,), plain(lambda x: x.softmax(-1))),
    ("softmax_map", 2, 4, (2, 3, 5), plain(lambda x: x.softmax(-1))),
]


def array(name, values):
    numbers = values.detach().reshape(-1).tolist()
    print(f"static const float {name}[] = {{")
    for i in range(0, len(numbers), 10):
        print("    " + ", ".join(f"{v:.8e}f" for v in numbers[i:i + 10]) + ",")
    print("};")
    return f"{name}, {len(numbers)}"


def main():
    print("/* Written by golden.py: PyTorch in float64. */")
    print("/* clang-format off */")
    rows = []
    for name, batch, scale, shape, (make, run) in CASES:
        x = hashed((batch,) + shape, 1, 0.0, scale).requires_grad_(True)
        is_norm = name.startswith("norm")
        p = []
        for i, dims in enumerate(make(shape[-1])):
            p.append(hashed(dims, 10 + i, 1.0 if is_norm and i in (0, 3) else 0.0).requires_grad_(True))
        y = run(x, p, True)
        (y * hashed(tuple(y.shape), 2, 0.0, 2.0)).sum().backward()
        fields = [array(name + "_y", y), array(name + "_d_x", x.grad)]
        trained = p[:2] if is_norm else p
        if getattr(run, "frozen", False):
            trained = []
        grads = [array(f"{name}_d_{i}", q.grad) for i, q in enumerate(trained)]
        grads += ["NULL, 0"] * (4 - len(grads))
        extra = ["NULL, 0"] * 3
        if is_norm:
            extra = [array(f"{name}_{what}", v) for what, v in zip(("mean", "variance"), run.after)]
            with torch.no_grad():
                extra.append(array(name + "_predicted", run(x, p, False)))
        fields.append("{{" + "}, {".join(grads) + "}}")
        row = "{" + "}, {".join(fields[:2]) + "}, " + fields[2] + ", {" + "}, {".join(extra) + "}"
        rows.append(f'    {{"{name}", {row}}},')
    print("static const golden goldens[] = {")
    print("\n".join(rows))
    print("};")


main()
