#!/usr/bin/env python3
"""Writes golden_mobilenet.inc: MobileNet V1 (alpha 0.25, shallow, 64 x 64, 10 classes) trained for three steps by PyTorch in float64.

Weights and pictures come from a hash of their position, which the C test computes too, so that nothing large is stored.
Run with a Python that has torch: python3 tests/train/golden.py > tests/train/golden_mobilenet.inc
"""
import torch
import torch.nn.functional as F

BATCH, CLASSES, RATE, MOMENTUM, STEPS = 16, 10, 0.002, 0.9, 3
BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + [(1024, 2), (1024, 1)]
torch.set_default_dtype(torch.float64)


def hashed(count, stream):
    """count numbers in [-0.5, 0.5), and the 32-bit hashes that they come from"""
    i = torch.arange(count, dtype=torch.int64)
    s = (i * 2654435761 + stream * 40503 + 12345) % 2**32
    s = ((s ^ (s >> 15)) * 2246822519) % 2**32
    s = s ^ (s >> 13)
    return s.double() / 2**32 - 0.5, s


def as_f32(values):
    return values.float().double()


stream = 0
parameters = []


def parameter(shape, centre, width):
    """One parameter in our layout; streams count parameters in the model's order."""
    global stream
    count = 1
    for n in shape:
        count *= n
    value = as_f32(centre + width * hashed(count, stream)[0]).reshape(shape).requires_grad_(True)
    stream += 1
    parameters.append(value)
    return value


class Norm:
    def __init__(self, c):
        global stream
        self.gamma, self.beta = parameter([c], 1, 0.4), parameter([c], 0, 0.4)
        self.mean, self.var = torch.zeros(c), torch.ones(c)
        stream += 2

    def __call__(self, x, training):
        y = F.batch_norm(x, self.mean, self.var, self.gamma, self.beta, training, 0.01, 1e-3)
        return F.relu6(y)


class Net:
    def __init__(self):
        c = 8
        self.conv1, self.bn1 = parameter([3, 3, 3, c], 0, 2 * (6 / 27) ** 0.5), Norm(c)
        self.blocks = []
        for filters, stride in BLOCKS:
            filters //= 4
            dw, bn_dw = parameter([3, 3, c, 1], 0, 2 * (6 / 9) ** 0.5), Norm(c)
            pw, bn_pw = parameter([1, 1, c, filters], 0, 2 * (6 / c) ** 0.5), Norm(filters)
            self.blocks.append((stride, dw, bn_dw, pw, bn_pw))
            c = filters
        self.head = parameter([1, 1, c, CLASSES], 0, 2 * (6 / c) ** 0.5)
        self.bias = parameter([CLASSES], 0, 0.1)

    def logits(self, x, training):
        x = F.conv2d(F.pad(x, (0, 1, 0, 1)), self.conv1.permute(3, 2, 0, 1), stride=2)
        x = self.bn1(x, training)
        for stride, dw, bn_dw, pw, bn_pw in self.blocks:
            kernel = dw.permute(2, 3, 0, 1)
            if stride == 2:
                x = F.conv2d(F.pad(x, (0, 1, 0, 1)), kernel, stride=2, groups=kernel.shape[0])
            else:
                x = F.conv2d(x, kernel, padding=1, groups=kernel.shape[0])
            x = bn_dw(x, training)
            x = bn_pw(F.conv2d(x, pw.permute(3, 2, 0, 1)), training)
        return x.mean((2, 3)) @ self.head[0, 0] + self.bias


net = Net()
pictures = (hashed(BATCH * 64 * 64 * 3, 777)[1] >> 24).reshape(BATCH, 64, 64, 3).double()
x = (pictures / 127.5 - 1).permute(0, 3, 1, 2)
y = torch.arange(BATCH) % CLASSES
velocity = [torch.zeros_like(p) for p in parameters]
losses = []
for _ in range(STEPS):
    loss = F.cross_entropy(net.logits(x, True), y)
    gradients = torch.autograd.grad(loss, parameters)
    losses.append(loss.item())
    with torch.no_grad():
        for p, v, g in zip(parameters, velocity, gradients):
            v.mul_(MOMENTUM).sub_(RATE * g)
            p.add_(v)
with torch.no_grad():
    probabilities = torch.softmax(net.logits(x, False), 1).flatten()

print("/* Written by golden.py: PyTorch %s, float64. */" % torch.__version__)
print("static const double golden_losses[] = {%s};" % ", ".join("%.10f" % v for v in losses))
print("static const double golden_probabilities[] = {")
for i in range(0, len(probabilities), CLASSES):
    print("    " + ", ".join("%.10f" % v for v in probabilities[i:i + CLASSES]) + ",")
print("};")
print("static const double golden_conv1[] = {%s};" % ", ".join("%.10f" % v for v in net.conv1.flatten()[:8]))
print("static const double golden_mean[] = {%s};" % ", ".join("%.10f" % v for v in net.bn1.mean))
