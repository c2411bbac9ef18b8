"""Compare the saved models on the test images and choose the better: `evaluate.py pca zones`.

The models are read from their files, as a server would, so that what is written here stands for
the files themselves. Writes per model ../models/BRANCH-predictions.csv, in the order of
data/prepared/test.csv; metrics.json; recall.csv; and ../models/best.json.
"""

import csv
import json
import sys
from pathlib import Path

from threadpoolctl import threadpool_limits

import archive
import settings
import table
from scores import paired, recalls, scores


def predict(branch, digits):
    """Probabilities of the ten digits for each image, to six decimals."""
    with threadpool_limits(1):
        return archive.load(f"../models/{branch}.skops").predict_proba(digits.pixels).round(6)


def write_predictions(branch, labels, probabilities):
    header = ["actual", "predicted", *(f"p{digit}" for digit in range(10))]
    rows = (
        [label, row.argmax(), *(f"{p:.6f}" for p in row)]
        for label, row in zip(labels, probabilities, strict=True)
    )
    write_csv(f"../models/{branch}-predictions.csv", header, rows)


def write_csv(path, header, rows):
    with open(path, "w", encoding="ascii", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def write_json(path, value):
    Path(path).write_text(json.dumps(value, indent=2) + "\n", "ascii", newline="\n")


if __name__ == "__main__":
    first, second = sys.argv[1:]
    measure = settings.read("evaluate", "choose_by")
    test = table.read("data/prepared/test.csv")
    found = {branch: predict(branch, test) for branch in (first, second)}
    metrics = {branch: scores(test.labels, found[branch]) for branch in found}
    only_first, only_second, p_value = paired(test.labels, found[first], found[second])
    better = min if measure == "log_loss" else max
    best = better(metrics, key=lambda branch: metrics[branch][measure])

    for branch, probabilities in found.items():
        write_predictions(branch, test.labels, probabilities)
    per_digit = [
        (f"{branch} {digit}", recall)
        for branch, probabilities in found.items()
        for digit, recall in enumerate(recalls(test.labels, probabilities))
    ]
    write_csv("recall.csv", ["branch and digit", "recall"], per_digit)
    write_json("metrics.json", {**metrics, "test_images": len(test.labels)})
    choice = {
        "model": f"{best}.skops",
        "chosen_by": measure,
        f"right_only_{first}": only_first,
        f"right_only_{second}": only_second,
        "p_value": p_value,
    }
    write_json("../models/best.json", choice)
