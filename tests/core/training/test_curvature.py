"""The damped inverse Fisher in all its forms, against dense algebra in float64 and spectra known by construction."""

import numpy as np
import pytest
import torch

from core.training import curvature
from core.training.curvature import EigenFisher, GradientFisher, downdated, eigen_fisher

SIZES = pytest.mark.parametrize("n, d", [(30, 8), (9, 25), (12, 12)], ids=["tall", "wide", "square"])
# Width, count, and the limits that send eigen_fisher down each of its ways; small width, small count, and neither.
WAYS = {
    "dense": (60, 24, {}),
    "gram": (24, 60, {}),
    "sketch of a tall matrix": (60, 40, {"EXACT_SIDE": 5}),
    "sketch of a wide matrix": (40, 60, {"EXACT_ENTRIES": 100}),
}
SPECTRUM = 0.5 ** torch.arange(20, dtype=torch.float64)  # 1, 1/2, 1/4, ...


def gaussian(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def dense(g, damping, count=None):
    """(G^T G / count + damping I)^-1 by NumPy."""
    g = g.double().numpy()
    return torch.from_numpy(np.linalg.inv(g.T @ g / (count or len(g)) + damping * np.eye(g.shape[1])))


def added(inverse, rows, count):
    """Sherman-Morrison: from the inverse of A to that of A + sum of g g^T / count, one row after the other."""
    for g in rows:
        moved = inverse @ g
        inverse = inverse - torch.outer(moved, moved) / (count + g @ moved)
    return inverse


def recursion(g, damping):
    return added(torch.eye(g.shape[1], dtype=torch.float64) / damping, g, len(g))


def all_eigenpairs(g):
    """In float64, as `eigen_fisher` would give them, by NumPy."""
    values, vectors = np.linalg.eigh(g.T.numpy() @ g.numpy() / len(g))
    return EigenFisher(torch.from_numpy(vectors[:, ::-1].copy()), torch.from_numpy(values[::-1].copy()))


def as_matrix(solve, d):
    return solve(torch.eye(d, dtype=torch.float64))


def with_spectrum(n, d, values=SPECTRUM, seed=1):
    """(n, d) gradients whose Fisher has these eigenvalues and no other, and its eigenvectors, float64."""
    left, right = (torch.linalg.qr(gaussian(size, len(values), seed + size))[0] for size in (n, d))
    return left @ torch.diag((n * values).sqrt()) @ right.T, right


def fisher_by(way, monkeypatch, rank, chunk=7):
    """What `eigen_fisher` makes of gradients with a known spectrum, float32, and the true eigenvectors."""
    n, d, limits = WAYS[way]
    for name, limit in limits.items():
        monkeypatch.setattr(curvature, name, limit)
    g, vectors = with_spectrum(n, d)
    return eigen_fisher(lambda: iter(g.float().split(chunk)), n, d, rank, torch.Generator().manual_seed(3)), vectors


def assert_near(found, wanted, tolerance):
    """Within `tolerance` of the largest entry that is wanted."""
    torch.testing.assert_close(found, wanted, rtol=0, atol=tolerance * float(wanted.abs().max()))


# The forms of the damped inverse.


def test_by_hand():
    # F = diag(4, 0), damping 1: the inverse is diag(1/5, 1). One gradient (2, 0), or two of them, or one eigenpair.
    v, wanted = torch.tensor([[10.0, 5.0], [3.0, -1.0]]), [[2.0, 1.0], [3.0, -1.0]]
    for fisher in (
        EigenFisher(torch.tensor([[1.0], [0.0]]), torch.tensor([4.0])),
        GradientFisher(torch.tensor([[2.0, 0.0]])),
        GradientFisher(torch.tensor([[2.0, 0.0], [2.0, 0.0]])),
    ):
        solved = fisher.solve(v, 1.0)
        assert solved.dtype == torch.float64
        assert_near(solved, torch.tensor(wanted, dtype=torch.float64), 1e-15)


@SIZES
@pytest.mark.parametrize("damping", [1e-3, 0.1, 10.0])
def test_the_recursion_over_samples_the_dense_inverse_and_both_solvers_are_one_matrix(n, d, damping):
    g = gaussian(n, d)
    wanted = dense(g, damping)
    assert_near(recursion(g, damping), wanted, 1e-12)
    assert_near(all_eigenpairs(g).solve(torch.eye(d), damping), wanted, 1e-12)
    assert_near(GradientFisher(g).solve(torch.eye(d), damping), wanted, 1e-12)


@SIZES
def test_with_all_eigenpairs_in_float32_it_is_the_dense_inverse_to_their_rounding(n, d):
    g = gaussian(n, d)
    stored = eigen_fisher(lambda: iter(g.float().split(4)), n, d, d, torch.Generator())
    assert stored.vectors.dtype == stored.values.dtype == torch.float32
    assert_near(stored.solve(torch.eye(d), 0.1), dense(g, 0.1), 1e-5)


@SIZES
def test_the_order_of_the_samples_does_not_matter(n, d):
    g = gaussian(n, d)
    turned = g[torch.randperm(n, generator=torch.Generator().manual_seed(2))]
    assert_near(recursion(turned, 0.1), recursion(g, 0.1), 1e-12)
    solved, again = (GradientFisher(rows).solve(torch.eye(d), 0.1) for rows in (g, turned))
    assert_near(again, solved, 1e-12)
    one, other = (eigen_fisher(lambda rows=rows: iter([rows]), n, d, d, torch.Generator()) for rows in (g, turned))
    assert_near(other.solve(torch.eye(d), 0.1), one.solve(torch.eye(d), 0.1), 1e-5)


@SIZES
def test_with_damping_to_infinity_the_inverse_tends_to_the_identity_over_the_damping(n, d):
    g, v = gaussian(n, d), gaussian(d, 3, seed=4)
    largest = np.linalg.norm(g.numpy(), 2) ** 2 / n
    for damping in (1e3, 1e6, 1e9):
        for fisher in (all_eigenpairs(g), GradientFisher(g)):
            # (F + c I)^-1 c v - v = -(F + c I)^-1 F v, which is no longer than (largest value / c) times v.
            difference = damping * fisher.solve(v, damping) - v
            assert (difference.norm(dim=0) <= (largest / damping + 1e-14) * v.norm(dim=0)).all()


@SIZES
def test_stored_gradients_tell_the_eigenvalues_of_their_fisher(n, d):
    g = gaussian(n, d)
    values = GradientFisher(g.float()).values
    wanted = np.linalg.svd(g.float().double().numpy(), compute_uv=False) ** 2 / n
    assert values.shape == (n,)
    torch.testing.assert_close(values[: min(n, d)], torch.from_numpy(wanted), rtol=1e-10, atol=0)
    assert (values[d:].abs() < 1e-12).all()
    assert (values >= 0).all()


# Eigenpairs, three ways.


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rank", [1, 4, 8])
def test_the_eigenpairs_are_the_leading_ones(way, rank, monkeypatch):
    fisher, true = fisher_by(way, monkeypatch, rank)
    torch.testing.assert_close(fisher.values.double(), SPECTRUM[:rank], rtol=1e-5, atol=0)
    overlaps = (true[:, :rank].T @ fisher.vectors.double()).abs()  # the sign of an eigenvector is free
    torch.testing.assert_close(overlaps, torch.eye(rank, dtype=torch.float64), rtol=0, atol=2e-5)
    torch.testing.assert_close(fisher.vectors.T @ fisher.vectors, torch.eye(rank), rtol=0, atol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_what_the_rank_leaves_out_of_the_fisher_counts_as_zero(way, monkeypatch):
    fisher, true = fisher_by(way, monkeypatch, rank=3)
    leading = true[:, :3] @ torch.diag(SPECTRUM[:3].sqrt())
    assert_near(fisher.solve(torch.eye(len(true)), 0.2), dense(leading.T, 0.2, count=1), 1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_it_does_not_matter_in_which_chunks_the_gradients_come(way, monkeypatch):
    one, other = (fisher_by(way, monkeypatch, rank=5, chunk=chunk)[0] for chunk in (1, 1000))
    eye = torch.eye(len(one.vectors))
    assert_near(one.solve(eye, 0.1), other.solve(eye, 0.1), 1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_only_the_sketch_draws_and_passes_three_times_over_the_gradients(way, monkeypatch):
    n, d, limits = WAYS[way]
    for name, limit in limits.items():
        monkeypatch.setattr(curvature, name, limit)
    g, finished, generator = with_spectrum(n, d)[0].float(), [], torch.Generator().manual_seed(3)
    before = generator.get_state()

    def rows():
        yield from g.split(7)
        finished.append(1)

    eigen_fisher(rows, n, d, 4, generator)
    assert len(finished) == (3 if limits else 1)
    assert torch.equal(before, generator.get_state()) is not bool(limits)


@pytest.mark.parametrize("n, d", [(40, 12), (12, 40)])
def test_without_a_gap_in_the_spectrum_it_agrees_with_numpy(n, d):
    g = gaussian(n, d).float()
    fisher = eigen_fisher(lambda: iter(g.split(5)), n, d, 5, torch.Generator())
    _, singular, right = np.linalg.svd(g.double().numpy())
    np.testing.assert_allclose(fisher.values.numpy(), singular[:5] ** 2 / n, rtol=1e-6)
    np.testing.assert_allclose(np.abs(right[:5] @ fisher.vectors.numpy()), np.eye(5), atol=1e-5)


@pytest.mark.parametrize("limits", [{}, {"EXACT_SIDE": 3}], ids=["exactly", "by sketch"])
@pytest.mark.parametrize("n, d", [(10, 4), (4, 10)])
def test_a_rank_beyond_the_matrix_keeps_all_of_it(n, d, limits, monkeypatch):
    for name, limit in limits.items():
        monkeypatch.setattr(curvature, name, limit)
    g = gaussian(n, d)
    fisher = eigen_fisher(lambda: iter([g.float()]), n, d, 4096, torch.Generator().manual_seed(1))
    assert fisher.values.shape == (4,)
    assert_near(fisher.solve(torch.eye(d), 0.3), dense(g, 0.3), 1e-5)


def test_of_gradients_that_repeat_no_direction_of_mere_rounding_is_kept():
    g = gaussian(3, 40).repeat(5, 1)
    fisher = eigen_fisher(lambda: iter([g.float()]), 15, 40, 15, torch.Generator())
    assert fisher.values.shape == (3,)
    assert_near(fisher.solve(torch.eye(40), 0.3), dense(g, 0.3), 1e-5)


@pytest.mark.parametrize(
    "n, d, limits", [(9, 4, {}), (4, 9, {}), (9, 4, {"EXACT_SIDE": 2})], ids=["dense", "gram", "sketch"]
)
def test_where_no_example_has_a_gradient_the_fisher_is_zero(n, d, limits, monkeypatch):
    for name, limit in limits.items():
        monkeypatch.setattr(curvature, name, limit)
    fisher = eigen_fisher(lambda: iter([torch.zeros(n, d)]), n, d, 3, torch.Generator())
    assert float(fisher.values[0]) == 0  # a share of the largest value can be taken
    assert torch.equal(fisher.solve(torch.eye(d), 0.5), 2 * torch.eye(d, dtype=torch.float64))


# Taking examples out again.


@SIZES
@pytest.mark.parametrize("removed", [1, 5])
def test_downdated_is_the_dense_inverse_without_those_rows(n, d, removed):
    g = gaussian(n, d)
    wanted = dense(g[removed:], 0.1, count=n)  # the count stays that of the training set
    for fisher in (all_eigenpairs(g), GradientFisher(g)):
        without = downdated(lambda v, fisher=fisher: fisher.solve(v, 0.1), g[:removed], n)
        assert_near(as_matrix(without, d), wanted, 1e-11)


@SIZES
def test_downdated_and_added_back_is_the_original(n, d):
    g = gaussian(n, d)
    fisher = GradientFisher(g)
    without = as_matrix(downdated(lambda v: fisher.solve(v, 0.1), g[:4], n), d)
    original = as_matrix(lambda v: fisher.solve(v, 0.1), d)
    assert (without - original).abs().max() > 0.01 * original.abs().max()
    assert_near(added(without, g[:4], n), original, 1e-11)


def test_rows_taken_out_one_after_the_other_are_rows_taken_out_together():
    g = gaussian(20, 6)
    together = downdated(lambda v: GradientFisher(g).solve(v, 0.1), g[:3], 20)
    one_by_one = downdated(lambda v: GradientFisher(g).solve(v, 0.1), g[:1], 20)
    one_by_one = downdated(downdated(one_by_one, g[1:2], 20), g[2:3], 20)
    assert_near(as_matrix(one_by_one, 6), as_matrix(together, 6), 1e-12)


def test_everything_taken_out_leaves_the_damping():
    g = gaussian(7, 5)
    nothing_left = downdated(lambda v: GradientFisher(g).solve(v, 0.5), g, 7)
    assert_near(as_matrix(nothing_left, 5), 2 * torch.eye(5, dtype=torch.float64), 1e-12)


def test_what_is_not_part_of_the_fisher_is_refused_as_soon_as_the_damping_cannot_bear_it():
    fisher = EigenFisher(torch.tensor([[1.0], [0.0]]), torch.tensor([1.0]))  # diag(1, 0); damping 0.25, count 1
    v = torch.tensor([[1.0], [1.0]])
    # Along the second axis 0.25 - x^2 is left: 0.09 for x = 0.4, so that 1 becomes 1 / 0.09; nothing for x = 0.5.
    bearable = downdated(lambda v: fisher.solve(v, 0.25), torch.tensor([[0.0, 0.4]], dtype=torch.float64), 1)
    assert_near(bearable(v), torch.tensor([[1 / 1.25], [1 / 0.09]], dtype=torch.float64), 1e-12)
    for x in (0.5, 3.0):
        with pytest.raises(ArithmeticError, match="too few of its factors are kept"):
            downdated(lambda v: fisher.solve(v, 0.25), torch.tensor([[0.0, x]]), 1)


@pytest.mark.parametrize("stranger", [10.0, -10.0])
def test_a_stranger_among_the_rows_is_refused(stranger):
    g = gaussian(20, 6)
    rows = torch.cat([g[:2], torch.full((1, 6), stranger)])
    with pytest.raises(ArithmeticError):
        downdated(lambda v: GradientFisher(g).solve(v, 1e-3), rows.double(), 20)
