"""Files with columns that have names: JSON lines, CSV, TSV, Parquet and Arrow, read row by row.

`opened` finds the format of a file; each format gives rows of the columns that are wanted, and
says what is wrong in one of them.
"""

from slide.data.tables.kinds import is_columnar, is_table, opened
from slide.data.tables.row import Row, Table

__all__ = ["Row", "Table", "is_columnar", "is_table", "opened"]
