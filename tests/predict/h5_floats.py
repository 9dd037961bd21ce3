#!/usr/bin/env python3
"""Writes the weights of a Keras .h5 file to stdout as little-endian f32, in the order of its layers.

    h5_floats.py FILE
Needs h5py (Debian: python3-h5py).
"""
import sys

import h5py
import numpy

with h5py.File(sys.argv[1], "r") as file:
    layers = file["model_weights"] if "model_weights" in file else file
    for layer in layers.attrs["layer_names"]:
        group = layers[layer]
        for name in group.attrs["weight_names"]:
            sys.stdout.buffer.write(numpy.asarray(group[name], dtype="<f4").tobytes())
