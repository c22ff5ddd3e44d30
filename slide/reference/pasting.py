"""What the snippets of `slide verify` are made of: `from slide.reference.pasting import *`."""

from __future__ import annotations

from functools import partial

import numpy as np

from slide.core.contract.arrays import CSR, Block, Param, RowGrad
from slide.core.contract.backend import Query
from slide.core.contract.families import DOPH, DWTA, WTA, Buckets, SimHash
from slide.core.contract.optim import SGD, Adagrad, Adam
from slide.core.contract.sparse import InvertedIndex, SparseParam
from slide.core.contract.tables import Tables
from slide.core.examples.dataset import Dataset
from slide.core.learners.config import Config
from slide.reference.direct_stepping import DirectStepper
from slide.reference.replaying import judged, judged_again, redrawn
from slide.reference.spot_checks import checked_call
from slide.reference.stepping import Stepper

__all__ = [
    "CSR",
    "DOPH",
    "DWTA",
    "SGD",
    "WTA",
    "Adagrad",
    "Adam",
    "Block",
    "Buckets",
    "Config",
    "Dataset",
    "DirectStepper",
    "InvertedIndex",
    "Param",
    "Query",
    "RowGrad",
    "SimHash",
    "SparseParam",
    "Stepper",
    "Tables",
    "checked_call",
    "judged",
    "judged_again",
    "np",
    "partial",
    "redrawn",
]
