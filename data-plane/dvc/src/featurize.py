"""Turn the training images into the features of one branch: `featurize.py pca` or `... zones`.

Both kinds of feature are a linear map of the pixels, kept as matrix.npy for the model to apply.
"""

import sys
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import settings
import table

GRID = 2.0**-20


def pca(pixels, components):
    """The leading principal components, shape (64, components), rounded to multiples of `GRID`.

    A CPU decides the last bits of a decomposition, which mean nothing. Without them all products
    with whole pixels are sums that a double holds exactly, in any order, on any CPU.
    """
    axes = np.linalg.svd(pixels - pixels.mean(axis=0), full_matrices=False)[2][:components].T
    peaks = np.abs(axes).argmax(axis=0)
    axes *= np.sign(axes[peaks, np.arange(components)])  # an axis has no sign of its own
    return np.round(axes / GRID) * GRID + 0.0  # no negative zeros


def zones(block):
    """Ink per block of `block` x `block` pixels, per row and per column: zeros and ones."""
    row, column = np.divmod(np.arange(64), 8)
    groups = [row // block * 8 + column // block, row, column]
    return np.hstack([np.equal.outer(group, np.unique(group)) for group in groups]).astype(np.int16)


if __name__ == "__main__":
    branch = sys.argv[1]
    options = settings.read("featurize", branch)
    train = table.read("data/prepared/train.csv")
    with threadpool_limits(1):
        matrix = pca(train.pixels, **options) if branch == "pca" else zones(**options)
    folder = Path("data/features", branch)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "matrix.npy", matrix)
    np.save(folder / "features.npy", train.pixels.astype(matrix.dtype) @ matrix)
    np.save(folder / "labels.npy", train.labels.astype(np.uint8))
