from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from fairdash.errors import ConfigError
from fairdash.metrics.divergence import divergence, standardise
from fairdash.mitigation import find_method
from fairdash.mitigation.base import TermBatch
from fairdash.mitigation.training.terms import adversarial, group_dro, neutral
from fairdash.mitigation.training.terms.members import MAX_PEOPLE, Bank
from fairdash.schema import Groups
from tests.unit.mitigation.people import groups_of, methods_of, training

ADVERSARIAL = find_method("adversarial")

DIM = 4
N = 6
DATA = training([(u, i, 5.0) for u in range(N) for i in range(3)], N, 3)
GROUPS = groups_of([0, 0, 1, 1, 1, -1])


def batch_of(users: Sequence[int], seed: int = 0, done: float = 1.0) -> TermBatch:
    """Leaf tensors, so that gradients can be read off."""
    draw = torch.Generator().manual_seed(seed)
    b = len(users)
    return TermBatch(
        users=torch.tensor(users),
        vectors=torch.randn(b, DIM, generator=draw).requires_grad_(),
        sample_loss=(torch.rand(b, generator=draw) + 1).requires_grad_(),
        done=done,
        probability=torch.rand(b, generator=draw).requires_grad_(),
        label=torch.randint(0, 2, (b,), generator=draw).float(),
        items=torch.randint(0, 3, (b,), generator=draw),
    )


@pytest.mark.parametrize("method", methods_of("training"), ids=lambda method: method.info.key)
class TestEvery:
    def test_strength_0_adds_nothing_and_has_no_gradient(self, method: adversarial.Adversarial) -> None:
        value = method.term(DATA, [GROUPS], 0.0, DIM, 0)(batch_of(range(N)))
        assert value.item() == 0.0
        assert not value.requires_grad

    def test_it_draws_nothing_from_the_shared_generator(self, method: adversarial.Adversarial) -> None:
        torch.manual_seed(3)
        state = torch.get_rng_state()
        method.term(DATA, [GROUPS], 0.7, DIM, 0)(batch_of(range(N)))
        assert torch.equal(state, torch.get_rng_state())

    def test_one_group_is_refused(self, method: adversarial.Adversarial) -> None:
        with pytest.raises(ConfigError, match="one group"):
            method.term(DATA, [groups_of([0] * N)], 1.0, DIM, 0)
        with pytest.raises(ConfigError, match="not between 0 and 1"):
            method.term(DATA, [GROUPS], 2.0, DIM, 0)

    @pytest.mark.parametrize("users", [[5], [0, 1], [2], [5, 5, 0]])
    def test_absent_and_unknown_groups_are_no_trouble(self, method: adversarial.Adversarial, users: list[int]) -> None:
        term = method.term(DATA, [GROUPS], 1.0, DIM, 0)
        for step in range(3):
            batch = batch_of(users, step)
            value = term(batch)
            assert torch.isfinite(value)
            if value.requires_grad:
                value.backward()
                for tensor in (batch.vectors, batch.sample_loss, batch.probability):
                    assert tensor is not None
                    if tensor.grad is not None:
                        assert torch.isfinite(tensor.grad).all()
                        unknown = torch.tensor(users) == 5
                        assert not tensor.grad[unknown].any()  # people of unknown group take no part

    def test_a_checkpoint_holds_all_state(self, method: adversarial.Adversarial) -> None:
        def run(term: torch.nn.Module, steps: range) -> list[torch.Tensor]:
            return [term(batch_of([0, 1, 2, 3, 4, 5, 0, 2], step, step / 8)).detach() for step in steps]

        whole = run(method.term(DATA, [GROUPS], 1.0, DIM, 0), range(8))
        first = method.term(DATA, [GROUPS], 1.0, DIM, 0)
        run(first, range(4))
        resumed = method.term(DATA, [GROUPS], 1.0, DIM, 99)
        resumed.load_state_dict(first.state_dict())
        assert torch.equal(torch.stack(run(resumed, range(4, 8))), torch.stack(whole[4:]))

    def test_several_attributes_and_a_crossing(self, method: adversarial.Adversarial) -> None:
        age = groups_of([0, 1, 2, -1, 0, 1], "age_band", ("a", "b", "c"))
        crossed = groups_of([0, 1, 2, 3, 0, -1], "gender × age_band", ("Fa", "Fb", "Ma", "Mb"))
        term = method.term(DATA, [GROUPS, age, crossed], 0.5, DIM, 0)
        for step in range(3):
            assert torch.isfinite(term(batch_of(range(N), step)))


