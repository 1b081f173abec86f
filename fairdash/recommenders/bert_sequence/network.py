"""`bert_sequence`: a transformer that reads a person's items in order and says what comes next.

Shapes: b people in a batch, n positions, d width, m items of the catalogue, w width of the text encoder.

Position 0 is the person: the profile text's vector, or a learned one where no profile is used. Positions 1…n-1 are
items, oldest first. An item's vector is its text's vector (title and categories through a frozen pretrained BERT,
projected to d) plus a learned vector of its own, plus what its pictures and other vectors say (`modalities`). The
output at the last position is the user vector; an item's score is its product with the item's vector, plus the item's
bias. So an item nobody has seen yet is scored by what is known of it; that nobody has had it is not held against it: it
is no alternative in the softmax.

architecture = bert (default) reads them with a BertModel, which transformers opens from the saved folder by itself,
gated with `GatedEncoder`.

tasks = next,rating has a second head on the same outputs, which says how likely the person likes an item: `tasks`.

causal (default): every position predicts a coming item (SASRec's task, Kang & McAuley 2018, with the softmax of
Klenitskiy & Vasilev 2023). masked: hidden items are predicted from both sides (BERT4Rec, Sun et
al. 2019); then the user vector is the output at a mask behind the last item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional
from transformers import BertConfig, BertModel

from fairdash.recommenders.bert_sequence import SequenceOptions, learns, negatives_of
from fairdash.recommenders.bert_sequence.gated import GatedEncoder
from fairdash.recommenders.bert_sequence.modalities import Modality
from fairdash.recommenders.bert_sequence.softmax import softmax_loss
from fairdash.recommenders.bert_sequence.tasks import LikeHead, Weights
from fairdash.recommenders.device import Device
from fairdash.recommenders.training import Output

PAD, MASK, FIRST_ITEM = 0, 1, 2  # word ids of the saved BertModel: item code c is word c + FIRST_ITEM
TYPES = 8  # token types: 0 for the person and where no rating is known, 1…7 how an item was rated


class SequenceModel(nn.Module):
    """The encoder, the item vectors and the loss. texts: [m, w] standardised text vectors; profiles: [p, w].
    modalities: further vectors of the items, [m, …] each, NaN of an item without. heard: bool [m], the items of the
    training; None: all."""

    texts: torch.Tensor
    profiles: torch.Tensor
    heard: torch.Tensor  # int64, codes of the items that the softmax is over
    place: torch.Tensor  # int64 [m], of an item among them

    def __init__(
        self,
        options: SequenceOptions,
        texts: torch.Tensor,
        profiles: torch.Tensor,
        device: Device,
        modalities: Sequence[torch.Tensor] = (),
        heard: torch.Tensor | None = None,
    ) -> None:
        super().__init__()
        self.options = options
        m, w = texts.shape
        d = options.width
        # a CPU's fused attention kernel is three times slower in bfloat16 than plain products at these lengths
        fused = device.kind != "cpu" or not device.bf16
        self.bert: BertModel | None = None
        self.gated: GatedEncoder | None = None
        if options.architecture == "bert":
            self.bert = _bert(options, "sdpa" if fused else "eager")
        else:
            self.gated = GatedEncoder(
                width=d,
                layers=options.layers,
                heads=options.heads,
                length=options.length + 1,
                types=TYPES,
                causal=options.objective == "causal",
                dropout=options.dropout,
                fused=fused,
            )
        self.register_buffer("texts", texts, persistent=False)
        self.register_buffer("profiles", profiles, persistent=False)
        self.text_map = nn.Linear(w, d, bias=False) if options.items != "id" else None
        self.ids = nn.Parameter(torch.randn(m, d) * 0.02) if options.items != "text" else None
        self.modalities = nn.ModuleList(Modality(values, d) for values in modalities)
        heard = torch.ones(m, dtype=torch.bool) if heard is None else heard
        self.register_buffer("heard", heard.nonzero()[:, 0], persistent=False)
        self.register_buffer("place", heard.long().cumsum(0) - 1, persistent=False)
        if self.ids is not None:
            self.ids.data[~heard] = 0.0
        self.bias = nn.Parameter(torch.zeros(m))
        self.person = nn.Parameter(torch.randn(d) * 0.02)
        self.profile_map = nn.Linear(w, d, bias=False) if len(profiles) else None
        self.like = LikeHead(m, d) if learns(options, "rating") else None
        self.task_weights = Weights(options) if options.tasks == "next,rating" else None
        for layer in (self.text_map, self.profile_map):
            if layer is not None:
                nn.init.normal_(layer.weight, std=0.02 / w**0.5)

    def item_vectors(self) -> torch.Tensor:
        """[m, d]"""
        parts = []
        if self.text_map is not None:
            parts.append(self.text_map(self.texts))
        if self.ids is not None:
            parts.append(self.ids)
        parts += [modality() for modality in self.modalities]
        return torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]

    def settle(self) -> None:
        """Gives the items that were not in the training the median bias of those that were."""
        new = torch.ones(len(self.place), dtype=torch.bool, device=self.place.device).index_fill(0, self.heard, False)
        with torch.no_grad():
            for bias in (self.bias, *([] if self.like is None else [self.like.bias])):
                bias[new] = bias[self.heard].median()

    def scores(self, people: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """What lists are ordered by [n, m]: how well each item follows, or the logit of P(like) where that alone is
        learned. people: float32 [n, d]; vectors: float32 [m, d]."""
        if self.like is not None and not learns(self.options, "next"):
            return self.like.all(people, vectors)
        return torch.addmm(self.bias, people, vectors.T)

    def encode(
        self,
        vectors: torch.Tensor,  # [m, d] of all items
        items: torch.Tensor,  # int64 [b, n - 1], -1 behind the end
        types: torch.Tensor,  # int64 [b, n - 1]
        profile: torch.Tensor,  # [b, w] text vectors, or [b, 0] without profile
        masked: torch.Tensor | None = None,  # bool [b, n - 1]: hidden items
    ) -> torch.Tensor:
        """Outputs [b, n, d] of the encoder over the person and the items."""
        inputs = functional.embedding(items.clamp(min=0), vectors)
        if masked is not None:
            inputs = torch.where(masked[..., None], self._mask().to(inputs.dtype), inputs)
            types = types.masked_fill(masked, 0)
        person = self.person.expand(len(items), -1)
        if self.profile_map is not None:
            person = person + self.profile_map(profile)
        inputs = torch.cat([person[:, None].to(inputs.dtype), inputs], dim=1)  # [b, n, d]
        types = functional.pad(types, (1, 0))
        real = None  # causal: what is padded lies behind every real position, so none need be told
        if self.options.objective == "masked":
            real = functional.pad(items >= 0, (1, 0), value=True)
        if self.gated is not None:
            result: torch.Tensor = self.gated(inputs, types, real)
            return result
        assert self.bert is not None
        out = self.bert(inputs_embeds=inputs, token_type_ids=types, attention_mask=real, use_cache=False)
        result = out.last_hidden_state
        return result

    def _mask(self) -> torch.Tensor:
        """The vector [d] of a hidden item."""
        if self.bert is not None:
            vector: torch.Tensor = self.bert.embeddings.word_embeddings.weight[MASK]
            return vector
        assert self.gated is not None
        assert self.gated.mask is not None
        return self.gated.mask

    def forward(
        self,
        users: torch.Tensor,  # int64 [b]
        items: torch.Tensor,  # int64 [b, n - 1]
        types: torch.Tensor,
        targets: torch.Tensor,  # int64 [b, n]: the item that the position predicts; -1 for none
        weights: torch.Tensor,  # float32 [b, n]: of that prediction in the loss, 0 for none
        profile: torch.Tensor,  # int64 [b]: row of `profiles`
        judged: torch.Tensor | None = None,  # int64 [b, n]: the item that is rated next; -1 for none
        liked: torch.Tensor | None = None,  # float32 [b, n]: whether it was liked
        judged_weights: torch.Tensor | None = None,  # float32 [b, n]: of that rating in the loss, 0 for none
    ) -> Output:
        """The loss of a batch, with what terms of the loss look at: of each person what the last position says."""
        vectors = self.item_vectors()
        masked = None
        if self.options.objective == "masked":
            masked = targets[:, 1:] >= 0
        texts = self.profiles[profile] if len(self.profiles) else self.profiles.new_zeros(len(users), 0)
        hidden = self.encode(vectors, items, types, texts, masked)  # [b, n, d]
        if not learns(self.options, "next"):
            assert judged is not None and liked is not None and judged_weights is not None  # noqa: PT018
            return self._rated(users, hidden, vectors, judged, liked, judged_weights)
        output = self._followed(users, hidden, vectors, targets, weights)
        if self.task_weights is None:
            return output
        assert judged is not None and liked is not None and judged_weights is not None  # noqa: PT018
        rated = self._rated(users, hidden, vectors, judged, liked, judged_weights)
        of_next, of_rating, more = self.task_weights()
        return replace(
            rated,
            loss=of_next * output.loss + of_rating * rated.loss + more,
            sample_loss=of_next * output.sample_loss + of_rating * rated.sample_loss,
            target_score=output.target_score,
            weight=output.weight,
        )

    def _followed(
        self,
        users: torch.Tensor,
        hidden: torch.Tensor,
        vectors: torch.Tensor,
        targets: torch.Tensor,
        weights: torch.Tensor,
    ) -> Output:
        """The task next: the softmax over the items at every position that predicts one."""
        rows, columns = (targets >= 0).nonzero(as_tuple=True)  # [t] predictions
        outputs, items = hidden[rows, columns], targets[rows, columns]
        bias: torch.Tensor = self.bias
        followed = items
        if len(self.heard) < len(vectors):
            vectors, bias, followed = vectors[self.heard], bias[self.heard], self.place[items]
        loss = softmax_loss(outputs, vectors, bias, followed, negatives_of(self.options, len(vectors)))
        output, last = _by_sample(users, outputs, items, loss, weights[rows, columns], rows)
        return replace(output, target_score=-loss[last])

    def _rated(
        self,
        users: torch.Tensor,
        hidden: torch.Tensor,
        vectors: torch.Tensor,
        judged: torch.Tensor,
        liked: torch.Tensor,
        weights: torch.Tensor,
    ) -> Output:
        """The task rating: cross-entropy of P(like) at every position before an item that was rated."""
        assert self.like is not None
        rows, columns = (judged >= 0).nonzero(as_tuple=True)  # [t] pairs
        outputs, items, label = hidden[rows, columns], judged[rows, columns], liked[rows, columns]
        logits = self.like(outputs, vectors, items)
        loss = functional.binary_cross_entropy_with_logits(logits, label, reduction="none")
        output, last = _by_sample(users, outputs, items, loss, weights[rows, columns], rows)
        return replace(output, probability=torch.sigmoid(logits[last]), label=label[last])


def _by_sample(
    users: torch.Tensor,
    outputs: torch.Tensor,
    items: torch.Tensor,
    loss: torch.Tensor,
    weight: torch.Tensor,
    rows: torch.Tensor,
) -> tuple[Output, torch.Tensor]:
    """Weighted losses [t] of a task as one loss and by sample [b], with what each sample's last one is about; and the
    place of that last one [b]. rows: int64 [t], the sample of each, ascending, every sample at least once."""
    b = len(users)
    own = torch.zeros(b, device=loss.device).index_add(0, rows, loss * weight)
    total = torch.zeros(b, device=loss.device).index_add(0, rows, weight)
    last = torch.bincount(rows, minlength=b).cumsum(0) - 1
    output = Output(
        loss=own.sum() / total.sum().clamp(min=1e-6),
        users=users,
        vectors=outputs[last],
        sample_loss=own / total.clamp(min=1e-6),
        items=items[last],
        weight=total,
    )
    return output, last


def _bert(options: SequenceOptions, attention: str) -> BertModel:
    bert = BertModel(
        BertConfig(
            vocab_size=FIRST_ITEM,  # item vectors come from outside; a saved folder holds them as words
            hidden_size=options.width,
            num_hidden_layers=options.layers,
            num_attention_heads=options.heads,
            intermediate_size=4 * options.width,
            max_position_embeddings=options.length + 2,
            type_vocab_size=TYPES,
            hidden_dropout_prob=options.dropout,
            attention_probs_dropout_prob=0.0,  # keeps the fast attention kernels on a CPU
            is_decoder=options.objective == "causal",
            pad_token_id=PAD,
        ),
        add_pooling_layer=False,
    )
    bert.set_attn_implementation(attention)
    return bert
