"""One reader for all files: regular files only, within a bound, in the encodings we promise."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from almaflow.text_files import FileUnreadable, UnreadableReason, decode, read_bytes, read_text

XML = '<?xml version="1.0" encoding="{}"?>\n<job><name>Größe €</name></job>'


@pytest.mark.parametrize(
    "content",
    [
        "Größe".encode(),
        "Größe".encode("utf-8-sig"),
        b"\xff\xfe" + "Größe".encode("utf-16-le"),
        b"\xfe\xff" + "Größe".encode("utf-16-be"),
    ],
)
@pytest.mark.parametrize("xml", [True, False])
def test_utf_8_and_utf_16_with_a_mark_are_read_without_their_mark(
    content: bytes, xml: bool
) -> None:
    assert decode(content, xml=xml) == "Größe"


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("UTF-8", "utf-8"),
        ("windows-1252", "cp1252"),
        ("ISO-8859-15", "iso8859-15"),
        ("iso-8859-1", "utf-8-sig"),
        ("UTF-8", "utf-16"),
        ("utf-16", "utf-16"),
    ],
)
def test_xml_is_read_as_its_mark_else_its_declaration_says(declared: str, encoding: str) -> None:
    text = XML.format(declared)

    assert decode(text.encode(encoding), xml=True) == text


def test_a_declaration_counts_in_xml_only() -> None:
    content = XML.format("windows-1252").encode("cp1252")

    with pytest.raises(FileUnreadable, match="is not UTF-8"):
        decode(content)


@pytest.mark.parametrize(
    ("content", "reason", "place"),
    [
        (b"\xff", "byte 0xff at position 0 is not UTF-8; save the file as UTF-8", (1, 1)),
        (b"a\n\xc3\xa4b\xe4c", "byte 0xe4 at position 5 is not UTF-8", (2, 3)),
        (b"\xef\xbb\xbfa\xe4", "byte 0xe4 at position 4 is not UTF-8", (1, 2)),
        (b"\xff\xfea\0b", "byte 0x62 at position 4 is not UTF-16", (1, 2)),
        (b"\xff\xfe\x00\xd8a\0", "at position 2 is not UTF-16", (1, 1)),
        (b"\xff\xfe\0\0a\0\0\0", "it is UTF-32", (1, 1)),
        ("id\n12".encode("utf-16-le"), "UTF-16 without a byte order mark", (1, 1)),
        ("id\n12".encode("utf-16-be"), "UTF-16 without a byte order mark", (1, 1)),
        (
            XML.format("UTF-16").encode("cp1252"),
            "declares the encoding UTF-16, but has no",
            (1, 31),
        ),
        (XML.format("klingon").encode(), "declares the unknown encoding klingon", (1, 31)),
        (XML.format("utf-7").encode(), "declares the unknown encoding utf-7", (1, 31)),
        (XML.format("punycode").encode(), "declares the unknown encoding punycode", (1, 31)),
        (XML.format("hex").encode(), "declares the unknown encoding hex", (1, 31)),
        (XML.format("us-ascii").encode(), "byte 0xc3 at position 55 is not ASCII", (2, 14)),
    ],
)
def test_what_is_in_no_encoding_that_is_read_is_refused_at_its_place(
    content: bytes, reason: str, place: tuple[int, int]
) -> None:
    with pytest.raises(FileUnreadable) as refused:
        decode(content, xml=True)

    assert refused.value.kind is UnreadableReason.ENCODING
    assert reason in refused.value.reason
    assert (refused.value.line, refused.value.column) == place


def test_binary_files_are_not_text() -> None:
    for content, place in ((b"SQLite format 3\0\x10", (1, 1)), (b"a\nb\0", (2, 2))):
        with pytest.raises(FileUnreadable) as refused:
            decode(content)

        assert refused.value.kind is UnreadableReason.BINARY
        assert (refused.value.line, refused.value.column) == place


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0xl/workbook.xml", "workbook"),
        (b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "workbook"),
        (b"PK\x03\x04word/document.xml", "ZIP"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"%PDF-1.7\n", "PDF"),
    ],
)
def test_a_workbook_or_archive_with_the_name_of_a_text_is_recognised(
    content: bytes, what: str
) -> None:
    with pytest.raises(FileUnreadable, match=what) as refused:
        decode(content)

    assert refused.value.kind is UnreadableReason.BINARY
    assert ("save it as CSV" in refused.value.reason) is (what == "workbook")


def test_line_breaks_of_every_system_become_those_of_one(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_bytes(b"1\r\n2\r3\n")

    assert read_text(file, 100) == "1\n2\n3\n"


def test_a_file_may_be_as_long_as_its_bound_and_not_longer(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_bytes(b"x" * 10)

    assert read_bytes(file, 10) == b"x" * 10
    with pytest.raises(FileUnreadable) as refused:
        read_bytes(file, 9)
    assert refused.value.kind is UnreadableReason.TOO_LARGE
    assert refused.value.reason == "it is larger than 9 bytes"


def test_a_file_that_grows_while_it_is_read_is_not_read_beyond_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "log.txt"
    file.write_bytes(b"x")
    monkeypatch.setattr(os, "read", lambda descriptor, size: b"x" * size)

    with pytest.raises(FileUnreadable) as refused:
        read_bytes(file, 1024 * 1024)

    assert refused.value.reason == "it is larger than 1 MiB"


def test_a_file_that_is_truncated_while_it_is_read_ends_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ids.txt"
    file.write_bytes(b"12345")
    pieces = iter([b"12", b""])
    monkeypatch.setattr(os, "read", lambda descriptor, size: next(pieces))

    assert read_bytes(file, 10) == b"12"


def test_a_file_that_the_disk_does_not_give_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, size: int) -> bytes:
        raise OSError(5, "Input/output error")

    file = tmp_path / "ids.txt"
    file.write_bytes(b"12345")
    monkeypatch.setattr(os, "read", refuse)

    with pytest.raises(FileUnreadable) as refused:
        read_bytes(file, 10)

    assert (refused.value.kind, refused.value.reason) == (
        UnreadableReason.REFUSED,
        "Input/output error",
    )


def test_only_regular_files_are_read_and_opening_one_never_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "broken").symlink_to("nothing")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    kinds = {}
    for name in ("pipe", "zero", "broken", "a", ".", "socket", "none", "x" * 300, "pipe/x", "\0"):
        with pytest.raises(FileUnreadable) as refused:
            read_bytes(tmp_path / name, 100)
        kinds[name[:10]] = (refused.value.kind, refused.value.reason)

    assert kinds == {
        "pipe": (UnreadableReason.SPECIAL, "it is a named pipe, not a regular file"),
        "zero": (UnreadableReason.SPECIAL, "it is a device, not a regular file"),
        "broken": (UnreadableReason.MISSING, "it is a link to a file that does not exist"),
        "a": (UnreadableReason.MISSING, "it is a link that leads back to itself"),
        ".": (UnreadableReason.FOLDER, "it is a folder, not a file"),
        "socket": (UnreadableReason.SPECIAL, "it is a socket, not a regular file"),
        "none": (UnreadableReason.MISSING, "No such file or directory"),
        "x" * 10: (UnreadableReason.REFUSED, "File name too long"),
        "pipe/x": (UnreadableReason.MISSING, "Not a directory"),
        "\0": (
            UnreadableReason.MISSING,
            "its name contains characters that a file name cannot have",
        ),
    }


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is replaced between the look at it and its opening."""
    file = tmp_path / "ids.txt"
    file.write_bytes(b"12345")
    seen = os.stat(file)
    file.unlink()
    os.mkfifo(file)
    monkeypatch.setattr(os, "stat", lambda path: seen)

    with pytest.raises(FileUnreadable) as refused:
        read_bytes(file, 10)

    assert refused.value.kind is UnreadableReason.SPECIAL


@pytest.mark.parametrize("declared", ["ISO-8859-1", "windows-1252", "ISO-8859-15"])
def test_utf_8_is_read_although_the_declaration_names_an_older_encoding(declared: str) -> None:
    text = XML.format(declared)

    assert decode(text.encode(), xml=True) == text
