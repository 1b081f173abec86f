"""What column names and cells mean: names of roles, signs of a missing value, ages, numbers, dates."""

from __future__ import annotations

import re
import unicodedata
import weakref
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fairdash import texts


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A column name without case, accents, spaces and punctuation: "User ID" and "user_id:token" are "userid"."""
    text = unicodedata.normalize("NFKD", name.casefold().split(":")[0])
    return "".join(letter for letter in text if letter.isalnum())


def _known(*names: str) -> tuple[str, ...]:
    """Plain names of words cut by spaces, in their order."""
    return tuple(dict.fromkeys(plain(word) for line in names for word in line.split()))


# Words that say no more than that a column tells things apart: "fk_user", "CustNo", "movie hash".
_MARKS = (
    *(
        "identifier",
        "number",
        "nummer",
        "index",
        "hash",
        "code",
        "guid",
        "uuid",
        "key",
        "idx",
        "num",
        "pk",
        "fk",
        "sku",
    ),
    *("id", "no", "nr", "sk", "ref", "编号", "編號", "번호", "номер"),
)


def bare(name: str) -> str:
    """The plain name without marks of an id before and after it."""
    key = plain(name)
    for mark in _MARKS:
        key = key.removeprefix(mark) if len(key) > len(mark) + 2 and mark in ("pk", "fk", "id") else key
    for mark in _MARKS:
        key = key.removesuffix(mark) if len(key) > len(mark) else key
    return key


# Names by which a role is known, best first; compared without case, accents, spaces, "_", "-" and RecBole's ":token"
# endings. English first, then what exports of a system or of another language call it.
USER_NAMES = _known(
    "userid user anchor uid personid person customerid customer memberid member viewerid useridx userkey username",
    "reviewerid reviewer listenerid readerid buyerid shopperid clientid client accountid account profileid",
    "subscriberid studentid learnerid visitorid visitor steamid msno householdkey queryid qid sessionid session",
    "usuario idusuario usuarioid cliente idcliente clienteid utilisateur idutilisateur utente idutente benutzer",
    "benutzerid nutzer nutzerid kunde kundenid kundennummer gebruiker klant klantid klantnummer użytkownik",
    "kullanıcı 用户 用户id 用户编号 用户名 会员 会员id 客户 客户id 顾客 使用者 ユーザー ユーザーid 利用者 顧客",
    "顧客id 會員 사용자 사용자id 고객 회원 пользователь пользовательid idпользователя клиент користувач المستخدم cust",
    "patient employee student learner listener reader subscriber buyer shopper household anonid panelist respondent",
    "användare användarid uživatel zákazník käyttäjä asiakas bruger bruker kunder felhasználó ügyfél utilizator",
    "χρήστης πελάτης משתמש کاربر pengguna pelanggan người_dùng nguoi_dung khách_hàng ผู้ใช้ ลูกค้า",
    "यूज़र उपयोगकर्ता ग्राहक korisnik kundennr مستخدم عميل kullanici kullaniciid musteri uzytkownik",
    "userpseudoid fullvisitorid idvisitor anonymousid",
)
ITEM_NAMES = _known(
    "itemid item iid movieid movie filmid film artistid artist trackid track songid song bookid isbn productid",
    "product asin placeid restaurantid businessid articleid newsid gameid showid contentid jobid courseid recipeid",
    "videoid parentasin book article place restaurant business game show video recipe course appid app stockcode",
    "sku productcode itemcode docid docno documentid podcastid podcast animeid anime beerid albumid album venueid",
    "venue poi poiid hotelid listingid postid adid problemid exerciseid película idpelicula peliculaid artículo",
    "idarticulo producto idproducto productoid libro obra prodotto filme produto produit idproduit livre artikel",
    "artikelid artikelnummer artikelcode produkt produktid buch lied ürün książka 物品 物品id 商品 商品id 商品编号",
    "电影 电影id 影片 图书 书籍 歌曲 项目 アイテム アイテムid 映画 映画id 영화 영화id 상품 상품id 아이템 фильм",
    "фильмid idфильма товар товарid idтовара книга المنتج الفيلم articolo film movie track song content",
    "電影 貨品 製品 곡 도서 produkty vara produktid bok skiva kniha položka tuote elokuva kirja vare bog",
    "termék könyv produs carte ταινία προϊόν βιβλίο פריט סרט ספר فیلم محصول produk barang buku sản_phẩm san_pham",
    "phim สินค้า ภาพยนตร์ फ़िल्म उत्पाद proizvod knjiga playlist titleid doctor artikelnr trackuri",
    "lineitemsku idactionurl منتج فيلم كتاب urun urunid listing ksiazka",
)
# What an id tells apart that is neither a person nor an item.
OCCASION_NAMES = _known(
    "sessionid session visitid idvisit visit orderid order ordernumber transactionid invoiceno invoiceid invoice",
    "reviewid eventid requestid impressionid logid rowid recordid basketid cartid queryid searchid",
)
RATING_NAMES = _known(
    "rating ratings stars score overall preference like liked label isliked favorite favourite grade vote feedback",
    "reaction thumb thumbs target relevance relevant rel gain judgment rui valoración puntuación calificación nota",
    "voto valutazione avaliação évaluation bewertung sterne waardering cijfer ocena puan 评分 打分 评级 星级 評分",
    "評価 평점 별점 оценка рейтинг التقييم 評等 betyg hodnocení známka arvosana arvio bedømmelse vurdering karakter",
    "értékelés notă βαθμολογία αξιολόγηση דירוג امتیاز penilaian peringkat đánh_giá danh_gia คะแนน रेटिंग ocjena",
    "ratingvalue ratingscore ratinggiven feedbackscore beoordeling noteutilisateur تقييم gefällt",
    "gefallen megusta jaime mipiace curtiu 喜欢 喜歡 いいね 좋아요 нравится",
)
NOTE_NAMES = ("feedback",)  # of ratings where they hold some, and of what people wrote
# Grades, of which 0 is the lowest.
GRADE_NAMES = _known("relevance relevant rel gain judgment label target")
COUNT_NAMES = _known(
    "count plays playcount playscount listens listencount clicks views watchcount weight frequency quantity",
    "purchases visits scrobbles hours minutes seconds playtime playtimeforever hoursplayed watchtime timespent",
    "totalplays n cantidad reproducciones quantité menge anzahl quantità quantidade 次数 播放次数 数量 回数 횟수",
    "количество qty units antal počet määrä ilość adet jumlah playcnt watchminutes",
)
OPEN_NAMES = ("label", "target", "feedback", "count", "weight")  # 0 there may be a dislike, or only shown
# 1: chosen, 0: only shown.
_CLICKS = _known(
    "click clicked clicks views purchases plays listens purchase view watch buy converted",
    "purchased bought ordered watched viewed opened consumed played listened streamed downloaded installed",
    "added subscribed enrolled applied booked visited rented 点击 是否点击 点击与否",
)
CLICK_NAMES = (*_CLICKS, *(f"is{name}" for name in _CLICKS))
TIME_NAMES = _known(
    "timestamp time datetime date position order sequence ts createdat ratedat unixreviewtime reviewtime reviewdate",
    "eventtime eventtimestamp unixtime utc dateadded datecreated tdat invoicedate orderdate purchasedate playedat",
    "listenedat watchedat fecha fechahora hora horodatage datum zeit zeitpunkt zeitstempel tijd data tarih 时间",
    "时间戳 日期 时刻 時間 日時 日付 시간 날짜 일시 время дата التاريخ created modified updated lastplayed viewedat",
    "clickedat purchasedat orderedat visitedat played_on watchedon listenedon readat reviewedat tid tidspunkt aika",
    "päivämäärä čas dato idő dátum timp ημερομηνία χρόνος תאריך זמן تاریخ زمان tanggal waktu thời_gian thoi_gian ngày",
    "วันที่ เวลา समय तारीख़ vrijeme وقت تاريخ tijdstip zaman orario momento fechayhora",
)
# Columns of two values that may tell of what a person did or felt, as is_recommended does.
DEED = re.compile(
    "like|love|fav|click|buy|bought|purchas|follow|shar|recommend|comment|subscri|cart|finish|complet|skip|hate"
)
# Counts that may have decimals: how long, and how much.
MEASURED = re.compile("hour|minut|second|time|durat|weight|watch|stunden|heure|hora|frequency")
DATE_PARTS = {  # the columns of a date that stands in several
    "year": _known("year yyyy jahr année annee año ano anno jaar rok år 年 年份 연도 год"),
    "month": _known("month mm monat mois mes mese maand miesiąc måned 月 月份 월 месяц"),
    "day": _known("day dd dayofmonth tag jour día dia giorno dag dzień 日 일 день"),
    "second": _known("second sekunde seconde segundo secondo 秒"),
    "minute": _known("minute minuto minuut minuta 分 分钟 분"),
    "hour": _known("hour hh hourofday stunde heure hora ora uur godzina time_hour 时 小时 時 시 час"),
}
TITLE_NAMES = _known(
    "title movietitle name itemname artistname trackname booktitle label productname prodname moviename",
    "originaltitle appname gamename titulo nombre titre nom titel nome 标题 名称 片名 书名 电影名 タイトル 제목",
    "название العنوان",
)
CATEGORY_NAMES = _known(
    "categories category genres genre tags class topics topic cuisine subject style categoría categorías género",
    "géneros catégorie kategorie kategorien genere generi 类别 类型 分类 标签 ジャンル カテゴリ 장르 카테고리 жанр",
    "жанры категория",
)
RANK_NAMES = _known(
    "rank ranking position place rang rango puesto 排名 順位 순위 место pos platz posición posizione posição",
    "sira sıra rnk itemrank listrank rangliste classement plaats miejsce 名次 排序 ランク ランキング 등수 позиция",
)
SCORE_NAMES = _known(
    "score prediction predicted predictedrating est estimate probability prob similarity relevance weight rating",
    "logit logits predictedscore predscore confidence",
    "得分 分数 punktzahl punkte puntaje punteggio pontuação スコア 점수 балл",
)
PREDICTION_NAMES = _known(
    "prediction predicted predictedrating est estimate predictedscore",
)
EVENT_NAMES = _known(
    "event eventtype eventname behavior behaviour behaviortype action actiontype interactiontype activity evento",
    "行为 行为类型",
)
# What is done with an item, as cells of a column of events say it.
EVENT_WORDS = frozenset(
    _known(
        "view viewed pageview pv impression show shown click clicked cart addtocart basket wishlist wish fav favorite",
        "favourite like liked share shared save saved bookmark buy bought purchase purchased order ordered checkout",
        "transaction return returned refund play played skip skipped listen listened watch watched stream download",
        "downloaded install installed uninstall subscribe enroll rate rated review open read remove removed rent apply",
        "detail search vista compra carrito vue achat panier ansicht kauf warenkorb visita acquisto weergave aankoop",
        "浏览 点击 收藏 加购 购买 просмотр клик покупка 閲覧 購入",
    )
)
SYSTEM_NAMES = _known(
    "system model algorithm recommender modelname algo method approach runid runname systemid run modelid",
    "variant recommendername systemname",
)
# Lists of a language model: what it was told of somebody.
TOLD_NAMES = _known("attribute sensitiveattribute protectedattribute")
VALUE_NAMES = _known("value attributevalue sensitivevalue protectedvalue")
NEUTRAL_NAMES = _known("neutral none nothing baseline")
FOLD_NAMES = _known("fold folds foldid cvfold kfold foldnumber cv repetition repeat")
SPLIT_NAMES = _known("split part fold subset partition dataset set datasplit splitname")
# What parts of a split are called, in a column and in names of files.
_PARTS = {
    "train": "train training trn base",
    "valid": "valid validation val dev development",
    "test": "test testing tst heldout holdout",
}
_PART = {word: part for part, words in _PARTS.items() for word in words.split()}
# Who is named so is no person, but the sum of a table.
SUM_NAMES = _known(
    "total totals grandtotal subtotal sum sums summe gesamt gesamtsumme gesamtergebnis totaal totale totali",
    "totalgeneral totalgénéral suma soma somme insgesamt итого всего 总计 合计 總計 合計 총계 합계",
)
# Lists that are in the order of time.
SEQUENCE_NAMES = _known(
    "sequence itemsequence itemseq history playlist session sessionitems clickhistory watchhistory tracks"
)
LIST_NAMES = _known(
    "items titles recommendations recommended recs predictions itemlist items_list itemids topk topn itemsequence",
    "sequence history",
    "recommendeditems recommendationlist itemseq ranking list purchases basket tracks movies songs books",
    "products",
)
GENDER_NAMES = _known(
    "gender sex usergender artistgender género sexo genre sexe geschlecht genere 性别 性別 성별 пол cinsiyet الجنس",
    "kön køn kjønn sukupuoli płeć pohlaví sesso geslacht φύλο מין giới_tính jenis_kelamin เพศ लिंग",
)
BIRTH_DATE_NAMES = _known(
    "birthdate dateofbirth birthday dob borndate birthdt bdate birth born fechanacimiento fechadenacimiento nacimiento",
    "geburtsdatum geburtstag geboren datenaissance datedenaissance naissance datadinascita datanascita nascita",
    "datanascimento datadenascimento nascimento geboortedatum födelsedatum fødselsdato syntymäaika dataurodzenia",
    "datumnarození doğumtarihi датарождения дата_рождения 出生日期 生日 生年月日 생년월일",
)
BIRTH_YEAR_NAMES = _known(
    "birthyear yearofbirth yob bornyear yearborn byear born birth geburtsjahr jahrgang añonacimiento añodenacimiento",
    "annéenaissance annéedenaissance annodinascita anonascimento geboortejaar födelseår rokurodzenia doğumyılı",
    "годрождения год_рождения 出生年份 出生年 生年 출생연도",
)
# What is said of people, and never of an interaction.
PERSONAL_NAMES = _known(
    "gender sex age agegroup ageband race ethnicity country nationality region language languages religion",
    "disability maritalstatus occupation occupationname education income birthyear birthdate dateofbirth dob",
    "zipcode sexo edad país geschlecht alter land sexe pays 性别 年龄 国家 职业 地区 性別 年齢 성별 나이 пол",
    "возраст страна",
)

# A cell that says "nothing is here". "NA" is Namibia and "none" can be an answer, so neither is among them.
MISSING_MARKS = frozenset(
    {"?", "n/a", "#n/a", "nan", "null", "\\n", "-", "--", "unknown", "(unknown)", "not available", "undefined", "<na>"}
)
# Ways to write the most frequent genders, each under the one that it is merged with.
GENDERS = {
    "F": "f fem female females woman women girl girls lady w weiblich frau femenino femenina mujer femme féminin donna "
    "femmina feminino mulher vrouw vrouwelijk kvinna kvinne kvinde kobieta žena nainen nő kadın ms mrs miss mme señora "
    "ciswoman ciswomen cisfemale femalecis womancis 女 女性 여 여성 여자 ж жен женский женщина",
    "M": "m male males man men boy boys gentleman mann männlich masculino hombre varón homme masculin uomo maschio "
    "homem mannelijk mężczyzna muž mies férfi erkek herr mr sir monsieur señor "
    "cisman cismen cismale malecis mancis 男 男性 남 남성 남자 м муж мужской мужчина",
    "non-binary": "nonbinary nb enby genderqueer divers diverse x",
}
_GENDER = {plain(word): name for name, words in GENDERS.items() for word in words.split()}
# What single letters stand for beside each other: in Spanish M is mujer beside H, hombre; in Polish K is kobieta.
_LETTERS: dict[frozenset[str], dict[str, str]] = {
    frozenset(letters): dict(zip(letters, genders, strict=True))
    for letters, genders in (("hm", "MF"), ("hf", "MF"), ("mv", "MF"), ("mk", "MF"), ("ek", "MF"))
}
OLDEST = 110  # years; an age above it, or below 1, is a slip of the keyboard or stands for "not told"
REMEMBERED = 200_000  # cells of a column of which is remembered what they are: logs are longer than tables of people
NUMERIC_SHARE = 0.95  # of the values that are there, for a column to count as numeric
_BELOW = re.compile(r"(?:under|below|less than|<|up to)\W*(?=\d)")


def is_called(name: str, known: Sequence[str]) -> bool:
    """Whether a column's name is one of these plain names, marks of an id aside."""
    return plain(name) in known or bare(name) in known


