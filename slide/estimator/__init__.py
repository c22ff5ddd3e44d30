"""The engine as people hold it in their hands: `slide.fit`, and an estimator of scikit-learn.

`targets` takes labels in whatever form they come, `fitting` trains in plain NumPy and SciPy,
`training` chooses settings and threads, `length` keeps what scaling rows to unit length would lose,
`answers` turns scores into what is asked for; `classifier` alone imports scikit-learn.
"""
