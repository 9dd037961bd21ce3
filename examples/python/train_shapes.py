#!/usr/bin/env python3
"""Builds a small MobileNet, trains it for two epochs on drawn pictures, predicts, and shows what an error looks like."""
import sys

import numpy as np

import mobilenet as mbn


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    x, y = mbn.shapes(count, 32, 32, seed=1)
    model = mbn.Model.mobilenet(height=32, width=32, classes=10, alpha=0.25, stem_stride=1, seed=1)
    print(f"libmobilenet {mbn.version()}, {model.parameters()[0]:,} parameters, {count:,} pictures")

    def progress(event):
        print(f"\repoch {event.epoch + 1}/{event.epochs}: {event.samples}/{event.training_samples} "
              f"loss {event.loss:.4f} acc {event.accuracy:.4f}", end="", flush=True)

    def epoch_done(event):
        print(f" val_acc {event.val_accuracy:.4f} ({event.seconds:.1f} s)")

    model.compile(optimizer=mbn.OPTIMIZER_ADAM, learning_rate=2e-3)
    model.fit(x, y, epochs=2, batch_size=32, validation_split=0.1, seed=1, on_batch_end=progress,
              on_epoch_end=epoch_done)

    probabilities = model.predict(x[:8])
    for row, label in zip(probabilities, y[:8]):
        best = int(np.argmax(row))
        print(f"{mbn.shapes_label(label):>10} -> {mbn.shapes_label(best)} ({row[best]:.2f})")

    try:
        mbn.Model.mobilenet(height=32, width=32, alpha=-1)
    except mbn.MobileNetError as error:
        print(f"{error.status}: {error}")


if __name__ == "__main__":
    main()