def is_count(name: str) -> bool:
    """Whether a column is called a count, alone or at the end of its name: Quantity, Lineitem quantity."""
    key = plain(name)
    longer = any(len(word) > 4 and key.endswith(word) for word in COUNT_NAMES) and not key.endswith(
        ("account", "discount")
    )
    return key in COUNT_NAMES or (longer and key not in RATING_NAMES)


def names(frame: pd.DataFrame) -> list[str]:
    """The columns' names."""
    return [str(column) for column in frame.columns]


def is_age(name: str) -> bool:
    """Whether a column of this name holds ages in years."""
    return plain(name) in {"age", "userage", "ageyears", "customerage", "artistage", "creatorage"}


def is_birth(name: str) -> bool:
    """Whether a column of this name holds dates or years of birth."""
    return plain(name) in BIRTH_DATE_NAMES or plain(name) in BIRTH_YEAR_NAMES


def genders(values: Iterable[str]) -> dict[str, str | None]:
    """F, M or non-binary for the ways to write them, None for another text. What a single letter says depends on what
    stands beside it: M is mujer beside hombre."""
    keys = {value: plain(value) for value in values}
    words = [key for key in keys.values() if len(key) > 1 and key in _GENDER]
    letters = {key for key in keys.values() if len(key) == 1 and key.isalpha()} - {"x"}
    known = _GENDER | _LETTERS.get(frozenset(letters), {})
    if "m" in letters and any(key.startswith("h") and _GENDER[key] == "M" for key in words):
        known = known | {"m": "F"}
    for letter in letters:
        meant = {_GENDER[key] for key in words if key.startswith(letter)}
        known = known | ({letter: meant.pop()} if len(meant) == 1 else {})
    return {value: known.get(key) for value, key in keys.items()}


