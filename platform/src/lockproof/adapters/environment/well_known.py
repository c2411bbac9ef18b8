"""What well-known packages have needed in every version: without it a file of pins is not whole.

Only an index knows what the others need. This is what can be said without one, and so at the gate;
whatever an older or newer version does not need is left out.
"""

from collections.abc import Mapping, Set

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "boto3": ("botocore", "jmespath", "s3transfer"),
    "botocore": ("jmespath", "python-dateutil", "urllib3"),
    "catboost": ("numpy", "pandas", "scipy"),
    "datasets": ("huggingface-hub", "numpy", "pandas", "pyarrow"),
    "fastapi": ("pydantic", "starlette"),
    "flask": ("click", "itsdangerous", "jinja2", "werkzeug"),
    "gensim": ("numpy", "scipy", "smart-open"),
    "h5py": ("numpy",),
    "httpx": ("certifi", "httpcore", "idna"),
    "imbalanced-learn": ("joblib", "numpy", "scikit-learn", "scipy"),
    "jinja2": ("markupsafe",),
    "lightgbm": ("numpy", "scipy"),
    "matplotlib": ("cycler", "kiwisolver", "numpy", "pillow", "pyparsing", "python-dateutil"),
    "mlflow": ("numpy", "pandas", "sqlalchemy"),
    "nltk": ("click", "joblib", "regex", "tqdm"),
    "numba": ("llvmlite", "numpy"),
    "opencv-python": ("numpy",),
    "optuna": ("numpy", "sqlalchemy", "tqdm"),
    "pandas": ("numpy", "python-dateutil"),
    "patsy": ("numpy",),
    "pydantic": ("typing-extensions",),
    "python-dateutil": ("six",),
    "requests": ("certifi", "idna", "urllib3"),
    "scikit-image": ("imageio", "networkx", "numpy", "pillow", "scipy"),
    "scikit-learn": ("joblib", "numpy", "scipy"),
    "scipy": ("numpy",),
    "seaborn": ("matplotlib", "numpy", "pandas"),
    "shap": ("numpy", "pandas", "scikit-learn", "scipy", "tqdm"),
    "statsmodels": ("numpy", "pandas", "patsy", "scipy"),
    "sympy": ("mpmath",),
    "torch": ("typing-extensions",),
    "torchvision": ("numpy", "pillow", "torch"),
    "transformers": ("huggingface-hub", "numpy", "pyyaml", "tokenizers"),
}


def needed_beside(names: Set[str]) -> tuple[str, ...]:
    """What packages of these normalised names need for certain and is not among them."""
    needed = {need for name in names for need in _NEEDS.get(name, ())}
    return tuple(sorted(needed - names))
