"""What scikit-learn makes of the same data (sklearn_test.cpp runs this, with a folder of its own).

sklearn_compare.py prepare FOLDER   writes the tables, each cut into rows to fit on and others
sklearn_compare.py compare FOLDER   compares the tables that Convoy made of them, prints the largest
                                    differences and ends with 1 if one is beyond its tolerance
"""
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn import datasets, decomposition, impute, preprocessing

warnings.simplefilter("ignore")  # fewer rows than quantiles: both take the rows then

EVERY = 10**9  # rows to take quantiles of: all


def data_sets():
    return {
        "wine": datasets.load_wine().data,
        "breast_cancer": datasets.load_breast_cancer().data,
        "diabetes": datasets.load_diabetes(scaled=False).data,
        "iris": datasets.load_iris().data,
    }


def split(rows):
    """Three of four rows to fit on, the others to be transformed only."""
    other = np.arange(len(rows)) % 4 == 3
    return {"train": rows[~other], "test": rows[other]}


def with_missing(rows):
    holes = rows.copy()
    holes.flat[np.arange(3, holes.size, 11)] = np.nan
    return holes


def as_text(rows):
    """Each number as its third of the column's rows, the lowest few of the test rows unseen."""
    thirds = np.searchsorted(np.sort(rows), rows) * 3 // len(rows)
    return np.array(["low", "Mid", "top"], dtype=object)[thirds]


def text_tables(rows):
    tables = split(np.column_stack([as_text(column) for column in rows.T]))
    tables["test"][0, :] = "never seen"
    return tables


def tables_of(rows):
    positive = rows[:, (rows > 0).all(axis=0)]
    return {
        "plain": split(rows),
        "positive": split(positive),
        "missing": split(with_missing(rows)),
        "text": text_tables(rows),
    }


def write(path, rows):
    def field(x):
        return x if isinstance(x, str) else "" if np.isnan(x) else repr(float(x))

    with open(path, "w") as out:
        print(",".join([f"x{i}" for i in range(rows.shape[1])] + ["y"]), file=out)
        for i, row in enumerate(rows):
            print(",".join([field(x) for x in row] + [str(i + 0.5)]), file=out)


class Pca:
    """PCA with Convoy's signs: of each component's loadings the largest is positive (scikit-learn 1.2
    looks at the samples instead)."""

    def fit(self, rows):
        self.scaler = preprocessing.StandardScaler().fit(rows)
        self.pca = decomposition.PCA(whiten=True, svd_solver="full").fit(self.scaler.transform(rows))
        loadings = self.pca.components_
        largest = np.abs(loadings).argmax(axis=1)
        self.signs = np.sign(loadings[np.arange(len(loadings)), largest])
        return self

    def transform(self, rows):
        return self.pca.transform(self.scaler.transform(rows)) * self.signs


def quantiles(output):
    return preprocessing.QuantileTransformer(
        n_quantiles=100, output_distribution=output, subsample=EVERY)


# name: (what scikit-learn calls it, its tables, a fresh transformer, tolerance). The tables that
# come back hold 32-bit numbers, which explains 6e-8. Powers may differ by more: the likelihood is
# flat at its maximum.
CASES = {
    "standardise": ("StandardScaler", "plain", preprocessing.StandardScaler, 1e-6),
    "min_max": ("MinMaxScaler", "plain", preprocessing.MinMaxScaler, 1e-6),
    "robust": ("RobustScaler", "plain", preprocessing.RobustScaler, 1e-6),
    "quantile_uniform": ("QuantileTransformer", "plain", lambda: quantiles("uniform"), 1e-6),
    "quantile_normal": ("QuantileTransformer(normal)", "plain", lambda: quantiles("normal"), 1e-6),
    "box_cox": ("PowerTransformer(box-cox)", "positive",
                lambda: preprocessing.PowerTransformer(method="box-cox"), 1e-5),
    "yeo_johnson": ("PowerTransformer(yeo-johnson)", "plain", preprocessing.PowerTransformer, 1e-5),
    "one_hot": ("OneHotEncoder", "text",
                lambda: preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False), 0),
    "ordinal": ("OrdinalEncoder", "text",
                lambda: preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value",
                                                     unknown_value=-1), 0),
    "impute_mean": ("SimpleImputer(mean)", "missing",
                    lambda: impute.SimpleImputer(strategy="mean"), 1e-6),
    "impute_median": ("SimpleImputer(median)", "missing",
                      lambda: impute.SimpleImputer(strategy="median"), 1e-6),
    "impute_mode": ("SimpleImputer(most_frequent)", "missing",
                    lambda: impute.SimpleImputer(strategy="most_frequent"), 1e-6),
    "pca": ("StandardScaler, PCA(whiten)", "plain", Pca, 1e-6),
}


def prepare(folder):
    for name, rows in data_sets().items():
        for table, parts in tables_of(rows).items():
            for part, values in parts.items():
                write(folder / f"{name}.{table}.{part}.csv", values)


def difference(folder, case, data_set, transformer, parts):
    """The largest difference, as a part of 1 or of the number where that is larger."""
    largest = 0.0
    transformer.fit(parts["train"])
    for part, rows in parts.items():
        theirs = np.asarray(transformer.transform(rows), dtype=float)
        ours = np.loadtxt(folder / f"{case}.{data_set}.{part}.csv", delimiter=",", ndmin=2)
        if ours.shape != theirs.shape:
            sys.exit(f"{case}, {data_set}, {part}: {ours.shape} where scikit-learn has {theirs.shape}")
        apart = np.abs(ours - theirs) / np.maximum(1, np.abs(theirs))
        largest = max(largest, float(apart.max()))
    return largest


def compare(folder):
    tables = {name: tables_of(rows) for name, rows in data_sets().items()}
    print("| step | scikit-learn | " + " | ".join(tables) + " | tolerance |")
    print("| --- | --- |" + " ---: |" * (len(tables) + 1))
    failed = []
    for case, (name, table, make, tolerance) in CASES.items():
        apart = {data_set: difference(folder, case, data_set, make(), parts[table])
                 for data_set, parts in tables.items()}
        failed += [f"{case} of {data_set}" for data_set, x in apart.items() if not x <= tolerance]
        cells = " | ".join(f"{x:.1e}" if x else "0" for x in apart.values())
        print(f"| {case} | {name} | {cells} | {tolerance:g} |")
    if failed:
        sys.exit("beyond the tolerance: " + ", ".join(failed))


if __name__ == "__main__":
    {"prepare": prepare, "compare": compare}[sys.argv[1]](Path(sys.argv[2]))