def part_of(value: str) -> str | None:
    """train, valid or test for the ways to write them; None for another text."""
    return _PART.get(plain(value))


def is_identifier(name: str) -> bool:
    """Whether a name says that the column tells single people or items apart, so that groups of it mean nothing."""
    key = plain(name)
    ends = ("id", "sha", "hash", "mbid", "url", "uri", "email", "phone", "zip", "zipcode", "postalcode", "postcode")
    return key.endswith(ends) or key in {"name", "title", "latitude", "longitude", "lat", "lon", "lng", "address", "ip"}


_ROUNDED = re.compile(r"[+-]?(\d)(?:[.,](\d+))?[eE]\+(\d+)")
_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff"  # characters without a width, which no eye finds


def stripped(ids: pd.Series) -> pd.Series:
    """Text [n] without spaces and characters of no width around it; what has nothing else becomes missing."""
    return ids.str.strip().str.strip(_UNSEEN + " \t\u00a0").replace("", None)


def rounded(ids: Iterable[str]) -> list[str]:
    """The ids that are numbers which a table program has rounded, such as 7.65612E+16: of several ids one is left."""
    found = [(text, _ROUNDED.fullmatch(text)) for text in ids]
    return [text for text, match in found if match and match[2] and int(match[3]) > len(match[2])]


