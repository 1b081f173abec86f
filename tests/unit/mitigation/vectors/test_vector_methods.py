from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from fairdash.errors import ConfigError
from fairdash.mitigation.vectors import decorrelate, project
from fairdash.schema import Floats, Groups
from tests.unit.mitigation.people import groups_of, methods_of


def planted(n: int = 600, d: int = 12, shift: float = 2.0, seed: int = 0) -> tuple[Floats, NDArray[np.int32]]:
    """Vectors whose first two coordinates tell the group, the others do not."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n).astype(np.int32)
    vectors = rng.normal(size=(n, d)) * rng.uniform(0.5, 3.0, d)
    vectors[:, 0] += shift * group
    vectors[:, 1] -= 0.5 * shift * group
    return vectors.astype(np.float32), group


def auc(train: Floats, train_group: NDArray[np.int32], test: Floats, test_group: NDArray[np.int32]) -> float:
    mean, scale = train.mean(0), train.std(0) + 1e-9
    probe = LogisticRegression(C=1.0, max_iter=1000).fit((train - mean) / scale, train_group)
    return float(roc_auc_score(test_group, probe.decision_function((test - mean) / scale)))


@pytest.mark.parametrize("method", methods_of("vectors"), ids=lambda method: method.info.key)
class TestBoth:
    def test_strength_0_is_the_identity(self, method: project.Project) -> None:
        vectors, group = planted()
        groups = [groups_of(group.tolist())]
        assert method.fit(vectors, groups, 0.0, 0)(vectors, groups) is vectors

    def test_a_planted_direction_is_gone_for_people_whose_group_was_withheld(self, method: project.Project) -> None:
        vectors, group = planted(1500)
        withheld = np.arange(1500) >= 900
        fitted_on = [groups_of(np.where(withheld, -1, group).tolist())]
        before = auc(vectors[:900], group[:900], vectors[900:], group[900:])
        # decorrelate must know the group to take it away, project must not
        known = [groups_of(group.tolist())] if method is decorrelate.METHOD else fitted_on
        after = method.fit(vectors, fitted_on, 1.0, 0)(vectors, known)
        assert before > 0.8
        assert auc(after[:900], group[:900], after[900:], group[900:]) <= 0.55
        assert after.dtype == np.float32

    def test_what_does_not_tell_the_group_stays(self, method: project.Project) -> None:
        vectors, group = planted(2000)
        groups = [groups_of(group.tolist())]
        after = method.fit(vectors, groups, 1.0, 0)(vectors, groups)
        for column in range(2, 12):
            assert np.corrcoef(vectors[:, column], after[:, column])[0, 1] > 0.97

    def test_group_means_meet(self, method: project.Project) -> None:
        vectors, group = planted(2000)
        groups = [groups_of(group.tolist())]
        after = method.fit(vectors, groups, 1.0, 0)(vectors, groups)
        gap = np.linalg.norm(vectors[group == 0].mean(0) - vectors[group == 1].mean(0))
        assert np.linalg.norm(after[group == 0].mean(0) - after[group == 1].mean(0)) < 0.2 * gap
        np.testing.assert_allclose(after.mean(0), vectors.mean(0), atol=1e-3)

    def test_a_larger_strength_moves_further(self, method: project.Project) -> None:
        vectors, group = planted()
        groups = [groups_of(group.tolist())]
        after = [method.fit(vectors, groups, strength, 0)(vectors, groups) for strength in (0.1, 0.4, 1.0)]
        moved = [float(np.linalg.norm(changed - vectors)) for changed in after]
        assert moved == sorted(moved)
        assert moved[0] > 0

    def test_two_attributes_at_once(self, method: project.Project) -> None:
        vectors, group = planted(1500)
        rng = np.random.default_rng(1)
        age = rng.integers(0, 3, 1500).astype(np.int32)
        vectors[:, 5] += 3.0 * age
        groups = [groups_of(group.tolist()), groups_of(age.tolist(), "age", ("a", "b", "c"))]
        after = method.fit(vectors, groups, 1.0, 0)(vectors, groups)
        assert auc(vectors[:900], (age == 2).astype(np.int32)[:900], vectors[900:], (age == 2)[900:]) > 0.8
        for label in (group, (age == 2).astype(np.int32)):
            assert auc(after[:900], label[:900], after[900:], label[900:]) < 0.58

    def test_one_group_is_refused(self, method: project.Project) -> None:
        vectors, group = planted()
        with pytest.raises(ConfigError, match="one group"):
            method.fit(vectors, [groups_of([0] * len(group))], 1.0, 0)
        with pytest.raises(ConfigError, match="not between 0 and 1"):
            method.fit(vectors, [groups_of(group.tolist())], -1.0, 0)

    def test_the_same_seed_gives_the_same_map(self, method: project.Project) -> None:
        vectors, group = planted(200)
        groups = [groups_of(group.tolist())]
        a, b = (method.fit(vectors, groups, 1.0, 5)(vectors, groups) for _ in range(2))
        np.testing.assert_array_equal(a, b)

    @settings(max_examples=8, deadline=None)
    @given(st.integers(0, 2**31), st.sampled_from([3, 8, 40]), st.sampled_from([0.3, 1.0]))
    def test_any_input_gives_numbers(self, method: project.Project, seed: int, n: int, strength: float) -> None:
        rng = np.random.default_rng(seed)
        vectors = rng.normal(size=(n, 5)).astype(np.float32)
        vectors[:, 4] = 1.0  # a coordinate that is the same for everybody
        codes = rng.integers(-1, 3, n).astype(np.int32)
        codes[:2] = [0, 1]
        groups = [Groups("g", ("a", "b", "c"), codes)]
        after = method.fit(vectors, groups, strength, 0)(vectors, groups)
        assert after.shape == vectors.shape
        assert np.isfinite(after).all()


class TestProject:
    def test_the_map_does_not_look_at_groups(self) -> None:
        vectors, group = planted()
        apply = project.METHOD.fit(vectors, [groups_of(group.tolist())], 1.0, 0)
        a = apply(vectors, [groups_of(group.tolist())])
        b = apply(vectors, [groups_of([-1] * len(group))])
        np.testing.assert_array_equal(a, b)

    def test_directions_are_orthonormal_and_null(self) -> None:
        vectors, group = planted()
        scaled = (vectors - vectors.mean(0)) / vectors.std(0)
        basis = np.zeros((0, scaled.shape[1]))
        for _ in range(4):
            basis = project.one_round(basis, scaled.astype(np.float64), [group])
        np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-9)
        assert np.abs(project.without(basis, scaled) @ basis.T).max() < 1e-5

    def test_no_more_is_removed_than_needed(self) -> None:
        vectors, group = planted(1500)
        scaled = ((vectors - vectors.mean(0)) / vectors.std(0)).astype(np.float64)
        assert project.rounds_needed(scaled, [group], 0) <= 3

    def test_strength_removes_directions_in_order(self) -> None:
        """Half of four directions removes the first two whole and leaves the others."""
        vectors, group = planted(300, shift=1.0)
        groups = [groups_of(group.tolist())]
        full = project.METHOD.fit(vectors, groups, 1.0, 0)(vectors, groups) - vectors
        part = project.METHOD.fit(vectors, groups, 0.5, 0)(vectors, groups) - vectors
        assert np.linalg.matrix_rank(part, tol=1e-3) <= np.linalg.matrix_rank(full, tol=1e-3)


class TestDecorrelate:
    def test_people_of_unknown_group_stay(self) -> None:
        vectors, group = planted(100)
        codes = group.copy()
        codes[:10] = -1
        groups = [groups_of(codes.tolist())]
        after = decorrelate.METHOD.fit(vectors, groups, 1.0, 0)(vectors, groups)
        np.testing.assert_array_equal(after[:10], vectors[:10])
        assert (after[10:] != vectors[10:]).any()

    def test_by_hand(self) -> None:
        """Two groups with means 1 and 3, mean of all 2.5: each loses its own difference from that mean."""
        vectors = np.array([[0.0], [2.0], [3.0], [3.0], [3.0], [3.0], [3.0], [3.0]], np.float32)
        groups = [groups_of([0, 0] + [1] * 6)]
        half = decorrelate.METHOD.fit(vectors, groups, 0.5, 0)(vectors, groups)
        np.testing.assert_allclose(half[:, 0], [0.75, 2.75] + [2.75] * 6, atol=1e-6)

    def test_nobody_with_all_attributes_is_said(self) -> None:
        vectors, _ = planted(4)
        with pytest.raises(ConfigError, match="nobody has a value"):
            decorrelate.METHOD.fit(vectors, [groups_of([0, 1, -1, -1]), groups_of([-1, -1, 0, 1], "age")], 1.0, 0)
