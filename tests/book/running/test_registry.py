import pytest

from kexue.book.running.registry import RegistryError, load


def test_a_sound_registry(book):
    registry = load(book)
    assert [post.chapter for post in registry.published()] == ["one/a", "two/b"]
    assert registry.of("two/c").path == "chapters/two/c.ipynb"
    assert registry.of("one/a").edition == 2
    with pytest.raises(RegistryError, match="no entry for the chapter 'two/z'"):
        registry.of("two/z")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("status: planned", "status: published", "two/c is published but chapters/two/c.ipynb does not exist"),
        ("status: planned", "status: soon", "must be published or planned, got 'soon'"),
        ("status: planned", "status: planned, edition: 3", "edition of two/c must be 1 or 2, got 3"),
        ("part: two, slug: c", "part: three, slug: c", "unknown part 'three'"),
        ("slug: c, order: 3", "slug: c, order: 2", "share the order 2"),
        ("archive: 3", "archive: 1", "share the archive 1"),
        ("title: C, ", "", "the entry two/c lacks title"),
        ("title: C, ", "title: C, titel: C, ", "the entry two/c has the unknown field titel"),
        ("slug: a, order: 1, ", "slug: z, order: 1, ", "one/z is published but chapters/one/z.ipynb"),
        (
            "slug: b, order: 2, title: B, original: 乙, translation: Second, archive: 2, date: 2020-01-01, url: u, status: published",
            "slug: b, order: 2, title: B, original: 乙, translation: Second, archive: 2, date: 2020-01-01, url: u, status: planned",
            "chapters/two/b.ipynb has no published entry",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(book, old, new, sentence):
    path = book / "posts.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RegistryError) as error:
        load(book)
    assert sentence in str(error.value)
