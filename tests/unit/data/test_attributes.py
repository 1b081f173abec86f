"""What people are said to be: spellings, several values, births, units."""

from __future__ import annotations

import pandas as pd
import pytest

from fairdash import data
from fairdash.data import ImportOptions, attributes, brought
from fairdash.data.findings import Finding
from fairdash.errors import ConfigError
from fairdash.groups import form
from fairdash.schema import Dataset, GroupSpec


def _series(*cells: str | None) -> pd.Series:
    return pd.Series(list(cells), dtype="str")


@pytest.mark.parametrize(
    ("name", "cells", "merged"),
    [
        ("gender", "F F Female female M M Male m", {"Female": "F", "female": "F", "Male": "M", "m": "M"}),
        ("Geschlecht", "w weiblich weiblich m männlich divers", {"w": "weiblich", "m": "männlich"}),
        ("q7", "woman woman F man man M", {"F": "woman", "M": "man"}),
        ("marital", "S Single Single M Married", {"S": "Single", "M": "Married"}),
        ("identity", "non-binary nonbinary Non-Binary woman", {"nonbinary": "Non-Binary"}),
        ("country", "Perú Peru Peru Chile", {"Perú": "Peru"}),
        ("sexo", "M Mujer Mujer H Hombre Hombre", {"M": "Mujer", "H": "Hombre"}),
        ("sexo", "Hombre Hombre Mujer M M", {"Mujer": "M"}),
        ("sexe", "H homme homme F femme femme", {"H": "homme", "F": "femme"}),
        ("geslacht", "V vrouw vrouw M man man", {"V": "vrouw", "M": "man"}),
        ("płeć", "K kobieta kobieta M mężczyzna mężczyzna", {"K": "kobieta", "M": "mężczyzna"}),
        ("cinsiyet", "E erkek erkek K kadın kadın", {"E": "erkek", "K": "kadın"}),
        ("gender", "Mr Mr. Mr Ms Ms Mrs", {"Mr.": "Mr", "Mrs": "Ms"}),
        ("gender", "Herr Mann Herr Frau Frau weiblich", {"Mann": "Herr", "weiblich": "Frau"}),
    ],
)
def test_spellings_of_one_group(name: str, cells: str, merged: dict[str, str]) -> None:
    found = attributes.spellings(_series(*cells.split()), name)
    assert {key: value for key, value in found.items() if key.casefold() != value.casefold()} == {
        key: value for key, value in merged.items() if key.casefold() != value.casefold()
    }


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("gender", "F M F"),
        ("gender", "Female Male other"),
        ("grade", "A B C A"),
        ("language", "C C++ C# Java"),
        ("age_group", "18-24 25-34 1824"),
        ("country", "DE FR NA"),
        ("size", "S M L XL"),
        ("status", "single married S M divorced separated"),
        ("sexo", "M H M H"),
        ("sexo", "Hombre M M"),
    ],
)
def test_different_groups_stay_different(name: str, cells: str) -> None:
    assert attributes.spellings(_series(*cells.split()), name) == {}


LOG = "user_id,item_id,timestamp\n" + "".join(f"u{u},i{i},{1_577_836_800 + i}\n" for u in range(8) for i in range(4))


def _build(people: str, log: str = LOG, **options: object) -> tuple[Dataset, dict[str, Finding]]:
    dataset, findings = data.build(
        ("log.csv", log.encode()),
        ("people.csv", people.encode()),
        options=ImportOptions(**options),  # type: ignore[arg-type]
    )
    return dataset, {finding.key: finding for finding in findings}


SPELT = ["F", "Female", "female", "Female", "M", "male", "m", "male"]
MESS = "user_id,gender\n" + "".join(
    f"u{u},{cell}\n" for u, cell in enumerate(["F", "Female", "female", "Female", "M", "male", "m", "male"])
)


