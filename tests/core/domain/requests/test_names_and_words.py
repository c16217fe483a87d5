"""What to forget may be asked by name or by number, in a text or in a file; what is not there is told with what is near."""

from dataclasses import replace

import pytest

from core.data.datasets.cartoon_faces.sets import SETS as FACES
from core.data.datasets.cifar100 import CIFAR20, CIFAR100
from core.data.datasets.digits import INFO as DIGITS
from core.data.datasets.torchvision_sets import FASHION_MNIST
from core.domain.errors import WrongInput
from core.domain.info import Column
from core.domain.requests.index_file import LONGEST, samples_from, samples_from_file
from core.domain.requests.registry import parse_request
from core.domain.requests.samples import SamplesRequest

CLOTHES, BEAVERS, KINDS, AGES, TRAITS = FASHION_MNIST.INFO, CIFAR20.INFO, CIFAR100.INFO, FACES[0].INFO, FACES[2].INFO


@pytest.mark.parametrize(
    "data, text, same",
    [
        (CLOTHES, "class:ankle boot", "class:9"),
        (CLOTHES, "class:Ankle_Boot", "class:9"),
        (CLOTHES, "class: T-SHIRT ", "class:0"),
        (CLOTHES, "classes:bag, coat,9", "classes:4,8,9"),
        (CLOTHES, "class:9", "class:9"),
        (BEAVERS, "subclass:beaver", "subclass:4"),
        (BEAVERS, "subclass:beaver,Otter", "subclass:4,55"),
        (BEAVERS, "subclass:7", "subclass:7"),
        (BEAVERS, "attribute:class=beaver", "attribute:class=4"),
        (KINDS, "attribute:superclass=vehicles 1", "attribute:superclass=18"),
        (AGES, "attribute:identity=17", "attribute:identity=17"),
        (AGES, "attribute:identity=17,3", "attribute:identity=3,17"),
        (AGES, "attribute:Glasses=YES", "attribute:glasses=1"),
        (AGES, "attribute:long hair=no", "attribute:long_hair=0"),
        (AGES, "class:senior", "class:2"),
        (TRAITS, "attribute:smile=yes", "attribute:smile=1"),
        (DIGITS, "random:0.05@7", "random:0.05@7"),
        (DIGITS, "mislabelled:100@7", "mislabelled:100@7"),
        (DIGITS, "samples:12,9", "samples:9,12"),
        (DIGITS, "class:3", "class:3"),
    ],
)
def test_a_name_stands_for_its_index_and_a_whole_number_that_is_no_name_for_itself(data, text, same):
    request = parse_request(text, data)
    assert request.text == same
    request.check(data)
    assert parse_request(request.text, data) == request


def test_a_name_that_holds_a_comma_is_one_name():
    data = replace(CLOTHES, classes=("fur, fake", "wool"), train_counts=(5, 5))
    assert parse_request("class:fur, fake", data).picks == (0,)


PEOPLE = tuple(map(str, range(100, 300)))
NUMBERED = replace(CLOTHES, classes=("7", "2", "wool"), train_counts=(5,) * 3, columns=(Column("identity", PEOPLE, (1,) * 200),))


@pytest.mark.parametrize(
    "text, picks",
    [
        ("attribute:identity=100", (0,)),
        ("attribute:identity=299,101", (1, 199)),
        ("attribute:identity=17", (17,)),
        ("class:2", (1,)),
        ("classes:7,2", (0, 1)),
        ("classes: 7,0,wool", (0, 2)),
    ],
)
def test_a_whole_number_that_is_a_name_is_that_name(text, picks):
    assert parse_request(text, NUMBERED).picks == picks


def test_the_very_name_comes_before_one_that_is_like_it():
    data = replace(CLOTHES, classes=("a b", "A_b"), train_counts=(5, 5))
    assert [parse_request(f"class:{word}", data).picks for word in ("a b", "A_b", "A B")] == [(0,), (1,), (0,)]


@pytest.mark.parametrize(
    "data, text, words",
    [
        (CLOTHES, "class:ankle boat", ("no class 'ankle boat'", "near it are: ankle boot")),
        (CLOTHES, "class:boot", ("no class 'boot'", "near it are: ", "ankle boot")),
        (CLOTHES, "class:zzz", ("no class 'zzz'", "there are: T-shirt, trouser", "(10 in all)")),
        (BEAVERS, "subclass:bever", ("cifar20 has no subclass 'bever'", "beaver")),
        (AGES, "attribute:glasses=maybe", ("no glasses 'maybe'", "there are: no, yes.")),
        (AGES, "attribute:hat=yes", ("no column 'hat'", "identity, age, glasses, smile, long_hair, bald")),
        (AGES, "subclass:beaver", ("faces has no subclasses",)),
        (DIGITS, "attribute:glasses=yes", ("digits has no column 'glasses'", "its columns are: none")),
        (DIGITS, "attribute:yes", ("must be written class:3",)),
        (DIGITS, "klass:3", ("must be written class:3",)),
        (DIGITS, "class:3.5", ("no class '3.5'",)),
    ],
)
def test_an_unknown_name_is_told_in_one_sentence_with_what_is_near(data, text, words):
    with pytest.raises(WrongInput) as told:
        parse_request(text, data)
    sentence = str(told.value)
    assert all(word in sentence for word in words), sentence
    assert sentence.endswith(".")
    assert ". " not in sentence


