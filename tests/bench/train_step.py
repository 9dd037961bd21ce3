#!/usr/bin/env python3
"""The training step of tests/bench/train_step.c in PyTorch: channels last, Adam, batch 128.

train_step.py [full|shallow] [threads] [steps]
"""
import sys
import time

import torch
from torch import nn

variant = sys.argv[1] if len(sys.argv) > 1 else "full"
threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
steps = int(sys.argv[3]) if len(sys.argv) > 3 else 9
torch.set_num_threads(threads)
torch.manual_seed(0)


def unit(c_in, c_out, kernel, stride, groups):
    conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(c_out), nn.ReLU6(inplace=True)]


blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
blocks += [(512, 1)] * (5 if variant == "full" else 0) + [(1024, 2), (1024, 1)]
layers, c = unit(3, 32, 3, 2, 1), 32
for filters, stride in blocks:
    layers += unit(c, c, 3, stride, c) + unit(c, filters, 1, 1, 1)
    c = filters
net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10)).train()
net = net.to(memory_format=torch.channels_last)
x = torch.randn(128, 3, 32, 32).contiguous(memory_format=torch.channels_last)
y = torch.randint(0, 10, (128,))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
loss = nn.CrossEntropyLoss()
times = []
for step in range(steps + 2):
    began = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    loss(net(x), y).backward()
    optimizer.step()
    if step >= 2:
        times.append(1e3 * (time.perf_counter() - began))
times.sort()
print("PyTorch %s, %s, %d threads: median_ms %.1f" % (torch.__version__, variant, threads, times[len(times) // 2]))