def test_merging_is_proposed_with_counts_and_can_be_refused() -> None:
    dataset, found = _build(MESS)
    assert form(GroupSpec(("gender",)), dataset.users).sizes.tolist() == [4, 4]
    question = found["spellings"].question
    assert question is not None
    assert (question.key, question.preselected, question.option) == ("merge_spellings", "yes", "--merge-spellings")
    assert "Female (2)" in question.text
    apart, found = _build(MESS, merge_spellings=False)
    assert len(form(GroupSpec(("gender",)), apart.users).names) == 4
    assert found["spellings"].question is None
    assert not found["spellings"].applied
    lists = pd.DataFrame({"user_id": ["u0", "u1"], "item_id": ["i0", "i1"], "rank": [1, 1]})
    tables = brought.bring(lists, lists.drop(columns="rank"), ("p.csv", MESS.encode()))
    assert set(tables.users["gender"]) == set(dataset.users["gender"])


@pytest.mark.parametrize(
    "cells",
    [
        ("de;en", "fr", "en;fr"),
        ("de|en", "fr", "en|fr"),
        ("de、en", "fr", "en、fr"),
        ("['de', 'en']", "['fr']", "['en','fr']"),
        ("de, en", "fr", "en,fr", "de", "en"),
        ('["de","en"]', "fr", "en; fr"),
    ],
)
def test_several_values_are_groups_that_overlap(cells: tuple[str, ...]) -> None:
    joined = attributes.several(_series(*cells))
    if joined is not None:
        cells = tuple(joined)
    assert cells[:3] == ("de|en", "fr", "en|fr")
    groups = form(GroupSpec(("languages",)), pd.DataFrame({"user_id": list("abc"), "languages": cells[:3]}))
    assert groups.names == ("de", "en", "fr")
    assert groups.sizes.tolist() == [1, 2, 2]


@pytest.mark.parametrize(("mark", "repaired"), [(";", True), ("|", False)])
def test_several_values_are_said_however_they_are_written(mark: str, repaired: bool) -> None:
    people = "user_id,languages\n" + "".join(f"u{u},{('de', f'de{mark}en')[u % 2]}\n" for u in range(8))
    dataset, found = _build(people)
    assert dataset.users["languages"].tolist()[:2] == ["de", "de|en"]
    assert (found["several_values"].count, found["several_values"].applied) == (4, repaired)


def test_numbers_with_a_slip_are_no_lists() -> None:
    people = "user_id,height\n" + "".join(f"u{u},{('170', '171|172')[u == 7]}\n" for u in range(40))
    assert "several_values" not in _build(people)[1]


def test_places_and_numbers_are_single_values() -> None:
    assert attributes.several(_series("Springfield, Ohio", "Salem, Oregon", "Dayton, Ohio")) is None
    assert attributes.several(_series("1,5", "2,5")) is None


def test_dates_of_birth_become_ages_at_the_last_interaction() -> None:
    people = "user_id,dob\n" + "".join(f"u{u},{1960 + 5 * u}-01-0{1 + u}\n" for u in range(8))
    dataset, found = _build(people)
    assert dataset.users["age"].astype(float).tolist() == [60, 54, 49, 44, 39, 34, 29, 24]
    assert "dob" not in dataset.users
    assert "2020-01-01" in found["births"].message
    assert form(GroupSpec(("dob",)), dataset.users).attribute == "dob"
    years, _ = _build(_years())
    assert years.users["age"].tolist()[0] == "60"


def _years() -> str:
    return "user_id,birth_year\n" + "".join(f"u{u},{1960 + u}\n" for u in range(8))


def test_without_dates_of_interactions_the_day_is_asked() -> None:
    log = LOG.replace(",timestamp", ",x").replace("157783680", "a")
    people = "user_id,birth_date\n" + "".join(f"u{u},{1960 + 5 * u}-07-01\n" for u in range(8))
    _, found = _build(people, log)
    question = found["births"].question
    assert question is not None
    assert question.option == "--as-of"
    dataset, found = _build(people, log, as_of="2000-07-02")
    assert dataset.users["age"].tolist()[:2] == ["40", "35"]
    assert found["births"].question is None
    with pytest.raises(ConfigError, match="is no date"):
        ImportOptions(as_of="yesterday")
    kept, _ = _build(_years(), log)  # years are numbers already
    assert "birth_year" in kept.users


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("25 years", "31 years", "1 year"), ["25", "31", "1"]),
        (("$1,200", "$950"), ["1200", "950"]),
        (("1,200", "950"), ["1200", "950"]),
        (("180cm", "165 cm"), ["180", "165"]),
        (("12.5 kg", "80 kg"), ["12.5", "80"]),
    ],
)
def test_numbers_with_units(cells: tuple[str, ...], numbers: list[str]) -> None:
    found = attributes.without_units(_series(*cells))
    assert found is not None
    assert found[0].tolist() == numbers


