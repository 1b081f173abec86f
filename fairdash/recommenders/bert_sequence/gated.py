"""The encoder of `architecture = gated`: what came after BERT's layer, with as many weights.

A block normalises before each branch (Xiong et al. 2020), lets a learned gate decide how much of a branch is added
(LiGR: Borisyuk et al. 2025, "From features to transformers"), multiplies instead of bends in its feed-forward branch
(SwiGLU: Shazeer 2020), and adds to the attention what each distance between two items is worth (Raffel et al. 2020).

Shapes: b people in a batch, n positions, d width, h heads.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

SCALE = 0.02  # of weights at the start
FEED_FORWARD = 2  # widths: SwiGLU has three products where BERT's branch has two, of four widths
CLOSED = -1e4  # added to the attention between positions that may not see each other


class GatedEncoder(nn.Module):
    """length: positions at most. types: kinds of token. fused: PyTorch's attention kernel; else plain products."""

    def __init__(
        self,
        *,
        width: int,
        layers: int,
        heads: int,
        length: int,
        types: int,
        causal: bool,
        dropout: float,
        fused: bool,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.types = nn.Embedding(types, width)
        self.positions = nn.Parameter(torch.randn(length, width) * SCALE)
        self.mask = None if causal else nn.Parameter(torch.randn(width) * SCALE)  # stands for a hidden item
        self.first, self.last = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(_Block(width, heads, length, dropout, fused) for _ in range(layers))
        nn.init.normal_(self.types.weight, std=SCALE)

    def forward(self, inputs: torch.Tensor, types: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
        """Outputs [b, n, d]. inputs: [b, n, d]; types: int64 [b, n]; real: bool [b, n], false behind the end, which a
        causal encoder need not know: no position looks ahead."""
        kind, n = inputs.device.type, inputs.shape[1]
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else inputs.dtype
        x = inputs + self.types(types) + self.positions[:n]
        x = self.dropout(self.first(x).to(dtype))
        place = torch.arange(n, device=x.device)
        distance = place[:, None] - place  # [n, n]
        closed = distance < 0 if self.causal else None
        if real is not None:
            closed = ~real[:, None, None] if closed is None else closed | ~real[:, None, None]
        for block in self.blocks:
            x = block(x, distance, closed)
        result: torch.Tensor = self.last(x)
        return result


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, length: int, dropout: float, fused: bool) -> None:
        super().__init__()
        self.heads, self.fused, self.length = heads, fused, length
        self.before_attention, self.before_feed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.reads = nn.Linear(width, 4 * width, bias=False)  # queries, keys, values and the gate
        self.distances = nn.Parameter(torch.zeros(heads, 2 * length - 1))
        self.attended = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 2 * FEED_FORWARD * width, bias=False)
        self.down = nn.Linear(FEED_FORWARD * width, width, bias=False)
        self.gate = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.reads, self.attended, self.up, self.down, self.gate):
            nn.init.normal_(layer.weight, std=SCALE)
        nn.init.zeros_(self.gate.bias)

    def forward(self, x: torch.Tensor, distance: torch.Tensor, closed: torch.Tensor | None) -> torch.Tensor:
        query, key, value, gate = self.reads(self.before_attention(x)).chunk(4, dim=-1)
        bias = self.distances[:, distance + self.length - 1]  # [h, n, n]
        if closed is not None:
            bias = bias.masked_fill(closed, CLOSED)
        seen = self._attention(self._split(query), self._split(key), self._split(value), bias.to(query.dtype))
        x = x + self.dropout(self.attended(seen) * torch.sigmoid(gate))
        normal = self.before_feed(x)
        left, right = self.up(normal).chunk(2, dim=-1)
        fed: torch.Tensor = self.down(functional.silu(left) * right)
        result: torch.Tensor = x + self.dropout(fed * torch.sigmoid(self.gate(normal)))
        return result

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        """[b, h, n, d / h]"""
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def _attention(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        """[b, n, d]; bias: [h, n, n] or [b, h, n, n]"""
        b, h, n, _ = query.shape
        if self.fused:
            found = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        else:
            scale = query.shape[-1] ** -0.5
            query, key, value = (part.reshape(b * h, n, -1) for part in (query, key, value))
            bias = bias.expand(b, h, n, n).reshape(b * h, n, n)
            logits = torch.baddbmm(bias, query, key.transpose(1, 2), alpha=scale)
            found = torch.bmm(torch.softmax(logits, dim=-1), value).view(b, h, n, -1)
        return found.transpose(1, 2).flatten(2)
