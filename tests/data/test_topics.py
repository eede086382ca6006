"""The English text: its counts, what its sentences are made of, and the licence that goes with it."""

import hashlib
import re
from pathlib import Path

import kexue.data as data

FOLDER = Path(data.__file__).parent


def test_the_text_is_that_of_its_card():
    sentences = data.python_topics()
    words = [word for sentence in sentences for word in sentence]
    card = next(card for card in data.cards() if card.name == "python_topics")
    numbers = [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", card.size)]
    assert numbers == [len(sentences), len(words), len(set(words)), sum(map(len, words))]
    assert numbers == [2_650, 32_981, 2_398, 161_632]


def test_sentences_are_words_of_letters_and_stand_once():
    sentences = data.python_topics()
    lines = [" ".join(sentence) for sentence in sentences]
    assert len(set(lines)) == len(lines) and min(map(len, sentences)) == 3
    assert all(re.fullmatch("[a-z]+", word) for sentence in sentences for word in sentence)
    assert max(sum(map(len, sentence)) for sentence in sentences) == 240
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest().startswith("f294ca7ef39a245c")
    assert sentences[0][:6] == ["assert", "statements", "are", "a", "convenient", "way"]


def test_each_call_returns_a_list_of_its_own():
    data.python_topics()[0].clear()
    assert len(data.python_topics()[0]) > 3


def test_the_licence_stands_beside_the_file_which_is_small():
    assert (FOLDER / "topics.txt.gz").stat().st_size < 150_000
    licence = (FOLDER / "topics.LICENSE.txt").read_text(encoding="utf-8")
    assert "Copyright (c) 2001-2023 Python Software Foundation; All Rights Reserved" in licence
    assert "Summary of the changes" in licence and "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2" in licence
