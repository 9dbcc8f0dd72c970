"""joblib and scikit-learn on gilkit's threads."""

from joblib import Parallel, delayed, parallel_config
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score

import gilkit  # noqa: F401  makes the backend known to joblib

with parallel_config(backend="gilkit"):
    powers = Parallel()(delayed(pow)(2, n) for n in range(100))
assert powers == [2**n for n in range(100)]

X, y = make_classification(200, random_state=0)
forest = RandomForestClassifier(10, random_state=0)
with parallel_config(backend="gilkit"):
    scores = cross_val_score(forest, X, y)
assert (scores == cross_val_score(forest, X, y)).all()
