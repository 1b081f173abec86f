"""The original files by their shape, and the names of what is in them."""

from __future__ import annotations

import io
import zipfile

import pytest

from fairdash import data
from fairdash.errors import DataError
from fairdash.groups import form
from fairdash.schema import GroupSpec

U_DATA = b"".join(b"%d\t%d\t%d\t%d\n" % (1 + i % 3, 1 + i // 3, 1 + i % 5, 881250949 + i) for i in range(9))
U_USER = b"1|24|M|technician|85711\n2|53|F|other|94043\n3|23|M|writer|32067\n"
FLAGS = {1: "0|0|0|1|1|1" + "|0" * 13, 2: "0|1|1" + "|0" * 13 + "|1|0|0", 3: "1" + "|0" * 18}
U_ITEM = "".join(
    f"{i}|{title}|01-Jan-1995||http://x|{FLAGS[i]}\n"
    for i, title in ((1, "Toy Story (1995)"), (2, "Misérables, Les (1958)"), (3, "unknown"))
).encode("latin-1")

RATINGS = b"".join(b"%d::%d::%d::%d\n" % (1 + i % 3, 1 + i // 3, 1 + i % 5, 978300760 + i) for i in range(9))
USERS = b"1::F::1::10::48067\n2::M::56::16::70072\n3::M::25::15::55117\n"
MOVIES = "1::Toy Story (1995)::Animation|Children's|Comedy\n2::Misérables, Les (1998)::Drama\n3::Seven: Up::Drama\n"


@pytest.fixture(params=["three files", "one list", "zip", "zip with a folder"])
def small(request: pytest.FixtureRequest) -> tuple[data.importing.Dataset, tuple[data.Finding, ...]]:
    files = [("u.data", U_DATA), ("u.user", U_USER), ("u.item", U_ITEM)]
    if request.param == "three files":
        return data.build(*files)
    if request.param == "one list":
        return data.build(files[::-1])
    folder = "ml-100k/" if request.param == "zip with a folder" else ""
    more = [
        ("u1.base", U_DATA),
        ("u1.test", U_DATA),
        ("README", b"hello\nthere"),
        ("u.info", b"943 users"),
        ("mku.sh", b"#!"),
    ]
    return data.build(_zip(files + more, folder))


def _zip(files: list[tuple[str, bytes]], folder: str = "") -> tuple[str, bytes]:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(folder + name, content)
    return "ml.zip", raw.getvalue()


def test_100k(small: tuple[data.importing.Dataset, tuple[data.Finding, ...]]) -> None:
    dataset, findings = small
    assert (dataset.n_users, dataset.n_items, len(dataset.interactions)) == (3, 3, 9)
    assert list(dataset.users.columns) == ["user_id", "age", "gender", "occupation", "zip_code"]
    assert dataset.items["categories"].tolist() == [
        "Animation|Children's|Comedy",
        "Action|Adventure|Thriller",
        "unknown",
    ]
    assert dataset.items["title"].tolist() == ["Toy Story (1995)", "Misérables, Les (1958)", "unknown"]
    assert dataset.items["release_year"].fillna("").tolist() == ["1995", "1958", ""]
    assert dataset.relevance_threshold == 4.0
    assert dataset.provenance["time_unit"] == "seconds"
    assert any(f.key == "encoding" and f.rows == (2,) for f in findings)


def test_other_files_of_the_archive_are_left_aside_and_said() -> None:
    files = [("u.data", U_DATA), ("u.user", U_USER), ("u.item", U_ITEM), ("u1.base", U_DATA), ("README", b"x")]
    _, findings = data.build(_zip(files, "ml-100k/"))
    aside = next(f for f in findings if f.key == "left_aside")
    assert aside.count == 2
    assert "u1.base" in aside.message


def test_1m_codes_become_labels() -> None:
    files = [("ml-1m/ratings.dat", RATINGS), ("ml-1m/users.dat", USERS), ("ml-1m/movies.dat", MOVIES.encode("latin-1"))]
    dataset, _ = data.build([*files, ("ml-1m/README", b"x")])
    assert dataset.users["age_group"].tolist() == ["under 18", "56+", "25–34"]
    assert dataset.users["age"].tolist() == ["1", "56", "25"]
    assert dataset.users["occupation"].tolist() == ["K-12 student", "self-employed", "scientist"]
    assert dataset.items["title"].tolist()[2] == "Seven: Up"
    assert dataset.items["categories"].tolist()[0] == "Animation|Children's|Comedy"
    ages = form(GroupSpec(("age_group",)), dataset.users)
    assert ages.names == ("under 18", "25–34", "56+")


def test_files_under_other_names_are_known_by_their_shape() -> None:
    dataset, _ = data.build([("a.txt", U_ITEM), ("b.txt", U_USER), ("c.txt", U_DATA)])
    assert list(dataset.items.columns) == ["item_id", "title", "categories", "release_year"]
    assert "gender" in dataset.users


def test_files_in_each_others_place_are_noticed() -> None:
    with pytest.raises(DataError, match=r"u\.item holds items, but was given as the file of people"):
        data.build(("u.data", U_DATA), ("u.item", U_ITEM), ("u.user", U_USER))
