"""Repositories of many shapes, what was done to them, and the right answers.

The answers were written before lockproof was asked, from what was done: see
docs/causes-beside-truth.md for what it said.
"""

from .answer_case import Case
from .answers_changed import CHANGED
from .answers_conditions import CONDITIONS
from .answers_forms import FORMS
from .answers_honest import HONEST
from .answers_trouble import TROUBLE

CASES: tuple[Case, ...] = (*HONEST, *FORMS, *CHANGED, *CONDITIONS, *TROUBLE)
