"""Reading and writing examples: XMC text, svmlight, npz, Parquet, Arrow, data folders, texts;
and a demo set.

`formats` finds out what a file is, and asks the reader of that: `svmlight`, `xmc`, `apart`, `npz`,
`columns`, `tables` or `folders`; `compression` and `streams` are beneath them, `tokens` reads
numbers, `rows` makes matrices of them. `session_logs` and `session_rows` make examples of logs,
`click_logs` and `interactions` of logs of clicks; `bundled` is the demo set. May import the
contract and examples of `core`.
"""

from slide.data.bundled import Demo, load_demo
from slide.data.click_logs import is_click_log, read_clicks
from slide.data.folders import check_folder
from slide.data.folders.texts import convert_texts_like, convert_texts_to_folder
from slide.data.formats import (
    convert_to_folder,
    is_folder_name,
    is_numbers,
    read,
    read_pair,
    refuse_no_text,
    refuse_other_than_svmlight,
    write,
)
from slide.data.interactions import blocks, earlier, held_out, last_of_users
from slide.data.many import files_of
from slide.data.predictions import prediction_lines, write_named, write_predictions
from slide.data.session_logs import read_sessions
from slide.data.session_rows import last_of_sessions, sessions
from slide.data.streams import refuse_twice
from slide.data.tables import is_columnar, is_table
from slide.data.target import refuse_taken, refuse_unwritable
from slide.data.texts import Columns, read_texts, read_texts_pair

__all__ = [
    "Columns",
    "Demo",
    "blocks",
    "check_folder",
    "convert_texts_like",
    "convert_texts_to_folder",
    "convert_to_folder",
    "earlier",
    "files_of",
    "held_out",
    "is_click_log",
    "is_columnar",
    "is_folder_name",
    "is_numbers",
    "is_table",
    "last_of_sessions",
    "last_of_users",
    "load_demo",
    "prediction_lines",
    "read",
    "read_clicks",
    "read_pair",
    "read_sessions",
    "read_texts",
    "read_texts_pair",
    "refuse_no_text",
    "refuse_other_than_svmlight",
    "refuse_taken",
    "refuse_twice",
    "refuse_unwritable",
    "sessions",
    "write",
    "write_named",
    "write_predictions",
]