_Kept = dict[int, tuple["weakref.ref[pa.ChunkedArray]", Any]]
_TIDIED: _Kept = {}  # by texts, as long as these are there: an attribute is asked one question after the other
_DIFFERENT: _Kept = {}


def _of_texts(kept: _Kept, column: pd.Series, made: Callable[[pd.Series], Any]) -> Any:
    """What is made of a column of text, which never changes; made once for the same text."""
    cells = None if len(column) > REMEMBERED else getattr(column.array, "_pa_array", None)
    if not isinstance(cells, pa.ChunkedArray):
        return made(column)
    key = id(cells)
    if key not in kept:
        kept[key] = weakref.ref(cells, lambda _: kept.pop(key, None)), made(column)
    return kept[key][1]


def _factorized(column: pd.Series) -> tuple[NDArray[np.intp], pd.Index]:
    """Each cell's place [n] among the different ones, -1 where it is missing, and these."""
    codes, values = _of_texts(_DIFFERENT, column, pd.factorize)
    return codes, values


def _tidied(column: pd.Series) -> Any:
    codes, values = _factorized(column)  # attributes have few different cells: each is looked at once
    text = pd.Series(values, dtype="str").str.strip().str.replace(r"\s+", " ", regex=True)
    text = text.mask((text == "") | text.str.casefold().isin(MISSING_MARKS))
    return text.array.take(codes, allow_fill=True)


