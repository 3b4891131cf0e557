import math

import numpy as np
import pytest
from scipy.sparse import csr_array

from molgfn.chemistry.models.support_vectors import CHUNK, SupportVectorClassifier, coupled
from molgfn.errors import DataError

FEATURES = 12


def arrays(seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    return {
        "vectors": rng.integers(0, 4, (30, FEATURES)).astype(np.uint8),
        "coefficients": rng.normal(size=30),
        "intercept": 0.3,
        "slope": -2.5,
        "shift": 0.4,
        "gamma": 1 / 16,
    }


def libsvm(x, vectors, coefficients, intercept, slope, shift, gamma) -> float:
    """``svm_predict_probability`` for two classes, step by step (libsvm 3.2, section 8 of its paper)."""
    decision = intercept
    for vector, coefficient in zip(vectors.astype(float), coefficients, strict=True):
        decision += coefficient * math.exp(-gamma * float(((x - vector) ** 2).sum()))
    z = decision * slope + shift
    pair = math.exp(-z) / (1 + math.exp(-z)) if z >= 0 else 1 / (1 + math.exp(z))
    return coupling(min(max(pair, 1e-7), 1 - 1e-7))


def coupling(pair: float) -> float:
    r = [[0.0, pair], [1 - pair, 0.0]]
    q = [[0.0, 0.0], [0.0, 0.0]]
    p = [0.5, 0.5]
    for t in range(2):
        for j in range(2):
            if j != t:
                q[t][t] += r[j][t] * r[j][t]
                q[t][j] = -r[j][t] * r[t][j]
    for _ in range(100):
        qp = [sum(q[t][j] * p[j] for j in range(2)) for t in range(2)]
        pqp = sum(p[t] * qp[t] for t in range(2))
        if max(abs(value - pqp) for value in qp) < 0.005 / 2:
            break
        for t in range(2):
            step = (pqp - qp[t]) / q[t][t]
            p[t] += step
            pqp = (pqp + step * (step * q[t][t] + 2 * qp[t])) / (1 + step) / (1 + step)
            for j in range(2):
                qp[j] = (qp[j] + step * q[t][j]) / (1 + step)
                p[j] /= 1 + step
    return p[1]


@pytest.mark.parametrize("batch", [1, 5, CHUNK + 3])
def test_equals_libsvm(batch):
    counts = np.random.default_rng(1).integers(0, 5, (batch, FEATURES)).astype(float)
    given = arrays()
    expected = [libsvm(x, **given) for x in counts]
    classifier = SupportVectorClassifier(**given)
    for form in (counts, csr_array(counts)):
        np.testing.assert_allclose(classifier.probability(form), expected, rtol=0, atol=1e-12)
    if batch > 1:
        assert np.ptp(expected) > 0.01


def test_coupling_equals_libsvm_and_is_not_the_plain_sigmoid():
    pair = np.concatenate([np.linspace(1e-7, 1 - 1e-7, 501), [0.5]])
    got = coupled(pair)
    np.testing.assert_allclose(got, [coupling(x) for x in pair], rtol=0, atol=1e-15)
    assert 1e-3 < np.abs(got - (1 - pair)).max() < 4e-3


def test_company_changes_no_digit():
    classifier = SupportVectorClassifier(**arrays())
    counts = np.random.default_rng(2).integers(0, 5, (40, FEATURES))
    alone = np.concatenate([classifier.probability(row[None]) for row in counts])
    np.testing.assert_array_equal(alone, classifier.probability(counts))
    assert classifier.probability(counts[:0]).shape == (0,)


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match=r"my file: .* one coefficient for each support vector, there are \[29\]"):
        SupportVectorClassifier(**{**arrays(), "coefficients": np.zeros(29)}, where="my file")
    with pytest.raises(DataError, match="gamma positive"):
        SupportVectorClassifier(**{**arrays(), "gamma": 0.0})
    with pytest.raises(DataError, match="should be finite"):
        SupportVectorClassifier(**{**arrays(), "shift": math.nan})
    with pytest.raises(ValueError, match=r"should be \[B, 12\], are \[2, 11\]"):
        SupportVectorClassifier(**arrays()).decision(np.zeros((2, 11)))