class TestAdversarial:
    def test_the_gradient_pushes_against_the_critic(self) -> None:
        term = find_method("adversarial").term(DATA, [GROUPS], 1.0, DIM, 0)
        for step in range(20):
            term(batch_of(range(N), 0, step / 20))
        batch = batch_of(range(N), 0)
        value = term(batch)
        value.backward()
        assert batch.vectors.grad is not None
        moved = replace(batch, vectors=(batch.vectors - 0.01 * batch.vectors.grad).detach())

        def critic_loss(vectors: torch.Tensor) -> float:
            _, bank, _ = term.bank.filled()
            x = (vectors - bank.mean(0)) / (bank.std(0, correction=0) + 1e-6)
            return term.critics[0].loss(x[:5], torch.tensor([0, 0, 1, 1, 1])).mean().item()

        # a step of the recommender against its gradient makes the critic err more
        assert critic_loss(moved.vectors) > critic_loss(batch.vectors.detach())

    def test_reversal_is_minus_the_gradient(self) -> None:
        x = torch.randn(3, 2, requires_grad=True)
        (adversarial._Reverse.apply(x) * torch.tensor([1.0, -2.0])).sum().backward()  # type: ignore[no-untyped-call]
        assert x.grad is not None
        assert torch.equal(x.grad, torch.tensor([-1.0, 2.0]).expand(3, 2))

    def test_the_weight_rises_from_0(self) -> None:
        sizes = []
        for done in (0.0, 0.1, 0.3, 1.0):
            batch = batch_of(range(N), 0, done)
            find_method("adversarial").term(DATA, [GROUPS], 1.0, DIM, 0)(batch).backward()
            assert batch.vectors.grad is not None
            sizes.append(batch.vectors.grad.norm().item())
        assert sizes[0] == 0.0
        assert sizes == sorted(sizes)
        ratio = (2 / (1 + math.exp(-10 * 0.1)) - 1) / (2 / (1 + math.exp(-10)) - 1)
        assert sizes[1] / sizes[3] == pytest.approx(ratio, rel=1e-4)

    def test_the_recommenders_optimiser_has_nothing_of_it(self) -> None:
        assert list(find_method("adversarial").term(DATA, [GROUPS], 1.0, DIM, 0).parameters()) == []

    def test_a_planted_group_is_forgotten_and_the_task_is_not(self) -> None:
        """Inputs hold a task signal, noise, and the group; a linear encoder learns the task with and without it."""
        before, after = _train(0.0), _train(1.0)
        assert before.auc > 0.8
        assert after.auc <= 0.6
        assert after.task_loss < before.task_loss + 0.1


@dataclass
class _Outcome:
    auc: float  # of a probe on people whose group was withheld
    divergence: float  # relative, of the same people
    task_loss: float


def _train(strength: float, method: Any = ADVERSARIAL) -> _Outcome:
    rng = np.random.default_rng(0)
    n, d = 600, 8
    group = rng.integers(0, 2, n)
    x = torch.from_numpy(rng.normal(size=(n, d))).float()
    x[:, 0] += 2.0 * torch.from_numpy(group).float()
    hidden = rng.random(n) < 0.4  # their group is withheld from the mitigation
    goal = x[:, 1:3].clone() + 0.2 * x[:, :1]
    data = training([(u, 0, 5.0) for u in range(n)], n, 1)
    term = method.term(data, [groups_of(np.where(hidden, -1, group).tolist())], strength, d, 0)
    torch.manual_seed(0)
    encoder, head = torch.nn.Linear(d, d), torch.nn.Linear(d, 2)
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], 1e-2)
    steps = 400
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for step in range(steps):
        users = torch.from_numpy(rng.integers(0, n, 64))
        vectors = encoder(x[users])
        loss = (head(vectors) - goal[users]).square().mean(1)
        total = loss.mean() + term(TermBatch(users, vectors, loss, step / steps))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        falling.step()
    with torch.no_grad():
        vectors = encoder(x)
        task = (head(vectors) - goal).square().mean().item()
    found = vectors.numpy()[hidden]
    apart = divergence(found, groups_of(group[hidden].tolist()), "standardise").relative
    found = (found - found.mean(0)) / found.std(0)
    half = len(found) // 2
    probe = LogisticRegression(C=0.1).fit(found[:half], group[hidden][:half])
    return _Outcome(float(roc_auc_score(group[hidden][half:], probe.decision_function(found[half:]))), apart, task)