def tidy(column: pd.Series) -> pd.Series:
    """Text [n] without outer and repeated inner spaces; a missing-value mark and an empty cell become missing."""
    array = _of_texts(_TIDIED, column.astype("str"), _tidied)
    return pd.Series(array, index=column.index, name=column.name, copy=True)


def numbers(column: pd.Series) -> NDArray[np.float64]:
    """float64 [n]; NaN for a cell that is empty or no finite number."""
    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(np.float64, na_value=np.nan)
        return np.where(np.isfinite(values), values, np.nan)
    return texts.spread(column.astype("str"), _numbers)


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    try:
        values = pc.cast(pa.array(column, from_pandas=True), pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # some cell is no number: the slow way tells which
        values = pd.to_numeric(column.str.strip(), errors="coerce").to_numpy(np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def coded(column: pd.Series) -> tuple[NDArray[np.int32], pd.Index]:
    """Text as numbers [n] in the order in which the different cells come, -1 where one is missing, and these. In an
    eighth of the memory of `pd.factorize`."""
    codes, different = texts.coded(column)
    return codes, pd.Index(different.to_pandas(), dtype="str")


def among(ids: pd.Series | pd.Index, others: pd.Series | pd.Index) -> NDArray[np.bool_]:
    """Which ids are among the others [n]; `isin` of pandas looks at each text of the others in Python."""
    if not (isinstance(ids.dtype, pd.StringDtype) and isinstance(others.dtype, pd.StringDtype)):
        return np.asarray(ids.isin(others))
    here, there = (pa.array(one.array, from_pandas=True) for one in (ids, others))
    different = there.cast(here.type).unique()  # a log repeats its ids
    found: NDArray[np.bool_] = pc.is_in(here, value_set=different).to_numpy(zero_copy_only=False)
    return found


def is_numeric(column: pd.Series) -> bool:
    """Whether nearly all values that are there are numbers (missing-value marks count as not there)."""
    return in_numbers(tidy(column))


def in_numbers(known: pd.Series) -> bool:
    """The same of a column that is `tidy` already."""
    codes, values = _factorized(known)
    told = codes[codes >= 0]
    return len(told) > 0 and bool(np.isfinite(numbers(pd.Series(values)))[told].mean() >= NUMERIC_SHARE)


def natural_key(text: str) -> tuple[object, ...]:
    """Sorts "week 2" before "week 10", and "under 18" and "<18" before "18–24"."""
    key = text.casefold().strip()
    below = 0 if _BELOW.match(key) else 1
    parts = re.split(r"(\d+)", _BELOW.sub("", key))
    return (*((0, int(part), below) if part.isdecimal() else (1, part, below) for part in parts if part), (2, text))


def impossible(column: pd.Series, name: str) -> np.ndarray:
    """bool [n]: ages outside 1…110 and years of birth outside the last 110 years, by the column's name."""
    if not is_age(name) and plain(name) not in BIRTH_YEAR_NAMES:
        return np.zeros(len(column), dtype=bool)
    values = numbers(column)
    with np.errstate(invalid="ignore"):
        if is_age(name):
            told = tidy(column).notna().to_numpy()
            wrong = told & ~np.isfinite(values)
            words = wrong.sum() > 0.5 * told.sum()  # bands such as "18–24": no ages in years at all
            return np.asarray((values < 1) | (values > OLDEST) | (wrong & (not words)))
        year = datetime.now(UTC).year
        return np.asarray((values < year - OLDEST) | (values > year))
