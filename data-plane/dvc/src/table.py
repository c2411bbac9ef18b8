"""The digit tables: 64 pixels (row by row, ink from 0 to 16) and the digit, one image a line."""

from typing import NamedTuple

import numpy as np

COLUMNS = [f"pixel_{row}{column}" for row in range(8) for column in range(8)] + ["digit"]


class Digits(NamedTuple):
    """Images in the order of their file."""

    pixels: np.ndarray
    """Integers, shape (images, 64)."""
    labels: np.ndarray
    """Integers from 0 to 9, shape (images,)."""

    def where(self, mask):
        """The images for which `mask` holds."""
        return Digits(self.pixels[mask], self.labels[mask])


def read(path):
    """Read a table.

    Raises:
        ValueError: another header, or a value that is not an integer.
    """
    with open(path, encoding="ascii") as file:
        if file.readline().rstrip("\r\n").split(",") != COLUMNS:
            raise ValueError(f"{path}: the header is not pixel_00,...,pixel_77,digit")
        values = np.loadtxt(file, dtype=np.int64, delimiter=",", ndmin=2)
    return Digits(values[:, :-1], values[:, -1])


def write(path, digits):
    """Write a table; equal images give equal bytes, whatever the platform."""
    rows = np.column_stack(digits)
    np.savetxt(path, rows, fmt="%d", delimiter=",", header=",".join(COLUMNS), comments="")
