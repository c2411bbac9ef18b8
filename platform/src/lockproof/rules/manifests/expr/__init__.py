"""The expression language of Argo's conditions: read, typed and evaluated as its controller does.

The language is expr-lang's, in the version that Argo Rollouts 1.9 is built with
(https://github.com/antonmedv/expr, 1.15.5); no package for Python reads it. The grammar is whole;
of functions what conditions on numbers use. What is not known here raises `Unsupported`: it is
neither right nor wrong. `tests/unit/lint/expr_answers.json` holds what Argo's own code answered.
"""

from .evaluation import condition
from .syntax import Refused, Unsupported, parse

__all__ = ["Refused", "Unsupported", "condition", "parse"]
