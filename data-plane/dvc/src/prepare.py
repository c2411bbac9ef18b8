"""Check the images and split them into data/prepared/train.csv and data/prepared/test.csv."""

import hashlib
from pathlib import Path

import numpy as np

import settings
import table


def check(digits):
    """Refuse a table that would train a misleading model.

    Raises:
        ValueError: a value out of range, an image that occurs twice, or a missing digit.
    """
    if digits.pixels.min() < 0 or digits.pixels.max() > 16:
        raise ValueError("pixels must be from 0 to 16")
    if set(digits.labels) != set(range(10)):
        raise ValueError("labels must be the digits from 0 to 9, each at least once")
    _, counts = np.unique(digits.pixels, axis=0, return_counts=True)
    if counts.max() > 1:
        raise ValueError("an image occurs twice; it could stand in both train.csv and test.csv")


def is_test(digits, test_share, seed):
    """Which images are for testing: of each digit, the share with the lowest keyed hashes.

    An image's place depends on its pixels and the seed, not on its line: data that is added or
    reordered moves no image from one side to the other, except near the border.
    """

    def rank(image):
        return hashlib.blake2b(image.tobytes(), key=str(seed).encode(), digest_size=16).hexdigest()

    ranks = np.array([rank(image) for image in digits.pixels.astype(np.uint8)])
    mask = np.zeros(len(ranks), dtype=bool)
    for digit in range(10):
        (members,) = np.nonzero(digits.labels == digit)
        ordered = members[np.argsort(ranks[members])]
        mask[ordered[: round(test_share * len(ordered))]] = True
    return mask


if __name__ == "__main__":
    digits = table.read("data/digits.csv")
    check(digits)
    test = is_test(digits, **settings.read("prepare"))
    Path("data/prepared").mkdir(parents=True, exist_ok=True)
    table.write("data/prepared/train.csv", digits.where(~test))
    table.write("data/prepared/test.csv", digits.where(test))