@pytest.mark.parametrize(
    "data, text, words, title",
    [
        (CLOTHES, "class:9", "class ankle boot", "class:ankle boot"),
        (CLOTHES, "classes:4,9", "classes coat, ankle boot", "classes:coat,ankle boot"),
        (BEAVERS, "subclass:4", "subclass beaver", "subclass beaver"),
        (BEAVERS, "subclass:4,55", "subclasses beaver, otter", "subclasses beaver, otter"),
        (AGES, "attribute:identity=17", "identity 17", "identity 17"),
        (AGES, "attribute:identity=1,2,3,4,5,6,7", "identity 1, 2, 3, 4, 5 and 2 more", "identity 1, 2, 3, 4, 5 and 2 more"),
        (AGES, "attribute:long_hair=1", "long hair", "long hair"),
        (AGES, "attribute:glasses=0", "no glasses", "no glasses"),
        (AGES, "attribute:age=2", "age senior", "age senior"),
        (DIGITS, "mislabelled:100@7", "100 mislabelled images", "100 mislabelled images, seed 7"),
        (DIGITS, "mislabelled:0.05", "72 mislabelled images", "72 mislabelled images"),
        (DIGITS, "random:0.05", "72 random images", "random:0.05"),
        (DIGITS, "samples:4", "1 chosen image", "samples:4"),
        (DIGITS, "samples:4,9", "2 chosen images", "samples:4,9"),
        (None, "attribute:identity=17", "identity 17", "identity 17"),
        (None, "attribute:_who_=1", "who 1", "who 1"),
        (None, "attribute:_=1", "_ 1", "_ 1"),
        (None, "class:3", "class 3", "class:3"),
        (None, "mislabelled:100", "100 mislabelled images", "100 mislabelled images"),
        (None, "mislabelled:0.05", "5 % of the training images, mislabelled", "5 % of the training images, mislabelled"),
    ],
)
def test_a_request_in_words(data, text, words, title):
    request = parse_request(text)
    assert (request.words(data), request.title(data)) == (words, title)


@pytest.mark.parametrize(
    "content, picks",
    [
        (b"3\n1\n2\n", (1, 2, 3)),
        (b"index\n5\n", (5,)),
        (b"\xef\xbb\xbf\"index\"\r\n\"12\"\r\n12\r\n\r\n0\r\n", (0, 12)),
        (b"  7  ", (7,)),
    ],
)
def test_a_csv_of_indices_is_a_request_for_samples(content, picks, tmp_path):
    assert samples_from(content, "a.csv") == SamplesRequest(picks)
    (tmp_path / "b.csv").write_bytes(content)
    assert samples_from_file(tmp_path / "b.csv").picks == picks


@pytest.mark.parametrize(
    "content, words",
    [
        (b"index\n3\nfour\n", "line 3 says 'four'"),
        (b"3,4\n", "line 1 says '3,4'"),
        (b"index\nlabel\n3\n", "line 2 says 'label'"),
        (b"1\n\n-5\n", "line 3 says '-5'"),
        (b"1.0\n", "line 1 says '1.0'"),
        ("١\n".encode(), "line 1 says"),
        (b"9" * 30, "line 1 says"),
        (b"<" * 900, "…'"),
        (b"", "names no training index"),
        (b"index\n", "names no training index"),
        (b"\xff\xfe1\x00", "no text in UTF-8"),
        (b"1\n" * LONGEST, f"longer than {LONGEST} bytes"),
    ],
)
def test_junk_in_a_csv_is_told_with_file_and_line(content, words):
    with pytest.raises(WrongInput) as told:
        samples_from(content, "these.csv")
    sentence = str(told.value)
    assert sentence.startswith("these.csv ")
    assert words in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(WrongInput, match=r"none\.csv must be a CSV of training indices, but it cannot be read \(No such file"):
        samples_from_file(tmp_path / "none.csv")
    with pytest.raises(WrongInput, match=r"cannot be read \(Is a directory\)\.$"):
        samples_from_file(tmp_path)


GROUPS = replace(
    CLOTHES, classes=("fur, fake", "wool", "a, b, c"), train_counts=(5,) * 3,
    columns=(Column("age", ("<25", ">=25", "a=b"), (5,) * 3), Column("a", ("x", "b=1"), (5, 5)), Column("a=b", ("no", "yes"), (5, 5))),
)  # fmt: skip


@pytest.mark.parametrize(
    "text, column, picks",
    [
        ("attribute:age=>=25", "age", (1,)),
        ("attribute:age=<25", "age", (0,)),
        ("attribute:AGE= >=25, <25", "age", (0, 1)),
        ("attribute:age=a=b", "age", (2,)),
        ("attribute:age=1", "age", (1,)),
        ("attribute:a=b=1", "a", (1,)),  # the first = that ends a column's name
        ("attribute:a=b=yes", "a=b", (1,)),  # where the first way says nothing, the next
        ("attribute:a=b=0", "a=b", (0,)),
    ],
)
def test_a_value_may_have_an_equals_sign_in_it_and_so_may_a_columns_name(text, column, picks):
    request = parse_request(text, GROUPS)
    assert (request.column, request.picks) == (column, picks)


def test_a_value_that_is_not_there_is_told_of_the_column_that_is():
    with pytest.raises(WrongInput, match=r"no age '>=30'; .*>=25"):
        parse_request("attribute:age=>=30", GROUPS)


@pytest.mark.parametrize(
    "text, picks", [("classes:fur, fake,wool", (0, 1)), ("classes:wool,a, b, c,fur, fake", (0, 1, 2)), ("classes:2,wool", (1, 2))]
)
def test_among_several_names_one_may_hold_commas(text, picks):
    assert parse_request(text, GROUPS).picks == picks
