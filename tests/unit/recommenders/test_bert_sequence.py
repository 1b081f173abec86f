"""bert_sequence: it learns, is repeatable, reads profiles, survives saving, and its loss is the softmax it claims."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoModel

from fairdash.errors import ConfigError, ModelError
from fairdash.mitigation.base import TermBatch
from fairdash.progress import silent
from fairdash.recommenders import build, store, text
from fairdash.recommenders.base import ProfileFitted, VectorFitted
from fairdash.recommenders.bert_sequence import SequenceOptions, negatives_of
from fairdash.recommenders.bert_sequence.gated import GatedEncoder
from fairdash.recommenders.bert_sequence.model import FittedSequence
from fairdash.recommenders.bert_sequence.network import FIRST_ITEM
from fairdash.recommenders.bert_sequence.softmax import _Softmax, softmax_loss
from fairdash.recommenders.bert_sequence.windows import SequenceBatches, rating_levels, rating_types
from fairdash.recommenders.popularity import PopularityOptions
from fairdash.recommenders.popularity.model import Popularity
from fairdash.recommenders.training import Validation
from fairdash.schema import Interactions, TrainingData

from .conftest import make_data

SMALL = {"width": 16, "heads": 2, "layers": 1, "length": 12, "batch": 8, "items": "id", "epochs": 12, "patience": 50}


def fit(data: TrainingData, folder: Path, *, terms: Any = (), seed: int = 0, **options: Any) -> FittedSequence:
    recommender = build("bert_sequence", {**SMALL, **options})
    fitted = recommender.fit(data, seed=seed, device="cpu", folder=folder, progress=silent, terms=terms)
    assert isinstance(fitted, FittedSequence)
    return fitted


def ndcg(data: TrainingData, fitted: Any) -> float:
    return Validation(data, lambda users: torch.from_numpy(fitted.score(users, data.train)))()["ndcg"]


@pytest.mark.parametrize(
    ("architecture", "objective", "negatives"),
    [
        ("gated", "causal", 0),
        ("gated", "causal", 20),
        ("gated", "masked", 0),
        ("bert", "causal", 0),
        ("bert", "masked", 0),
    ],
)
def test_learns_the_order(data: TrainingData, run: Path, architecture: str, objective: str, negatives: int) -> None:
    fitted = fit(data, run, architecture=architecture, objective=objective, negatives=negatives, epochs=30)
    popular = Popularity(PopularityOptions()).fit(data, seed=0, device="cpu", folder=run, progress=silent)
    # few items are masked, so that objective is learned later
    assert ndcg(data, fitted) > ndcg(data, popular) + (0.15 if objective == "causal" else 0.1)
    assert isinstance(fitted, VectorFitted)


def test_same_seed_same_scores(data: TrainingData, tmp_path: Path) -> None:
    users = np.arange(10, dtype=np.int32)
    first, second, other = (fit(data, tmp_path / str(i), seed=s) for i, s in enumerate((3, 3, 4)))
    assert np.array_equal(first.score(users, data.train), second.score(users, data.train))
    assert not np.allclose(first.score(users, data.train), other.score(users, data.train))


def test_scores_are_vectors_times_items(data: TrainingData, run: Path) -> None:
    fitted = fit(data, run, epochs=1)
    users = np.array([5, 0, 7], np.int32)
    vectors = fitted.user_vectors(users, data.train)
    assert vectors.shape == (3, 16)
    assert np.array_equal(fitted.score_vectors(vectors), fitted.score(users, data.train))
    alone = np.concatenate([fitted.user_vectors(users[i : i + 1], data.train) for i in range(3)])
    np.testing.assert_allclose(alone, vectors, atol=1e-5)  # whoever else is computed beside changes nothing


def test_reads_only_the_last_items(data: TrainingData, run: Path) -> None:
    fitted = fit(data, run, epochs=1, length=3)
    users = np.arange(5, dtype=np.int32)
    starts = data.train.starts(data.n_users)
    tail = np.concatenate([np.arange(max(starts[u + 1] - 3, starts[u]), starts[u + 1]) for u in users])
    np.testing.assert_allclose(
        fitted.score(users, data.train.take(tail)), fitted.score(users, data.train), rtol=1e-4, atol=1e-5
    )
    nothing = data.train.take(np.zeros(0, np.int64))
    assert np.isfinite(fitted.score(users, nothing)).all()  # a person without history gets scores too


@pytest.mark.parametrize("architecture", ["gated", "bert"])
@pytest.mark.parametrize("objective", ["causal", "masked"])
def test_saved_and_loaded_gives_the_same_scores(run: Path, tmp_path: Path, objective: str, architecture: str) -> None:
    data = make_data(profile=("gender",))
    fitted = fit(data, run, architecture=architecture, items="text+id", objective=objective, epochs=1)
    store.save(fitted, tmp_path / "model")
    loaded = store.load(tmp_path / "model")
    users = np.arange(data.n_users, dtype=np.int32)
    assert np.array_equal(loaded.score(users, data.train), fitted.score(users, data.train))
    assert isinstance(loaded, ProfileFitted)
    again = loaded.score_profiles(users[:2], data.train, ["A person: woman.", "A person."])
    assert np.array_equal(again, fitted.score_profiles(users[:2], data.train, ["A person: woman.", "A person."]))


def test_transformers_alone_opens_the_folder(data: TrainingData, run: Path, tmp_path: Path) -> None:
    fitted = fit(data, run, epochs=1, architecture="bert")
    fitted.save(tmp_path / "model")
    bert = AutoModel.from_pretrained(tmp_path / "model", add_pooling_layer=False)
    words = bert.get_input_embeddings().weight.detach()
    assert words.shape == (data.n_items + FIRST_ITEM, 16)
    assert torch.equal(words[FIRST_ITEM:], fitted.vectors.cpu())
    assert not list((tmp_path / "model").glob("*.bin"))


def test_profile_text_changes_scores(run: Path) -> None:
    data = make_data(profile=("gender", "age"))
    fitted = fit(data, run, epochs=8)
    users = np.zeros(2, np.int32)
    own = fitted.score(users[:1], data.train)
    assert isinstance(fitted, ProfileFitted)
    known = data.train.take(np.arange(*data.train.starts(data.n_users)[:2]))
    assert fitted.reads(data, 0, 3, known) == ("A person: man; age 20.",)  # of items it learns the ids alone
    fitted.options = replace(fitted.options, items="text+id")
    assert fitted.reads(data, 0, 3, known) == (
        "A person: man; age 20.", *(text.item_text(data.items.iloc[int(i)]) for i in [*known.item[-12:], 3]),
    )  # fmt: skip
    scores = fitted.score_profiles(users, data.train, ["A person: man; age 20.", "A person: woman; age 20."])
    np.testing.assert_allclose(scores[0], own[0], atol=1e-4)  # user 0 is a man of 20
    assert not np.allclose(scores[0], scores[1])


def test_a_model_without_profile_says_so(data: TrainingData, run: Path) -> None:
    with pytest.raises(ConfigError, match="no profile"):
        fit(data, run, epochs=1).score_profiles(np.zeros(1, np.int32), data.train, ["A person."])


def test_twins_have_another_value_and_are_added(run: Path) -> None:
    data = make_data(profile=("gender",)).with_(swap=("gender",), swap_share=0.5)
    fitted = fit(data, run, epochs=1)
    assert len(fitted.context.profile_vectors) == 2
    own = fitted.context.profile_rows
    options = SequenceOptions(length=12, batch=8)
    batches = SequenceBatches(data, options, np.zeros(len(data.train), np.int64), own, [1 - own], 0)
    seen, swapped = np.zeros(data.n_users), np.zeros(data.n_users)
    for i in range(len(batches)):
        batch = batches.batch(i)
        users, profile = batch["users"].numpy(), batch["profile"].numpy()
        np.add.at(seen, users, profile == own[users])
        np.add.at(swapped, users, profile != own[users])
    assert np.array_equal(seen >= 1, np.ones(data.n_users, bool))
    assert 15 <= (swapped > 0).sum() <= 45  # about half of 60 people have a twin
    with pytest.raises(ConfigError, match="not part of the profile"):
        fit(make_data().with_(swap=("gender",), swap_share=0.5), run / "x", epochs=1)


def test_every_item_is_a_target_once_an_epoch(data: TrainingData) -> None:
    options = SequenceOptions(length=4, batch=4, dislikes=1.0)
    rows = np.zeros(data.n_users, np.int64)
    batches = SequenceBatches(data, options, np.zeros(len(data.train), np.int64), rows, [], 0)
    expected = data.train.matrix(data.n_users, data.n_items).toarray().astype(int)
    sizes = set()
    for epoch in range(3):
        batches.set_epoch(epoch)
        found = np.zeros_like(expected)
        for i in range(len(batches)):
            batch = batches.batch(i)
            row, column = np.nonzero(batch["targets"].numpy() >= 0)
            np.add.at(found, (batch["users"].numpy()[row], batch["targets"].numpy()[row, column]), 1)
            assert batch["items"].shape[1] <= 4
        assert np.array_equal(found, expected)
        sizes.add(tuple(batches.batch(0)["items"].flatten().tolist()))
    assert len(sizes) == 3  # the windows differ from epoch to epoch


@pytest.mark.parametrize("dislikes", [0.0, 1.0])
def test_what_was_done_at_one_time_has_no_order(data: TrainingData, dislikes: float) -> None:
    # all but each person's first two interactions share one time; the type of a row is its number
    train = data.train
    place = np.arange(len(train)) - train.starts(data.n_users)[train.user]
    tied = Interactions(train.user, train.item, train.rating, np.minimum(place, 2).astype(np.float64))
    row_of = {pair: row for row, pair in enumerate(zip(train.user.tolist(), train.item.tolist(), strict=True))}
    options, rows = SequenceOptions(length=200, batch=60, dislikes=dislikes), np.zeros(data.n_users, np.int64)
    batches = SequenceBatches(data.with_(train=tied), options, np.arange(len(train)), rows, [], 0)
    orders = set()
    for epoch in range(3):
        batches.set_epoch(epoch)
        for batch in map(batches.batch, range(len(batches))):
            for k, user in enumerate(batch["users"].tolist()):
                own = train.item[train.user == user].tolist()
                history = batch["items"][k].tolist()[: len(own)]
                assert history[:2] == own[:2]  # what has an order keeps it
                assert sorted(history) == sorted(own)
                at = [row_of[user, item] for item in history]
                assert batch["types"][k].tolist()[: len(own)] == at  # a rating stays with its item
                if user == 0:
                    orders.add(tuple(history))
                liked = [dislikes == 1.0 or train.rating[row] >= 4.0 for row in at]
                coming = [next((item for item, likes in zip(history[i:], liked[i:], strict=True) if likes), -1)
                          for i in range(len(own) - 1)]  # fmt: skip
                asked = batch["targets"][k].tolist()[: len(own) - 1]
                assert all(target == item for target, item in zip(asked, coming, strict=True) if item >= 0)
    assert len(orders) > 1  # the others are drawn anew every epoch
    again = SequenceBatches(data.with_(train=tied), options, np.arange(len(train)), rows, [], 0)
    again.set_epoch(2)
    assert np.array_equal(again.order, batches.order)  # and are the same for a training that goes on


def test_row_weights_and_repeats_reach_the_batches(data: TrainingData) -> None:
    weight = np.random.default_rng(0).random(len(data.train)).astype(np.float32)
    repeats = np.where(np.arange(data.n_users) < 5, 3, 0).astype(np.int32)
    changed = data.with_(row_weight=weight, user_repeats=repeats, relevance_threshold=None)
    rows = np.zeros(data.n_users, np.int64)
    batches = SequenceBatches(changed, SequenceOptions(), np.zeros(len(data.train), np.int64), rows, [], 0)
    total = sum(float(batches.batch(i)["weights"].sum()) for i in range(len(batches)))
    assert total == pytest.approx(3 * weight[data.train.user < 5].sum(), rel=1e-5)


def test_disliked_targets_give_way_to_the_next_liked(data: TrainingData) -> None:
    rows = np.zeros(data.n_users, np.int64)
    liked = data.train.rating >= 4

    def targets(threshold: float, dislikes: float) -> NDArray[np.bool_]:
        """Whether each prediction's target was liked, the last one of each sample apart."""
        options = SequenceOptions(dislikes=dislikes)
        changed = data.with_(relevance_threshold=threshold)
        batches = SequenceBatches(changed, options, np.zeros(len(data.train), np.int64), rows, [], 0)
        likes = data.train.take(np.flatnonzero(liked)).matrix(data.n_users, data.n_items).toarray()
        found = []
        for i in range(len(batches)):
            batch = batches.batch(i)
            goal = batch["targets"].numpy()
            size = (batch["items"].numpy() >= 0).sum(1)
            goal[np.arange(len(goal)), size - 1] = -1
            row, column = np.nonzero(goal >= 0)
            found.append(likes[batch["users"].numpy()[row], goal[row, column]])
        return np.concatenate(found)

    assert targets(4.0, 0.0).all()
    share = liked.mean()
    assert targets(4.0, 1.0).mean() == pytest.approx(share, abs=0.05)
    assert share + 0.1 < targets(4.0, 0.3).mean() < 1
    assert targets(9.0, 0.0).mean() == pytest.approx(share, abs=0.05)  # nobody likes anything: all are targets