@pytest.mark.parametrize(
    "cells", [("A1", "B2"), ("5 km", "3 miles"), ("18-24", "25-34"), ("K-12", "college"), ("7", "8")]
)
def test_names_with_digits_are_no_numbers(cells: tuple[str, ...]) -> None:
    assert attributes.without_units(_series(*cells)) is None


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("1.234,50 €", "987,00 €", "12.000,00 €"), ["1234.50", "987.00", "12000.00"]),
        (("$1,234.50", "$987.00"), ["1234.50", "987.00"]),
        (("1.200", "980", "2.340"), None),  # plain numbers
        (("5.11.1980 n", "6.12.1981 n"), None),
    ],
)
def test_thousands_and_decimals_of_either_way(cells: tuple[str, ...], numbers: list[str] | None) -> None:
    found = attributes.without_units(_series(*cells))
    assert (None if found is None else found[0].tolist()) == numbers


@pytest.mark.parametrize(
    ("head", "cell", "age"),
    [("Geburtstag", "3.1.1980", "40"), ("fecha_nacimiento", "1980-06-01", "39"), ("born", "1980", "40"),
     ("yob", "80", "40"), ("yob", "07", "13")],
)  # fmt: skip
def test_births_under_other_names_become_ages(head: str, cell: str, age: str) -> None:
    people = f"user_id,{head}\n" + "".join(f"u{u},{cell}\n" for u in range(8))
    log = LOG.replace("1577836", "1579900")  # the end of January 2020
    dataset, found = _build(people, log)
    assert dataset.users["age"].tolist() == [age] * 8
    assert "births" in found


@pytest.mark.parametrize(
    "cell",
    ["01.03.{short}", "3/1/{short}", "{year}0301", "{year}-03", "{days}", "{seconds}", "{milliseconds}"],
)
def test_dates_of_birth_in_every_dress_become_ages(cell: str) -> None:
    people = ["user_id,dob"]
    for u, year in enumerate((1938, 1955, 1968, 1975, 1988, 1999, 2004, 2010)):
        day = pd.Timestamp(year, 3, 1)
        seconds = int((day - pd.Timestamp(1970, 1, 1)).total_seconds())
        said = cell.format(year=year, short=f"{year % 100:02d}", days=(day - pd.Timestamp(1899, 12, 30)).days,
                           seconds=seconds, milliseconds=1000 * seconds)  # fmt: skip
        people.append(f"u{u},{said}")
    dataset, _ = _build("\n".join(people) + "\n")  # the last interaction is of the first of January 2020
    assert dataset.users["age"].tolist() == ["81", "64", "51", "44", "31", "20", "15", "9"]


def test_a_date_of_birth_that_is_none_takes_no_others_with_it() -> None:
    people = "user_id,dob\n" + "".join(f"u{u},{'00000000' if u == 3 else f'{1980 + u}0301'}\n" for u in range(8))
    dataset, _ = _build(people)
    assert dataset.users["age"].fillna("").tolist() == ["39", "38", "37", "", "35", "34", "33", "32"]


def test_dots_that_part_thousands_of_an_attribute() -> None:
    found = attributes.without_units(_series("62.000", "600", "29.014", "1.200.000"))
    assert found is not None
    assert found[0].tolist() == ["62000", "600", "29014", "1200000"]
    assert attributes.without_units(_series("52.520", "13.405", "48.137")) is None


def test_ways_to_write_yes_and_no_are_merged() -> None:
    merged = attributes.spellings(_series("true", "true", "1", "yes", "false", "0", "false"), "premium")
    assert merged == {"1": "true", "yes": "true", "0": "false"}
