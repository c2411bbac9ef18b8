"""How good predictions are. Sums are exact (`math.fsum`), so that their order does not matter."""

import math

import numpy as np


def scores(labels, probabilities):
    """Accuracy, mean recall over the digits, and mean negative log-likelihood in nats."""
    share = probabilities[np.arange(len(labels)), labels]
    losses = [-math.log(max(p, 1e-6)) for p in share.tolist()]
    return {
        "accuracy": _rounded(np.mean(probabilities.argmax(axis=1) == labels)),
        "log_loss": _rounded(math.fsum(losses) / len(losses)),
        "mean_recall": _rounded(math.fsum(recalls(labels, probabilities)) / 10),
    }


def recalls(labels, probabilities):
    """Of each digit's images, the share that was recognised; ten numbers."""
    right = np.bincount(labels[probabilities.argmax(axis=1) == labels], minlength=10)
    return [_rounded(share) for share in right / np.bincount(labels, minlength=10)]


def paired(labels, first, second):
    """How often only one of two models is right, and how likely so uneven a split is by chance.

    `p_value` is that of the exact two-sided McNemar test (Q. McNemar, Psychometrika 12, 1947):
    the images that only one model gets right fall to either like a fair coin.
    """
    first_right = first.argmax(axis=1) == labels
    second_right = second.argmax(axis=1) == labels
    only_first = int(np.sum(first_right & ~second_right))
    only_second = int(np.sum(second_right & ~first_right))
    n, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
    return only_first, only_second, _rounded(min(1.0, 2 * tail))


def _rounded(value):
    # Six decimals are more than 540 images can tell, and fewer than CPUs agree on.
    return round(float(value), 6)
