"""The loss of `bert_sequence`: cross-entropy under a softmax over the catalogue, or over a draw from it.

Shapes: t predictions, d width, m items, s drawn ones.

A training step with logits and `cross_entropy` instead takes 1.1 times the processor time at MovieLens-100K's size, 1.4
times at MovieLens-1M's and 2.1 times with 4,096 of 50,000 items (`python -m tests.bench.sequence_parts`).
"""

from __future__ import annotations

from typing import Any

import torch

CHUNK_CPU, CHUNK_GPU = 1 << 18, 1 << 26  # logits that are worked on at a time: a CPU's cache holds them


def softmax_loss(
    hidden: torch.Tensor, vectors: torch.Tensor, bias: torch.Tensor, targets: torch.Tensor, negatives: int
) -> torch.Tensor:
    """-log P(target) [t] under a softmax over the target and `negatives` other items, drawn evenly and shared by the
    batch (Klenitskiy & Vasilev 2023), which together stand for all others. Where that is the whole catalogue, it is
    the exact softmax. hidden: [t, d]; vectors: [m, d]; bias: [m]; targets: int64 [t]."""
    m = len(vectors)
    every = negatives >= m
    drawn = torch.arange(m, device=hidden.device) if every else torch.randperm(m, device=hidden.device)[:negatives]
    return _Softmax.apply(hidden, vectors, bias, targets, drawn)  # type: ignore[no-any-return, no-untyped-call]


class _Softmax(torch.autograd.Function):
    """Slices of rows pass through the processor's cache on their way to the probabilities [t, s], which are all that is
    kept (in bfloat16 where autocast is on) and give both gradients by one product each."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        vectors: torch.Tensor,
        bias: torch.Tensor,
        targets: torch.Tensor,
        drawn: torch.Tensor,  # int64 [s], distinct
    ) -> torch.Tensor:
        kind, m, s = hidden.device.type, len(vectors), len(drawn)
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
        hidden, vectors = hidden.to(dtype), vectors.to(dtype)
        step = max(1, (CHUNK_CPU if kind == "cpu" else CHUNK_GPU) // s)
        place = torch.full((m,), -1, device=drawn.device).index_copy(0, drawn, torch.arange(s, device=drawn.device))
        among = place[targets]  # [t]: the target's place in the draw, -1 where it is not drawn
        # each drawn item that is not the target stands for (m - 1) / (how many of these were drawn)
        stands = torch.log((m - 1) / (s - (among >= 0).float()).clamp(min=1.0))
        shares = torch.empty(len(hidden), s, dtype=dtype, device=hidden.device)
        loss = torch.empty(len(hidden), device=hidden.device)
        with torch.autocast(kind, enabled=False):
            others, offset = vectors[drawn], bias[drawn].float()
            own = (hidden.float() * vectors[targets].float()).sum(1) + bias[targets]
            for start in range(0, len(hidden), step):
                rows = slice(start, start + step)
                logits = (hidden[rows] @ others.T).float().add_(offset).add_(stands[rows, None])
                inside = (among[rows] >= 0).nonzero()[:, 0]
                logits[inside, among[rows][inside]] = -torch.inf
                top = torch.maximum(logits.amax(1), own[rows])[:, None]
                total = logits.sub_(top).exp_().sum(1, keepdim=True) + (own[rows, None] - top).exp()
                torch.div(logits, total, out=shares[rows])
                loss[rows] = (total.log() + top)[:, 0] - own[rows]
        ctx.save_for_backward(hidden, vectors, targets, drawn, shares, loss)
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None, None]:
        hidden, vectors, targets, drawn, shares, loss = ctx.saved_tensors
        grad = grads[0]  # [t]
        missing = -torch.expm1(-loss) * grad  # of the target's probability
        weighted = hidden * grad[:, None].to(hidden.dtype)
        grad_hidden = (shares @ vectors[drawn]) * grad[:, None] - vectors[targets] * missing[:, None]
        grad_vectors = torch.zeros(vectors.shape, device=grad.device).index_copy_(
            0, drawn, (shares.T @ weighted).float()
        )
        grad_vectors.index_add_(0, targets, hidden * missing[:, None], alpha=-1)
        grad_bias = torch.zeros(len(vectors), device=grad.device).index_copy_(
            0, drawn, (shares.T @ grad[:, None].to(shares.dtype)).float()[:, 0]
        )
        grad_bias.index_add_(0, targets, missing, alpha=-1)
        return grad_hidden, grad_vectors, grad_bias, None, None