class TestNeutral:
    def test_the_value_is_the_relative_distance_from_the_standardised_vector(self) -> None:
        vectors = torch.tensor([[1.0, 0.0], [1.0, 2.0], [-1.0, 0.0], [-1.0, 2.0]])
        data = training([(u, 0, 5.0) for u in range(4)], 4, 1)
        term = find_method("neutral").term(data, [groups_of([0, 0, 1, 1])], 0.5, 2, 0)
        value = term(TermBatch(torch.arange(4), vectors.requires_grad_(), torch.ones(4), 1.0))
        # group means (1, 1) and (−1, 1), mean of all (0, 1): everybody stands 1 from neutral; the spread is √2
        assert value.item() == pytest.approx(0.5 * neutral.LAMBDA / math.sqrt(2), rel=1e-4)
        value.backward()
        assert vectors.grad is not None
        assert (vectors.grad[:, 0] * vectors[:, 0] > 0).all()  # nearer to the other group is cheaper
        assert vectors.grad[:, 1].abs().max() < 1e-5

    def test_neutral_vectors_are_those_of_the_metric(self) -> None:
        rng = np.random.default_rng(0)
        codes = rng.integers(0, 3, 200).astype(np.int32)
        vectors = rng.normal(size=(200, 5)) * (1 + codes[:, None]) + codes[:, None]
        x, g = torch.from_numpy(vectors), torch.from_numpy(codes)
        np.testing.assert_allclose(neutral.neutral_vectors(x, g, x, g).numpy(), standardise(vectors, codes), atol=1e-9)

    def test_groups_that_are_alike_cost_nothing(self) -> None:
        vectors = torch.randn(3, DIM).repeat(2, 1)
        data = training([(u, 0, 5.0) for u in range(6)], 6, 1)
        term = find_method("neutral").term(data, [groups_of([0, 0, 0, 1, 1, 1])], 1.0, DIM, 0)
        assert term(TermBatch(torch.arange(6), vectors, torch.ones(6), 1.0)).item() < 1e-5

    def test_divergence_falls(self) -> None:
        before, after = _train(0.0, find_method("neutral")), _train(1.0, find_method("neutral"))
        assert after.divergence < 0.5 * before.divergence
        assert after.task_loss < before.task_loss + 0.2


class TestGroupDro:
    def test_one_step_by_hand(self) -> None:
        term = find_method("group_dro").term(DATA, [GROUPS], 1.0, DIM, 0)
        torch.testing.assert_close(term.shares, torch.tensor([[0.4, 0.6]]))
        loss = torch.tensor([3.0, 1.0, 1.0, 1.0, 1.0], requires_grad=True)
        value = term(TermBatch(torch.arange(5), torch.zeros(5, DIM), loss, 0.01))
        # L = 2 and 1; q ∝ .4 e^(2η), .6 e^η, with a hundredth of the training done
        eta = group_dro.ETA / 100
        high, low = 0.4 * math.exp(2 * eta), 0.6 * math.exp(eta)
        q = torch.tensor([high, low]) / (high + low)
        torch.testing.assert_close(term.log_weights[0].exp(), q)
        # the recommender's mean loss plus the term is Σ q L
        assert (loss.mean() + value).item() == pytest.approx((q * torch.tensor([2.0, 1.0])).sum().item(), rel=1e-5)

    def test_half_strength_is_half_of_each(self) -> None:
        batch = TermBatch(torch.arange(5), torch.zeros(5, DIM), torch.tensor([3.0, 1, 1, 1, 1]), 0.01)
        whole, half = (find_method("group_dro").term(DATA, [GROUPS], s, DIM, 0)(batch) for s in (1.0, 0.5))
        assert half.item() == pytest.approx(whole.item() / 2, rel=1e-5)

    def test_the_worst_group_takes_over(self) -> None:
        term = find_method("group_dro").term(DATA, [GROUPS], 1.0, DIM, 0)
        batch = TermBatch(torch.arange(5), torch.zeros(5, DIM), torch.tensor([1.6, 1.6, 1.5, 1.5, 1.5]), 0.5)
        weights = []
        for step in range(200):
            term(replace(batch, done=step / 200))
            weights.append(term.log_weights[0, 0].exp().item())
        assert weights == sorted(weights)
        assert weights[-1] > 0.95

    def test_weights_of_the_recommenders_loss_are_kept(self) -> None:
        """A sample that weighs nothing in the recommender's loss weighs nothing in the term."""
        term = find_method("group_dro").term(DATA, [GROUPS], 1.0, DIM, 0)
        loss = torch.tensor([50.0, 2, 1, 1, 1], requires_grad=True)
        weight = torch.tensor([0.0, 2, 1, 1, 1])
        term(TermBatch(torch.arange(5), torch.zeros(5, DIM), loss, 0.5, weight=weight)).backward()
        assert loss.grad is not None
        assert loss.grad[0] == 0
        assert loss.grad[1] > 0


