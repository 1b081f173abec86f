import numpy as np
import pytest
from scipy import sparse

from fairdash.errors import ModelError
from fairdash.hashing import id_hash, mix
from fairdash.recommenders.ranking import rank_all, top_k
from fairdash.schema import Interactions

IDS = np.array([f"i{i}" for i in range(40)], dtype=object)


def brute_force(scores, seen, k, hashes, seed):
    tie = mix(seed, hashes)
    rows = []
    for row, hidden in zip(scores, seen, strict=True):
        free = [i for i in range(len(row)) if not hidden[i] and row[i] != -np.inf]
        free.sort(key=lambda i: (-row[i], int(tie[i])))
        rows.append((free + [-1] * k)[:k])
    return np.array(rows)


@pytest.mark.parametrize("seed", range(5))
def test_equals_a_plain_sort(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(-2, 3, size=(30, 40)).astype(np.float32) / 2  # many ties, zeros and negatives
    scores[rng.random(scores.shape) < 0.1] = -np.inf
    seen = rng.random(scores.shape) < rng.choice([0.2, 0.95])
    lists = top_k(scores, sparse.csr_array(seen), 10, id_hash(IDS), seed)
    np.testing.assert_array_equal(lists.items, brute_force(scores, seen, 10, id_hash(IDS), seed))
    picked = np.take_along_axis(scores, np.maximum(lists.items, 0), axis=1)
    np.testing.assert_array_equal(lists.scores, np.where(lists.items >= 0, picked, np.nan))


def test_order_of_columns_does_not_matter():
    rng = np.random.default_rng(0)
    scores = np.zeros((3, 40), np.float32)
    order = rng.permutation(40)
    first = top_k(scores, None, 40, id_hash(IDS))
    second = top_k(scores[:, order], None, 40, id_hash(IDS[order]))
    np.testing.assert_array_equal(IDS[first.items], IDS[order][second.items])


def test_negative_zero_is_zero():
    scores = np.array([[0.0, -0.0, 0.0, -0.0]], np.float32)
    hashes = id_hash(IDS[:4])
    assert top_k(scores, None, 4, hashes).items.tolist() == [np.argsort(mix(0, hashes)).tolist()]


def test_k_beyond_the_catalogue_ends_in_minus_one():
    lists = top_k(np.ones((1, 2), np.float32), None, 4, id_hash(IDS[:2]))
    assert (lists.items[0] >= 0).tolist() == [True, True, False, False]
    assert np.isnan(lists.scores[0, 2:]).all()


def test_nan_is_refused():
    with pytest.raises(ModelError, match="item 1 for row 0"):
        top_k(np.array([[0.0, np.nan]], np.float32), None, 1, id_hash(IDS[:2]))


class Fixed:
    name = "fixed"
    scores = np.random.default_rng(1).random((25, 40)).astype(np.float32)

    def score(self, users, history):
        return self.scores[users]

    def save(self, folder):
        raise NotImplementedError


def test_batches_equal_one_piece(monkeypatch):
    monkeypatch.setattr("fairdash.recommenders.ranking.BATCH_CELLS", 40 * 7)
    empty = np.zeros(0)
    history = Interactions(empty.astype(np.int32), empty.astype(np.int32), empty.astype(np.float32), empty)
    seen = sparse.csr_array(np.random.default_rng(2).random((25, 40)) < 0.5)
    steps = []
    lists = rank_all(
        Fixed(), IDS, history, 25, seen, 5, progress=lambda done, message="", values=None: steps.append(done)
    )
    np.testing.assert_array_equal(lists.items, top_k(Fixed.scores, seen, 5, id_hash(IDS)).items)
    assert steps == [7 / 25, 14 / 25, 21 / 25, 1.0]
