"""Scripts in `examples` do what they say."""

import runpy
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "examples"


def test_texts_become_names(monkeypatch, capsys):
    monkeypatch.setenv("SLIDE_BACKEND", "reference")
    runpy.run_path(str(SCRIPTS / "texts_to_names.py"), run_name="__main__")
    first, *answers = capsys.readouterr().out.splitlines()
    assert int(first.rpartition(" ")[2].removesuffix("%")) > 95
    assert [line.rpartition(": ")[2] for line in answers] == [
        "astronomy, sailing", "gardening, baking", "nothing in it is known",
    ]  # fmt: skip
