"""npz: the arrays themselves, in one file of ours or in a pair that SciPy wrote.

* Ours: `x_indptr x_indices x_values x_n_cols y_indptr y_indices y_n_cols`, and `y_values` where
  some labels are known to be wrong: 1 for a label, -1 for one that was shown and not chosen.
* A pair: `scipy.sparse.save_npz("X_name.npz", x)` and `Y_name.npz` beside it (or `x_` and `y_`),
  both in CSR format; the X file is the one to name.

The rules for rows are those of text: any order, repeated features summed in float32, repeated
labels once, and as 1 if one of them is. Other label values are refused, in a pair all but 1.

`archive` reads arrays of a zip archive a few numbers at a time, `matrix` rows of a matrix in one,
`reading` makes examples of them: row bounds are in memory as a whole, all else some rows at a time.
"""

from slide.data.npz.reading import npz_parts, save_npz

__all__ = ["npz_parts", "save_npz"]