class TestLossGap:
    def test_the_best_group_never_gets_a_negative_weight(self) -> None:
        term = find_method("fair_loss").term(DATA, [GROUPS], 1.0, DIM, 0)
        loss = torch.tensor([3.0, 3, 1, 1, 1], requires_grad=True)
        batch = TermBatch(torch.arange(5), torch.zeros(5, DIM), loss, 0.5)
        # everybody's share is over all samples, of which the unknown person has a sixth
        term.shares[:] = torch.tensor([[0.4, 0.6]])
        (loss.mean() + term(batch)).backward()
        assert loss.grad is not None
        torch.testing.assert_close(loss.grad, torch.tensor([0.5, 0.5, 0.0, 0.0, 0.0]), atol=1e-6, rtol=0)

    def test_the_sign_follows_who_is_worse_off(self) -> None:
        for losses in ([3.0, 3, 1, 1, 1], [1.0, 1, 3, 3, 3]):
            loss = torch.tensor(losses, requires_grad=True)
            term = find_method("fair_loss").term(DATA, [GROUPS], 0.5, DIM, 0)
            term(TermBatch(torch.arange(5), torch.zeros(5, DIM), loss, 0.5)).backward()
            assert loss.grad is not None
            assert torch.equal(loss.grad > 0, loss.detach() == 3)

    def test_one_noisy_batch_does_not_turn_it_over(self) -> None:
        term = find_method("fair_loss").term(DATA, [GROUPS], 0.5, DIM, 0)
        usual = TermBatch(torch.arange(5), torch.zeros(5, DIM), torch.tensor([3.0, 3, 1, 1, 1]), 0.5)
        for _ in range(50):
            term(usual)
        loss = torch.tensor([1.0, 1, 3, 3, 3], requires_grad=True)
        term(replace(usual, sample_loss=loss)).backward()
        assert loss.grad is not None
        assert (loss.grad[:2] > 0).all()


class TestBank:
    @staticmethod
    def batch(users: list[int], values: list[float], weight: list[float] | None = None) -> TermBatch:
        given = None if weight is None else torch.tensor(weight)
        return TermBatch(torch.tensor(users), torch.tensor(values)[:, None], torch.ones(len(users)), 0.5, weight=given)

    def test_the_last_vector_of_a_user_stays(self) -> None:
        bank = Bank(5, 1)
        bank.add(self.batch([3, 1, 3], [1.0, 2.0, 3.0], [5.0, 6.0, 7.0]))
        users, vectors, weight = bank.filled()
        assert users.tolist() == [1, 3]
        assert vectors[:, 0].tolist() == [2.0, 3.0]
        assert weight.tolist() == [6.0, 7.0]
        bank.add(self.batch([1], [9.0]))
        assert bank.vectors[1, 0] == 9.0
        assert bank.weight[1] == 1.0

    def test_many_people_share_places(self) -> None:
        bank = Bank(3 * MAX_PEOPLE, 1)
        bank.add(self.batch([0, MAX_PEOPLE], [1.0, 2.0]))
        users, vectors, _ = bank.filled()
        assert (users.tolist(), vectors.tolist()) == ([MAX_PEOPLE], [[2.0]])


def test_unknown_people_hold_no_place_in_shares() -> None:
    term = find_method("group_dro").term(DATA, [Groups("gender", ("F", "M"), GROUPS.codes)], 1.0, DIM, 0)
    assert term.shares.sum().item() == pytest.approx(1.0)
