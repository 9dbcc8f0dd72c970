"""numpy.einsum in parts: the same bits, layout, errors and views as NumPy's own."""

import numpy as np
import pytest

import gilkit
from gilkit import patching

DIVIDED = [
    "ij,jk->ik", "ij,jk", "ij,jk->ki", "ij,kj->ik", "bij,bjk->bik", "bhqd,bhkd->bhqk", "ijk,ikl->ijl", "abc,cd->abd",
    "ij,ij->i", "ij,j->i", "ji,j->i", "bij,bj->bi", "ijk,k->ij", "i,j->ij", "i,ij->ij", "ij,ik->ijk", " i j , j k -> i k ",
    "ij->i", "ij->j", "ijk->ik", "ijk->k", "ijk->ij",
]  # fmt: skip


def divided(call, threads):
    with gilkit.patch_numpy(min_size=1), gilkit.threads(threads):
        patching.collect_statistics()
        try:
            result = call()
            found = patching.statistics().get("einsum")
        finally:
            patching.collect_statistics(False)
    return result, found


def check(expected, found):
    assert type(found) is type(expected)
    assert found.dtype == expected.dtype
    assert found.strides == expected.strides
    if expected.dtype == object:
        assert found.tolist() == expected.tolist()
    else:
        assert found.tobytes() == expected.tobytes()
    for flag in ("OWNDATA", "WRITEABLE", "C_CONTIGUOUS", "F_CONTIGUOUS"):
        assert found.flags[flag] == expected.flags[flag]


def operand(shape, dtype, layout, rng):
    a = (rng.standard_normal(shape) * 100).astype(dtype)
    if layout == "Fortran":
        return np.asfortranarray(a)
    if layout == "strided":
        return np.repeat(a, 2, axis=-1)[..., ::2]
    if layout == "broadcast":
        return np.broadcast_to(a[:1], shape)
    return a


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("subscripts", DIVIDED)
def test_same_bits(subscripts, threads):
    rng = np.random.default_rng(1)
    letters = sorted(set(subscripts) & set("abcdhijklq"))
    terms = subscripts.replace(" ", "").partition("->")[0].split(",")
    found_divided = 0
    for dtype in ("f8", "f4", "c8", "c16", "i4", "u1", "?"):
        for layout in ("C", "Fortran", "strided", "broadcast"):
            some = [4, 7, 33] if len(letters) < 4 else [4, 7]
            lengths = {letter: int(rng.choice(some)) for letter in letters} | {letters[0]: 131}
            arrays = [operand([lengths[letter] for letter in term], dtype, layout, rng) for term in terms]
            expected = np.einsum(subscripts, *arrays)
            found, statistics = divided(lambda arrays=arrays: np.einsum(subscripts, *arrays), threads)
            check(expected, found)
            found_divided += statistics.calls if statistics else 0
    assert found_divided > 0


def test_special_values_and_optimize():
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((150, 70)), rng.standard_normal((70, 90))
    a[3, 4], a[100, 1], b[2, 3], b[50] = np.nan, np.inf, -0.0, 0.0
    for keywords in ({}, {"optimize": True}, {"optimize": "greedy"}):
        # The loops of einsum report no floating-point errors, divided or not; matmul, which it may use, does.
        with np.errstate(all="ignore" if keywords else "raise"):
            expected = np.einsum("ij,jk->ik", a, b, **keywords)
            found, _ = divided(lambda keywords=keywords: np.einsum("ij,jk->ik", a, b, **keywords), 3)
        check(expected, found)


LEFT = {
    "three operands": lambda a, b: np.einsum("ij,jk,kl->il", a, b, a),
    "a view": lambda a, b: np.einsum("ij->ji", a),
    "a diagonal": lambda a, b: np.einsum("ii->i", a[:40, :40]),
    "a trace": lambda a, b: np.einsum("ii,ij->j", a[:40, :40], a[:40]),
    "one sum": lambda a, b: np.einsum("ij,ij->", a, a),
    "bytes": lambda a, b: np.einsum(b"ij,jk->ik", a, b),
    "dots": lambda a, b: np.einsum("...j,jk->...k", a, b),
    "broadcast": lambda a, b: np.einsum("ij,jk->ik", a[:, :1], b),
    "reversed": lambda a, b: np.einsum("ij,jk->ik", a[::-1], b),
    "two dtypes": lambda a, b: np.einsum("ij,jk->ik", a.astype("f4"), b),
    "byte order": lambda a, b: np.einsum("ij,jk->ik", a.astype(">f8"), b.astype(">f8")),
    "dtype": lambda a, b: np.einsum("ij,jk->ik", a, b, dtype="f4", casting="same_kind"),
    "order": lambda a, b: np.einsum("ij,jk->ik", a, b, order="F"),
    "out": lambda a, b: np.einsum("ij,jk->ik", a, b, out=np.ones((len(a), b.shape[1]))),
    "lists": lambda a, b: np.einsum(a, [0, 1], b, [1, 2], [0, 2]),
    "a list as operand": lambda a, b: np.einsum("ij,jk->ik", a.tolist(), b),
    "subclass": lambda a, b: np.einsum("ij,jk->ik", a.view(np.matrix), b),
    "length 1": lambda a, b: np.einsum("ij,jk->ik", a[:1], b),
    "nothing": lambda a, b: np.einsum("ij,jk->ik", a[:0], b),
    "nothing to sum": lambda a, b: np.einsum("ij,jk->ik", a[:, :0], b[:0]),
    "object": lambda a, b: np.einsum("ij,jk->ik", a[:9, :9].astype(object), b[:9].astype(object)),
}


@pytest.mark.parametrize("name", LEFT)
def test_calls_left_to_numpy(name):
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((60, 50)), rng.standard_normal((50, 60))
    expected = LEFT[name](a, b)
    found, statistics = divided(lambda: LEFT[name](a, b), 3)
    assert statistics is None or statistics.calls == 0
    if isinstance(expected, np.ndarray):
        check(expected, found)
    else:
        assert type(found) is type(expected)
        assert found == expected


@pytest.mark.parametrize(
    "arguments",
    [
        ("ij,jk->iz",),
        ("ij,jk->ii",),
        ("ij",),
        ("ijk,jk->ik",),
        ("ij,j k->i-k",),
        ("ij,ij->ij",),
        ("é,jk",),
    ],
)
def test_errors_are_numpys(arguments):
    a, b = np.ones((60, 50)), np.ones((50, 70))
    with pytest.raises((ValueError, TypeError)) as expected:
        np.einsum(*arguments, a, b)
    with pytest.raises(type(expected.value)) as found:
        divided(lambda: np.einsum(*arguments, a, b), 3)
    assert str(found.value) == str(expected.value)


def test_a_view_stays_one():
    a = np.zeros((300, 400))
    view, _ = divided(lambda: np.einsum("ij->ji", a), 2)
    view[1, 2] = 5
    assert a[2, 1] == 5


def test_a_method_whose_argument_is_text_is_not_taken_for_einsum():
    a = np.random.default_rng(4).standard_normal(200_000)
    with gilkit.patch_numpy(min_size=1), gilkit.threads(2):
        patching.collect_statistics()
        found = a.astype("f4")
        calls = patching.statistics()["ndarray.astype"].calls
        patching.collect_statistics(False)
    assert calls == 1
    assert np.array_equal(found, a.astype("f4"))
