#!/usr/bin/env python3
"""The training step of `benchmark train` in PyTorch: channels last, Adam. Prints one flat JSON object.

train_step.py [--cifar] [--shallow] [--threads T] [--batch B] [--steps N]
"""
import argparse
import json
import time

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--cifar", action="store_true", help="the stem of stride 1")
parser.add_argument("--shallow", action="store_true", help="without the five 512-channel stride-1 blocks")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--steps", type=int, default=9)
options = parser.parse_args()
torch.set_num_threads(options.threads)
torch.manual_seed(0)


def peak_bytes():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return -1


def unit(c_in, c_out, kernel, stride, groups):
    conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(c_out), nn.ReLU6(inplace=True)]


# Data first: what the process grows by afterwards is what training needs.
x = torch.randn(options.batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
y = torch.randint(0, 10, (options.batch,))
bytes_before = peak_bytes()

blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
blocks += [(512, 1)] * (0 if options.shallow else 5) + [(1024, 2), (1024, 1)]
layers, c = unit(3, 32, 3, 1 if options.cifar else 2, 1), 32
for filters, stride in blocks:
    layers += unit(c, c, 3, stride, c) + unit(c, filters, 1, 1, 1)
    c = filters
net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10)).train()
net = net.to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
loss = nn.CrossEntropyLoss()
times = []
for step in range(options.steps + 2):
    began = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    loss(net(x), y).backward()
    optimizer.step()
    if step >= 2:
        times.append(1e3 * (time.perf_counter() - began))
times.sort()
print(json.dumps({
    "work": "train", "version": torch.__version__, "threads": options.threads, "batch": options.batch,
    "median_ms": times[len(times) // 2], "memory_bytes": peak_bytes() - bytes_before,
}))
