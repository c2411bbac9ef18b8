"""Python imports this at its start, for a function of the module before Dagger's SDK.

Decorating the SDK's generated client takes half of its import, in each call of a function, so that
beartype is told to let it be, as it does where Python itself is told this. mypy checks our calls.
"""

import os

os.environ.setdefault("PYTHONOPTIMIZE", "1")
