"""Export scikit-learn's digits to data/digits.csv, the root of the pipeline. Not a stage.

Run once, by hand, in the folder of dvc.yaml: python src/export_digits.py && dvc add data/digits.csv
The 1797 images are the test set of "Optical Recognition of Handwritten Digits" (E. Alpaydin and
C. Kaynak, UCI Machine Learning Repository, 1998, doi:10.24432/C50P49, CC BY 4.0), in its order.
"""

from sklearn.datasets import load_digits

import table

if __name__ == "__main__":
    pixels, labels = load_digits(return_X_y=True)
    table.write("data/digits.csv", table.Digits(pixels.astype(int), labels))