def test_softmax_is_cross_entropy() -> None:
    torch.manual_seed(0)
    hidden, vectors, bias = torch.randn(300, 8), torch.randn(50, 8), torch.randn(50)
    targets, weights = torch.randint(50, (300,)), torch.rand(300)
    part = torch.randperm(50)[:20]
    for drawn in (torch.arange(50), part):  # the whole catalogue, and a draw
        stands = torch.full((300, 50), -torch.inf)
        stands[:, drawn] = torch.log(49 / (len(drawn) - torch.isin(targets, drawn).float()))[:, None]
        stands[torch.arange(300), targets] = 0.0
        results = []
        for own in (True, False):
            parts = [tensor.clone().requires_grad_() for tensor in (hidden, vectors, bias)]
            if own:
                loss = _Softmax.apply(*parts, targets, drawn)
            else:
                logits = parts[0] @ parts[1].T + parts[2] + stands
                loss = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
            (loss * weights).sum().backward()
            results.append([loss.detach(), *(part.grad for part in parts)])
        for ours, theirs in zip(*results, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_draw_stands_for_the_catalogue() -> None:
    torch.manual_seed(0)
    hidden, vectors, bias, targets = (
        torch.randn(400, 8) / 2,
        torch.randn(500, 8) / 2,
        torch.zeros(500),
        torch.arange(400),
    )
    exact = softmax_loss(hidden, vectors, bias, targets, 500)
    drawn = torch.stack([softmax_loss(hidden, vectors, bias, targets, 100) for _ in range(50)])
    assert float((drawn.mean(0) - exact).mean()) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(("items", "asked", "drawn"), [
    (40, 0, 40), (3706, 0, 3706), (20_000, 0, 20_000), (20_001, 0, 4096), (3706, 9, 9), (40, 100, 40),
])  # fmt: skip
def test_how_many_negatives(items: int, asked: int, drawn: int) -> None:
    assert negatives_of(SequenceOptions(negatives=asked), items) == drawn


def encoder(*, causal: bool = True, fused: bool = True) -> GatedEncoder:
    """Of width 16, with distances that matter."""
    torch.manual_seed(0)
    made = GatedEncoder(width=16, layers=2, heads=2, length=12, types=8, causal=causal, dropout=0.5, fused=fused).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made


def test_the_gated_encoder_never_looks_ahead() -> None:
    x, types = torch.randn(3, 10, 16), torch.randint(8, (3, 10))
    made = encoder()
    out = made(x, types, None)
    assert out.shape == x.shape
    changed, other = x.clone(), types.clone()
    changed[:, 6:], other[:, 6:] = torch.randn(3, 4, 16), 0
    after = made(changed, other, None)
    torch.testing.assert_close(after[:, :6], out[:, :6])
    assert (after[:, 6:] - out[:, 6:]).abs().amax(-1).min() > 1e-3
    torch.testing.assert_close(made(x[:, :7], types[:, :7], None), out[:, :7])  # nor does the end of the batch matter


def test_the_masked_gated_encoder_sees_both_sides_but_no_padding() -> None:
    x, types = torch.randn(3, 10, 16), torch.randint(8, (3, 10))
    made, real = encoder(causal=False), torch.arange(10).expand(3, 10) < 7
    out = made(x, types, real)
    changed = x.clone()
    changed[:, 7:] = torch.randn(3, 3, 16)
    torch.testing.assert_close(made(changed, types, real)[:, :7], out[:, :7])
    changed = x.clone()
    changed[:, 6] = torch.randn(3, 16)
    assert (made(changed, types, real) - out)[:, 0].abs().amax(-1).min() > 1e-3


@pytest.mark.parametrize("causal", [True, False])
def test_both_ways_to_attend_are_one(causal: bool) -> None:
    x, types = torch.randn(3, 10, 16), torch.randint(8, (3, 10))
    real = None if causal else torch.arange(10).expand(3, 10) < torch.tensor([[10], [7], [4]])
    one, other = (encoder(causal=causal, fused=fused)(x, types, real) for fused in (True, False))
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_distance_alone_tells_items_apart() -> None:
    """Without positions, what an item gives depends on how far behind it lies, and on its order."""
    made = encoder()
    torch.nn.init.zeros_(made.positions)
    x = torch.randn(1, 6, 16)
    types = torch.zeros(1, 6, dtype=torch.int64)
    turned = x[:, [1, 0, 2, 3, 4, 5]]
    assert (made(x, types, None) - made(turned, types, None))[0, -1].abs().max() > 1e-3
    for block in made.blocks:
        torch.nn.init.zeros_(block.distances)  # type: ignore[arg-type]
    one = encoder()
    one.blocks = made.blocks[:1]
    torch.nn.init.zeros_(one.positions)
    torch.testing.assert_close(one(x, types, None)[0, -1], one(turned, types, None)[0, -1], rtol=1e-4, atol=1e-5)


def test_a_gated_model_needs_no_bert_files(data: TrainingData, run: Path, tmp_path: Path) -> None:
    fit(data, run, epochs=1, architecture="gated").save(tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["fairdash.json", "fairdash.safetensors"]


def test_rating_levels() -> None:
    stars = np.array([1, 2, 3, 4, 5, 5], np.float32)
    assert rating_types(stars, rating_levels(stars)).tolist() == [1, 2, 3, 4, 5, 5]
    assert rating_types(np.ones(3, np.float32), rating_levels(np.ones(3, np.float32))).tolist() == [0, 0, 0]
    plays = np.arange(1000, dtype=np.float32)
    types = rating_types(plays, rating_levels(plays))
    assert types.min() == 1
    assert types.max() == 7


class Watcher(torch.nn.Module):
    """A term that notes what it is given and pulls user vectors to zero."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(()))
        self.batches: list[TermBatch] = []

    def forward(self, batch: TermBatch) -> torch.Tensor:
        self.batches.append(batch)
        return self.gain.abs() * batch.vectors.square().mean()


def test_terms_see_the_batch_and_are_trained(data: TrainingData, run: Path) -> None:
    term = Watcher()
    fit(data, run, terms=[term], epochs=2)
    assert term.batches
    for batch in term.batches:
        b = len(batch.users)
        assert batch.vectors.shape == (b, 16)
        assert batch.sample_loss.shape == (b,)
        assert batch.items is not None
        assert batch.target_score is not None
        assert batch.items.shape == batch.target_score.shape == (b,)
        assert bool((batch.target_score < 0).all())
        assert batch.vectors.requires_grad
    done = [batch.done for batch in term.batches]
    assert done == sorted(done)
    assert done[0] == 0.0
    assert float(term.gain.detach()) != 1.0


def test_new_items_are_scored_by_their_text(run: Path) -> None:
    """An item that nobody has had is scored like those with alike texts."""
    data = make_data()
    rare = 17  # a "Space battle" that nobody has walked past
    keep = np.flatnonzero(data.train.item != rare)
    cold = data.with_(train=data.train.take(keep))
    fitted = fit(cold, run, items="text", epochs=30)
    users = np.flatnonzero(np.arange(data.n_users) % 2 == 0).astype(np.int32)  # they like space battles
    scores = fitted.score(users, cold.train).mean(0)
    assert scores[rare] > np.median(scores[20:])


def test_heads_must_divide_width() -> None:
    with pytest.raises(ConfigError, match="divide"):
        build("bert_sequence", {"width": "100", "heads": "3"})


def test_history_of_one_call(data: TrainingData, run: Path) -> None:
    """An edited history is scored like one that was there from the start."""
    fitted = fit(data, run, epochs=1)
    edited = Interactions(
        np.zeros(3, np.int32), np.array([1, 2, 5], np.int32), np.full(3, 5.0, np.float32), np.arange(3.0)
    )
    scores = fitted.score(np.zeros(1, np.int32), edited)
    assert scores.shape == (1, data.n_items)


def test_goes_on_from_a_saved_model_over_another_catalogue(run: Path, tmp_path: Path) -> None:
    data = make_data()
    fitted = fit(data, run, items="text+id", epochs=8)
    fitted.save(tmp_path / "run" / "model")
    order = np.random.default_rng(0).permutation(data.n_items)
    items = data.items.iloc[order].reset_index(drop=True)
    items.loc[0, ["item_id", "title", "categories"]] = ["new", "Space battle again", "Sci-Fi|War"]
    place = np.argsort(order).astype(np.int32)
    moved = Interactions(data.train.user, place[data.train.item], data.train.rating, data.train.time)
    other = data.with_(items=items, train=moved)
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "run")
    users = np.arange(data.n_users, dtype=np.int32)
    clean = users[[order[0] not in data.train.item[data.train.user == u] for u in users]]
    for source in (str(tmp_path / "run"), str(tmp_path / "run" / "model"), archive):
        again = fit(other, tmp_path / Path(source).stem / "fit", start=source, epochs=0, width=64, items="id")
        assert again.options.width == 16  # the model decides
        np.testing.assert_allclose(
            again.score(clean, moved)[:, 1:], fitted.score(clean, data.train)[:, order[1:]], rtol=1e-4, atol=1e-4
        )
    # fine-tuning starts from what is known
    tuned = fit(other.with_(valid=moved), tmp_path / "tuned", start=str(tmp_path / "run"), epochs=1, learning_rate=1e-6)
    np.testing.assert_allclose(tuned.score(clean, moved), again.score(clean, moved), atol=0.05)


def test_models_that_do_not_fit_are_refused(run: Path, tmp_path: Path) -> None:
    data = make_data()
    fit(data, run, epochs=1).save(tmp_path / "ids")
    strange = data.with_(items=data.items.assign(item_id=[f"x{i}" for i in range(data.n_items)]))
    with pytest.raises(ModelError, match="knows 0 of this data's 40 items"):
        fit(strange, tmp_path / "a", start=str(tmp_path / "ids"), epochs=0)
    fit(make_data(profile=("gender",)), tmp_path / "b", epochs=1).save(tmp_path / "profile")
    with pytest.raises(ModelError, match="profile text"):
        fit(data, tmp_path / "c", start=str(tmp_path / "profile"), epochs=0)
    build("popularity").fit(data, seed=0, device="cpu", folder=run, progress=silent).save(tmp_path / "popular")
    with pytest.raises(ModelError, match="holds a popularity"):
        fit(data, tmp_path / "d", start=str(tmp_path / "popular"), epochs=0)
    with pytest.raises(ModelError, match="language model"):
        fit(data, tmp_path / "e", start=str(text.bundled()), epochs=0)
    with pytest.raises(ModelError, match="no saved recommender"):
        fit(data, tmp_path / "f", start=str(tmp_path / "nowhere"), epochs=0)
    with pytest.raises(ConfigError, match="trains nothing"):
        fit(data, tmp_path / "g", epochs=0)
