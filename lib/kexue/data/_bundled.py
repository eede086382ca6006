"""Tables that scikit-learn carries: no network needed. Its files are read, scikit-learn itself is not imported."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from kexue.data._table import Card, Table, make_table

__all__ = ["CARDS", "breast_cancer", "diabetes", "digits", "wine"]


def diabetes(standardize: bool = False) -> Table:
    """Ten measurements on 442 patients; the target is the progression of diabetes one year later.

    Parameters
    ----------
    standardize : bool
        Shift and scale each input column to mean 0 and variance 1 over all rows. Targets stay as they are.

    Returns
    -------
    Table
        inputs (442, 10) in the source's units, targets (442,) between 25 and 346.

    Raises
    ------
    ModuleNotFoundError
        If scikit-learn is not installed.

    Examples
    --------
    >>> table = diabetes()
    >>> print(table.names[:3], table.inputs[0, :3], table.targets[0])
    ('age', 'sex', 'bmi') [59.   2.  32.1] 151.0

    References
    ----------
    Efron, Hastie, Johnstone and Tibshirani, "Least angle regression", Annals of Statistics, 2004; arXiv:math/0406456.
    """
    return _read("diabetes", standardize)


def breast_cancer(standardize: bool = False) -> Table:
    """Thirty measurements of cell nuclei in 569 breast tissue samples, malignant or benign.

    Parameters
    ----------
    standardize : bool
        Shift and scale each input column to mean 0 and variance 1 over all rows.

    Returns
    -------
    Table
        inputs (569, 30) in the source's units, targets (569,): 0 malignant (212 rows), 1 benign (357 rows).

    Raises
    ------
    ModuleNotFoundError
        If scikit-learn is not installed.

    Examples
    --------
    >>> table = breast_cancer()
    >>> print(table.inputs.shape, table.classes)
    (569, 30) ('malignant', 'benign')

    References
    ----------
    Street, Wolberg and Mangasarian, "Nuclear feature extraction for breast tumor diagnosis", SPIE 1905, 1993.
    """
    return _read("breast_cancer", standardize)


def wine(standardize: bool = False) -> Table:
    """Chemical analyses of 178 wines by three growers of one region; columns differ in scale by a factor of 1,000.

    Parameters
    ----------
    standardize : bool
        Shift and scale each input column to mean 0 and variance 1 over all rows.

    Returns
    -------
    Table
        inputs (178, 13) in the source's units, targets (178,) in {0, 1, 2}.

    Raises
    ------
    ModuleNotFoundError
        If scikit-learn is not installed.

    Examples
    --------
    >>> table = wine()
    >>> print(table.names[-1], table.inputs[:, -1].max())
    proline 1680.0

    References
    ----------
    Aeberhard, Coomans and de Vel, "Comparative analysis of statistical pattern recognition methods in high
    dimensional settings", Pattern Recognition 27, 1994.
    """
    return _read("wine", standardize)


def digits(standardize: bool = False) -> Table:
    """Handwritten digits as images of 8 × 8 pixels.

    Parameters
    ----------
    standardize : bool
        Shift and scale each pixel to mean 0 and variance 1 over all rows; the pixels that never change become 0.

    Returns
    -------
    Table
        inputs (1797, 64), integers from 0 (paper) to 16 (ink), row by row; targets (1797,) in {0, …, 9}.

    Raises
    ------
    ModuleNotFoundError
        If scikit-learn is not installed.

    Examples
    --------
    >>> table = digits()
    >>> print(table.inputs.reshape(-1, 8, 8).shape, table.targets[:4])
    (1797, 8, 8) [0 1 2 3]

    References
    ----------
    Alpaydin and Kaynak, "Cascading classifiers", Kybernetika 34, 1998.
    """
    return _read("digits", standardize)


_MEASURES: tuple[str, ...] = ("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity")
_MEASURES += ("concave points", "symmetry", "fractal dimension")
_NAMES = {
    "diabetes": ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
    "breast_cancer": (
        *(f"mean {name}" for name in _MEASURES),
        *(f"{name} error" for name in _MEASURES),
        *(f"worst {name}" for name in _MEASURES),
    ),
    "wine": (
        "alcohol",
        "malic_acid",
        "ash",
        "alcalinity_of_ash",
        "magnesium",
        "total_phenols",
        "flavanoids",
        "nonflavanoid_phenols",
        "proanthocyanins",
        "color_intensity",
        "hue",
        "od280/od315_of_diluted_wines",
        "proline",
    ),
    "digits": tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8)),
}


def _folder(name: str) -> Path:
    """Where scikit-learn keeps its files. To find it does not import it, which would take two seconds."""
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        raise ModuleNotFoundError(
            f"kexue.data.{name} reads a file of scikit-learn, which is not installed: pip install scikit-learn"
        )
    return Path(found.origin).parent / "datasets" / "data"


def _read(name: str, standardize: bool) -> Table:
    folder = _folder(name)
    if name == "diabetes":
        inputs = np.loadtxt(folder / "diabetes_data_raw.csv.gz")
        targets = np.loadtxt(folder / "diabetes_target.csv.gz")
        classes: tuple[str, ...] = ()
    elif name == "digits":
        rows = np.loadtxt(folder / "digits.csv.gz", delimiter=",")
        inputs, targets, classes = rows[:, :-1], rows[:, -1].astype(int), tuple("0123456789")
    else:
        path = folder / {"wine": "wine_data.csv", "breast_cancer": "breast_cancer.csv"}[name]
        with path.open(encoding="utf-8") as file:  # rows, columns, the names of the classes; then the rows
            classes = tuple(file.readline().strip().split(",")[2:])
            rows = np.loadtxt(file, delimiter=",")
        inputs, targets = rows[:, :-1], rows[:, -1].astype(int)
    return make_table(inputs, targets, _NAMES[name], classes, standardize)


_NO_SPLIT = "none given; kexue.data.split draws one"

CARDS = (
    Card(
        name="diabetes",
        what="age, sex, body mass index, blood pressure and six blood serum measurements; predict the progression of "
        "the disease one year later",
        size="442 rows × 10 columns, one number to predict",
        source="Efron, Hastie, Johnstone and Tibshirani, 'Least angle regression', 2004; carried by scikit-learn",
        licence="none stated by the authors; distributed with scikit-learn, whose licence is BSD-3-Clause",
        splits=_NO_SPLIT,
    ),
    Card(
        name="breast_cancer",
        what="thirty measurements of the cell nuclei in a fine needle aspirate; malignant or benign?",
        size="569 rows × 30 columns, 2 classes (212 malignant, 357 benign)",
        source="Wolberg, Mangasarian, Street and Street, 'Breast Cancer Wisconsin (Diagnostic)', UCI Machine Learning "
        "Repository, 1993, doi:10.24432/C5DW2B; carried by scikit-learn",
        licence="CC BY 4.0",
        splits=_NO_SPLIT,
    ),
    Card(
        name="wine",
        what="thirteen chemical measurements of wines from one region of Italy; which of three growers?",
        size="178 rows × 13 columns, 3 classes (59, 71, 48)",
        source="Aeberhard and Forina, 'Wine', UCI Machine Learning Repository, 1992, doi:10.24432/C5PC7J; carried by "
        "scikit-learn",
        licence="CC BY 4.0",
        splits=_NO_SPLIT,
    ),
    Card(
        name="digits",
        what="handwritten digits, 8 × 8 pixels with values 0 to 16; which digit?",
        size="1,797 rows × 64 columns, 10 classes",
        source="Alpaydin and Kaynak, 'Optical Recognition of Handwritten Digits', UCI Machine Learning Repository, "
        "1998, doi:10.24432/C50P49; carried by scikit-learn",
        licence="CC BY 4.0",
        splits="these rows are the test part of the original, by 13 writers who did not write the training part, which "
        "scikit-learn does not carry; kexue.data.split mixes the writers",
    ),
)
