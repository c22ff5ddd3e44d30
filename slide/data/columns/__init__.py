"""Numbers in columns of Parquet and Arrow: which columns they stand in, and examples of them.

* `layout` finds the columns by name and type, `lists` takes lists of numbers out of them and says
  what is wrong in which row, `vectors` those of Spark, `reading` makes examples.
"""

from slide.data.columns.reading import column_parts

__all__ = ["column_parts"]
