"""How examples are read that models are judged on, by slide evaluate and slide report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slide.cli.logs import Logs, refuse_itemless
from slide.cli.options import tell_left_out
from slide.cli.texts import examples_for, tell_unknown
from slide.core.examples.counting import OneBased

if TYPE_CHECKING:
    from slide.core.examples.dataset import Dataset
    from slide.core.models.model import Model


@dataclass(frozen=True, slots=True)
class Reading:
    """What options say of them.

    Args:
        logs: how they are read if they are logs.
        one_based, text, labels, separator: the options.
    """

    logs: Logs | None
    one_based: OneBased | None
    text: list[str] | None
    labels: str | None
    separator: str | None

    @property
    def given(self) -> str:
        """An option that was given; "" if none was."""
        if self.logs is not None:
            return self.logs.option
        names = "one_based", "text", "labels", "separator"
        given = (name for name in names if getattr(self, name))
        return next((f"--{name.replace('_', '-')}" for name in given), "")

    def counting(self, model: Model) -> OneBased:
        """What counts from 1 in files for a model: as in its own, unless it is said."""
        return model.one_based if self.one_based is None else self.one_based

    def examples(self, model: Model, folder: Path, file: Path) -> tuple[Dataset, int]:
        """Those of a file, read as the model's own were; how many pairs of them are left out.

        What is left out, and which texts have no word that is known, is said on stderr.

        Args:
            model: that is to be judged.
            folder: of it.
            file: that is read.

        Raises:
            DataError, ConfigError: the file is not of the kind that the model was trained on.
        """
        if self.logs is not None:
            refuse_itemless(model, folder, self.logs)
            data = self.logs.read(file, model)
        else:
            data = examples_for(
                model, file, self.counting(model), self.text, self.labels, self.separator
            )
        if model.text is not None:
            tell_unknown(data, "judged by the most frequent labels")
        return data, 0 if self.logs is not None else tell_left_out(data)
