"""MNIST, an option: 11 MB, downloaded once."""

from typing import Literal

import numpy as np

from kexue.data._download import fetch
from kexue.data._table import Card, Table, make_table

__all__ = ["CARDS", "mnist"]

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


def mnist(part: Literal["train", "test"] = "train", standardize: bool = False) -> Table:
    """Handwritten digits as images of 28 × 28 pixels. The first call downloads 11 MB.

    Parameters
    ----------
    part : {"train", "test"}
        The two parts of the original: 60,000 and 10,000 images.
    standardize : bool
        Shift and scale each pixel to mean 0 and variance 1 over this part; pixels that never change become 0.

    Returns
    -------
    Table
        inputs (60000 or 10000, 784), integers from 0 (paper) to 255 (ink), row by row; targets in {0, …, 9}.

    Raises
    ------
    ValueError
        If ``part`` is another word, or if the file arrives with a wrong checksum.
    ConnectionError
        If there is no network and the file is not in the cache folder.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
    """
    if part not in ("train", "test"):
        raise ValueError(f"part={part!r} is not allowed: choose 'train' or 'test'.")
    with np.load(fetch(URL, SHA256, "mnist.npz"), allow_pickle=False) as archive:
        images, labels = archive[f"x_{part}"], archive[f"y_{part}"]
    height, width = images.shape[1:]
    names = tuple(f"pixel_{row}_{column}" for row in range(height) for column in range(width))
    classes = tuple(str(digit) for digit in range(10))
    return make_table(images.reshape(len(images), -1), labels, names, classes, standardize)


CARDS = (
    Card(
        name="mnist",
        what="handwritten digits, 28 × 28 pixels with values 0 to 255; which digit?",
        size="70,000 rows × 784 columns, 10 classes; 11 MB to download",
        source=f"LeCun, Cortes and Burges, 'The MNIST database of handwritten digits', 1998; from {URL}",
        licence="CC BY-SA 3.0; © Yann LeCun and Corinna Cortes",
        splits="train (60,000 rows) and test (10,000 rows), written by different people",
    ),
)
