"""The empirical Fisher F = (1/n) sum of g g^T of a block of weights, stored as factors, and its damped inverse.

All forms solve (F + lambda I) u = v. `EigenFisher` keeps eigenvectors (all of them for a small block, the largest for a
big one: the rest counts as 0); `GradientFisher` keeps the n gradients themselves (Woodbury's dual form).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Rows = Callable[[], Iterator[Tensor]]  # a new pass over the (n, d) matrix of per-sample gradients, chunk by chunk
Solve = Callable[[Tensor], Tensor]  # (d, m) -> (d, m)

EXACT_SIDE = 4096  # largest matrix whose eigenvectors are computed densely
EXACT_ENTRIES = 2**27  # of the gradient matrix, float32: 512 MB
OVERSAMPLING = 16  # directions of the random sketch beyond those that are kept (Halko et al., arXiv:0909.4061)


@dataclass(frozen=True)
class EigenFisher:
    """F ~ U diag(values) U^T; vectors U: (d, r), orthonormal columns; values: (r,), falling."""

    vectors: Tensor
    values: Tensor

    def solve(self, v: Tensor, damping: float) -> Tensor:
        """(F + damping I)^-1 v for v (d, m), in float64."""
        u, s = self.vectors.double(), self.values.double()[:, None]
        solved: Tensor = (v.double() - u @ (s / (s + damping) * (u.T @ v.double()))) / damping
        return solved


@dataclass(frozen=True)
class GradientFisher:
    """F = G^T G / n; gradients G: (n, d), one row per training example."""

    gradients: Tensor

    def solve(self, v: Tensor, damping: float) -> Tensor:
        """(F + damping I)^-1 v for v (d, m), in float64, by an (n, n) system."""
        g = self.gradients.double()
        n = len(g)
        system = g @ g.T + n * damping * torch.eye(n, dtype=g.dtype, device=g.device)
        solved: Tensor = (v.double() - g.T @ torch.linalg.solve(system, g @ v.double())) / damping
        return solved

    @property
    def values(self) -> Tensor:
        """Eigenvalues of F that need not be 0 (n,), falling."""
        g = self.gradients.double()
        rising: Tensor = torch.linalg.eigvalsh(g @ g.T)
        return rising.flip(0).clamp(min=0) / len(g)


def eigen_fisher(rows: Rows, count: int, width: int, rank: int, generator: torch.Generator) -> EigenFisher:
    """The `rank` largest eigenpairs of F for `count` gradients of `width` weights; all of them where there are fewer.

    Dense on the smaller side of the matrix where that and the matrix fit, else by a random sketch in three passes over
    the gradients, which never holds more than (width, rank + 16) numbers.
    """
    rank = min(rank, count, width)
    if width <= min(count, EXACT_SIDE):
        fisher = sum(chunk.double().T @ chunk.double() for chunk in rows()) / count
        values, vectors = torch.linalg.eigh(fisher)
    elif count <= EXACT_SIDE and count * width <= EXACT_ENTRIES:
        g = torch.cat(list(rows())).double()  # in float32 the vectors of small values are not orthogonal
        values, left = torch.linalg.eigh(g @ g.T / count)
        vectors = (g.T @ left) / (values.clamp(min=1e-30) * count).sqrt()
        alive = values >= values[-1] * 1e-10  # below lies rounding: its vectors are not orthogonal to anything
        values, vectors = values[alive], vectors[:, alive]
    else:
        sketch = torch.randn(width, min(rank + OVERSAMPLING, count, width), generator=generator)
        for _ in range(2):  # one power iteration sharpens the sketch
            device = next(rows()).device
            basis = torch.linalg.qr(sketch.to(device))[0]
            sketch = sum((chunk.T @ (chunk @ basis) for chunk in rows()), torch.zeros_like(basis))
        basis = torch.linalg.qr(sketch)[0]
        inner = sum((chunk @ basis).double().T @ (chunk @ basis).double() for chunk in rows()) / count
        values, rotation = torch.linalg.eigh(inner)
        vectors = basis @ rotation.to(basis.dtype)
    order = values.argsort(descending=True)[:rank]
    return EigenFisher(vectors[:, order].float(), values[order].clamp(min=0).float())


def factor_bytes(widths: Sequence[int], count: int, rank: int) -> int:
    """About the peak bytes of `eigen_fisher` over blocks of these widths: the factors, a copy to store them, and the work space."""
    stored, work = 0, 0
    for width in widths:
        few = min(rank, count, width)
        stored += 4 * width * few
        if width <= min(count, EXACT_SIDE):
            own = 3 * 8 * width * width
        elif count <= EXACT_SIDE and count * width <= EXACT_ENTRIES:
            own = (4 + 8 + 8) * count * width
        else:
            own = 3 * 4 * width * min(rank + OVERSAMPLING, count, width)
        work = max(work, own, 8 * width * few)  # a step is solved in float64
    return 2 * stored + work


def downdated(solve: Solve, removed: Tensor, count: int) -> Solve:
    """The solver of ((count F - removed^T removed) / count + damping I), from the solver of (F + damping I).

    removed: (k, d), gradients that are part of F. Woodbury's formula, exact where `solve` is. Raises ArithmeticError
    where what is left is not positive definite: the factors kept of F do not hold these gradients.
    """
    g = removed.double()
    solved = solve(g.T)  # (d, k)
    core = count * torch.eye(len(g), dtype=g.dtype, device=g.device) - g @ solved
    if torch.linalg.eigvalsh((core + core.T) / 2)[0] <= 0:
        raise ArithmeticError("The forget set cannot be removed from this Fisher: too few of its factors are kept.")

    def without(v: Tensor) -> Tensor:
        first = solve(v)
        more: Tensor = solved @ torch.linalg.solve(core, g @ first)
        return first + more

    return without
