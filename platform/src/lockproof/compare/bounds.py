"""What the comparison is ready to read: outputs come from hostile code, so all of it is bounded.

Beyond a bound content is not comparable, never an error. Streamed formats (bytes, CSV, TSV, NPY,
Parquet) have no bound on the size of the file; memory follows from the bounds on their parts.
"""

CHUNK_BYTES = 1 << 20
"""Bytes held at a time of each file that is streamed."""

CHUNK_VALUES = 1 << 17
"""Array elements compared at a time; each takes some ten times its size meanwhile."""

MAX_JSON_BYTES = 64 << 20
"""A JSON document; it is held whole, twice."""
MAX_YAML_BYTES = 4 << 20
"""A YAML document: much slower to read than JSON, and several hundred times larger in memory."""
MAX_TOML_BYTES = 4 << 20
"""A TOML document: slower still, read by pure Python."""
MAX_VALUES = 2_000_000
"""Values in a JSON, YAML or TOML document, YAML aliases counted as what they stand for."""
MAX_DEPTH = 100
"""Levels of nesting in a document."""
MAX_NUMBER_CHARS = 1_000
"""Characters of a number in YAML or CSV; longer ones are text in CSV and refused in YAML."""

MAX_ROW_CHARS = 16 << 20
"""Characters of one CSV row, line breaks inside quotes included."""
MAX_COLUMNS = 100_000
"""Columns of a CSV or Parquet file, and fields of an array."""

MAX_ITEM_BYTES = 1 << 20
"""Bytes of one array element (long strings, structures)."""
MAX_WHOLE_BYTES = 256 << 20
"""Bytes of an array that must be held whole: one of the two is stored in column order."""
MAX_MEMBERS = 10_000
"""Arrays in an NPZ file."""
MAX_ZIP_READ_BYTES = 4 << 20
"""One read from an NPZ file, its table of contents included."""
MAX_NPZ_BYTES = 16 << 30
"""Bytes that the arrays of an NPZ file take once unpacked; they are streamed."""

MAX_FOOTER_BYTES = 16 << 20
"""The footer of a Parquet file."""
MAX_SCHEMA_DEPTH = 32
"""Levels of nesting in a Parquet schema; pyarrow crashes on some thousands."""
BATCH_VALUES = 1 << 21
"""Parquet values decoded at a time of each file, as far as its footer is honest."""
BATCH_ROWS = 1 << 16
"""Parquet rows decoded at a time."""
MAX_NESTED_VALUES = 1 << 26
"""Values of one nested column in one row group: one row may hold them all."""
MAX_CELLS = 10_000_000_000
"""Rows times columns of a Parquet file: a few bytes can stand for endless equal rows."""

MAX_ENTRIES = 1_000_000
"""Entries of one folder."""
MAX_CHILDREN_REPORTED = 50
"""Children of a folder that are described one by one, for each verdict."""
MAX_NOTES = 10
"""Missing keys, changed shapes and the like that are described one by one, for each file."""
MAX_SHOWN = 200
"""Characters of a key or value in a report."""
