"""Forget sets of published benchmarks, on tables as the benchmarks publish them; no image is read."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.data.dataset import Dataset, Examples
from core.data.datasets.digits import INFO as DIGITS
from core.data.importing.layouts import mucac, mufac
from core.data.importing.listing import labelled
from core.data.splits import split
from core.domain.errors import WrongInput
from core.domain.info import Column, DatasetInfo
from core.domain.requests.registry import parse_request


def dataset_of(listing):
    """As the importer makes it: training rows first, in the order of the table."""
    chosen, half = labelled(listing), (listing.train, ~listing.train)
    labels = [torch.from_numpy(chosen.labels[rows]) for rows in half]
    examples = [Examples(torch.zeros(len(part), 1, 1, 1, dtype=torch.uint8), part) for part in labels]
    columns = [{column.name: torch.from_numpy(column.codes[rows]) for column in chosen.columns} for rows in half]
    counts = [np.bincount(column.codes[listing.train], minlength=len(column.values)) for column in chosen.columns]
    info = DatasetInfo(
        "faces-of-mine@01234567", "Faces", "", 1, 1, 1, chosen.classes, tuple(np.bincount(labels[0].flatten()).tolist()), len(labels[1]),
        (0.5,), (0.5,), multi=chosen.multi, multi_count=len(labels[0]) if chosen.multi else 0,
        columns=tuple(Column(c.name, c.values, tuple(n.tolist())) for c, n in zip(chosen.columns, counts, strict=True)),
    )  # fmt: skip
    return Dataset(info, *examples, *columns)


@pytest.fixture
def families(tmp_path):
    """As MUFAC's tables: 1,600 training rows of 160 families, and the other two tables."""
    for part, first, count in (("train", 1, 1600), ("val", 801, 16), ("test", 851, 16)):
        rows = [f"F{first + place // 10:04}_{place % 10}.jpg,{'abcdefgh'[place % 8]}" for place in range(count)]
        (tmp_path / f"custom_{part}_dataset.csv").write_text("\n".join(["image_path,age_class", *rows]) + "\n")
    return dataset_of(mufac.listing(tmp_path))


@pytest.fixture
def celebrities(tmp_path):
    """As MUCAC's tables: two images of each of the identities 0 to 4900."""
    people = [(f"{place}.jpg", place // 2) for place in range(2 * 4901)]
    (tmp_path / "CelebA-HQ-identity.txt").write_text("".join(f"{name} {person}\n" for name, person in people))
    marks = "".join(f"{name} {1 if person % 2 else -1} 1 {1 if person % 3 else -1}\n" for name, person in people)
    (tmp_path / "CelebA-HQ-attribute.txt").write_text(f"{len(people)}\nMale Smiling Young\n{marks}")
    return dataset_of(mucac.listing(tmp_path))


def test_mufac_forgets_the_first_1500_rows_of_the_training_table_and_no_test_image(families):
    request = parse_request("published:mufac", families.info)
    request.check(families.info)
    splits = split(families, request)
    assert splits.forgotten.nonzero().flatten().tolist() == list(range(1500))
    assert (len(splits.retain), int(splits.test_forgotten.sum()), request.count(families.info)) == (100, 0, 1500)


def test_mucac_forgets_every_image_of_the_identities_190_to_1249(celebrities):
    request = parse_request("published_people:mucac", celebrities.info)
    request.check(celebrities.info)
    splits = split(celebrities, request)
    assert splits.forgotten.nonzero().flatten().tolist() == list(range(2120))  # training begins with identity 190: 1,060 people, twice
    assert (len(splits.retain), int(splits.test_forgotten.sum())) == (2 * (4855 - 1250), 0)
    assert request.text == "published_people:mucac"
    assert request == parse_request("published_people:mucac")  # its people are numbered from 0, so that the index is the number


def test_the_request_is_offered_for_its_dataset_alone_and_refused_for_others_in_a_sentence(families, celebrities):
    for text, ours, other in (("published:mufac", families, celebrities), ("published_people:mucac", celebrities, families)):
        request = parse_request(text)
        assert type(request).offered(ours.info)
        assert not type(request).offered(other.info)
        for data in (other.info, DIGITS):
            with pytest.raises(WrongInput, match=rf"^{text} is a forget set of MU.AC .*, and {data.key} is another dataset\.$"):
                request.check(data)
            with pytest.raises(WrongInput, match="is another dataset"):
                parse_request(text, data).check(data)


def test_a_part_of_the_dataset_is_refused_with_what_it_lacks(families, celebrities):
    few = replace(families.info, train_counts=(187,) * 8)
    with pytest.raises(WrongInput, match=r"^published:mufac names 1500 training images, and .* has no more than 1496\.$"):
        parse_request("published:mufac", few).check(few)
    (people,) = (column for column in celebrities.info.columns if column.name == "identity")
    fewer = replace(people, values=people.values[:300], counts=people.counts[:300])
    some = replace(celebrities.info, columns=(fewer,))
    with pytest.raises(WrongInput, match=r"^published_people:mucac names 1060 people, and .* has 110 of them\.$"):
        parse_request("published_people:mucac", some).check(some)


def test_a_set_that_is_a_file_says_where_it_lies_and_an_unknown_one_what_there_is():
    with pytest.raises(WrongInput, match=r"mubench is a file, .*mubench/df/cifar10\.txt of CLU-UML/MU-Bench.* by --forget-file\.$"):
        parse_request("published:mubench")
    with pytest.raises(WrongInput, match=r"^There is no published forget set 'celeba'; there are: mufac\.$"):
        parse_request("published:celeba")
