"""Train the model of one branch: `train.py pca` or `train.py zones`.

Writes ../models/BRANCH.skops, which takes pixels and gives a digit, and ../models/BRANCH.npz, what
was learned as plain numbers, which can be compared within a tolerance.
"""

import sys

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from threadpoolctl import threadpool_limits

import archive
import settings


def untrained(branch, options):
    """The classifier of a branch; `options` are scikit-learn's own."""
    kind = {"pca": LogisticRegression, "zones": RandomForestClassifier}[branch]
    return kind(**options)


def learned(classifier):
    """What a classifier learned: its coefficients, or the nodes of its trees one after another."""
    if isinstance(classifier, LogisticRegression):
        return {"coefficients": classifier.coef_, "intercepts": classifier.intercept_}
    trees = [member.tree_ for member in classifier.estimators_]
    counts = [tree.value[:, 0] * tree.weighted_n_node_samples[:, None] for tree in trees]
    return {
        "nodes": np.array([tree.node_count for tree in trees]),
        "feature": np.concatenate([tree.feature for tree in trees]),
        "threshold": np.concatenate([tree.threshold for tree in trees]),
        "left": np.concatenate([tree.children_left for tree in trees]),
        "right": np.concatenate([tree.children_right for tree in trees]),
        "images": np.rint(np.concatenate(counts)).astype(np.int32),
    }


if __name__ == "__main__":
    branch = sys.argv[1]
    classifier = untrained(branch, settings.read("train", branch))
    matrix, features, labels = (
        np.load(f"data/features/{branch}/{name}.npy") for name in ("matrix", "features", "labels")
    )
    with threadpool_limits(1):
        classifier.fit(features.astype(float), labels)
    to_features = FunctionTransformer(np.dot, kw_args={"b": matrix.astype(float)})
    archive.save(make_pipeline(to_features, classifier), f"../models/{branch}.skops")
    archive.save_arrays(learned(classifier), f"../models/{branch}.npz")
