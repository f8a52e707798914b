"""Files that people and other programs put in a folder, read whole: one reader for all of them.

What is in a folder is not ours: a name may lead to a folder, a named pipe, a device, a circle of
links or a file that grows while it is read. So only regular files are read, never more of them
than the caller's bound, and opening one never waits. Text is UTF-8, or UTF-16 with a byte order
mark; an XML file may declare another encoding.
"""

from __future__ import annotations

import codecs
import errno
import os
import re
import stat
from enum import StrEnum
from pathlib import Path

from almaflow.late_patterns import late_pattern

MIB = 1024 * 1024
"""A mebibyte, in bytes."""


class UnreadableReason(StrEnum):
    """Why a file cannot be read."""

    MISSING = "missing"
    FOLDER = "folder"
    SPECIAL = "special"
    """A named pipe, a socket or a device."""
    TOO_LARGE = "too_large"
    REFUSED = "refused"
    """The system does not let us."""
    ENCODING = "encoding"
    BINARY = "binary"


class FileUnreadable(ValueError):
    """A file cannot be read; *reason* continues the sentence "… cannot be read: ".

    *line* and *column* count from 1, and are those of the first character that is wrong.
    """

    def __init__(self, kind: UnreadableReason, reason: str, line: int = 1, column: int = 1) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.line = line
        self.column = column


def read_bytes(path: Path, most: int) -> bytes:
    """Return the content of the regular file at *path*, links followed.

    Raises:
        FileUnreadable: it holds more than *most* bytes, is not a regular file, or is not there.
    """
    try:
        # A device may act on being opened, so it is checked before; the second check is for a
        # file that was replaced meanwhile.
        _check_kind(os.stat(path), most)
        descriptor = os.open(path, _FLAGS)
        try:
            _check_kind(os.fstat(descriptor), most)
            return _read_all(descriptor, most)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _refused(path, error) from error
    except FileUnreadable:
        raise
    except ValueError as error:
        reason = "its name contains characters that a file name cannot have"
        raise FileUnreadable(UnreadableReason.MISSING, reason) from error


def read_text(path: Path, most: int, *, xml: bool = False) -> str:
    """Return the text of the regular file at *path*, its line breaks as `\\n`.

    With *xml* the encoding that an XML declaration names is used, unless the text is UTF-8.

    Raises:
        FileUnreadable: as `read_bytes` and `decode`.
    """
    text = decode(read_bytes(path, most), xml=xml)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decode(content: bytes, *, xml: bool = False) -> str:
    """Return the text of a file's *content*, its byte order mark left out.

    Raises:
        FileUnreadable: it is not text in an encoding that is read; names encoding and byte.
    """
    if what := _binary_format(content):
        raise FileUnreadable(UnreadableReason.BINARY, f"it is {what}, not text{_as_text(what)}")
    name, mark = _encoding_of(content, xml)
    try:
        text = content[mark:].decode(name)
    except UnicodeDecodeError as error:
        raise _not_in(name, content, mark, error) from error
    position = text.find("\0")
    if position >= 0:
        reason = f"it contains a NUL character at position {position}, so it is not text"
        raise FileUnreadable(UnreadableReason.BINARY, reason, *_mark_of(text[:position]))
    return text


_SPREADSHEET = "a workbook of a spreadsheet program"

# How files that people take for text begin, whatever their name ends with.
_BEGINNINGS = (
    (b"SQLite format 3\0", "an SQLite database"),
    # What Excel wrote until 2003, and what it writes with a password.
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _SPREADSHEET),
    (b"%PDF-", "a PDF document"),
    (b"\x1f\x8b\x08", "a compressed file (gzip)"),
)
_ZIP = b"PK\x03\x04"
# Names of entries of the archives that Excel (.xlsx, .xlsb) and LibreOffice (.ods) write.
_IN_WORKBOOKS = (b"xl/", b"opendocument.spreadsheet", b"Index/Tables/")


def _binary_format(content: bytes) -> str:
    """Return what a file is, with its article, when it is certainly not text; else empty."""
    for beginning, what in _BEGINNINGS:
        if content.startswith(beginning):
            return what
    if not content.startswith(_ZIP):
        return ""
    is_workbook = any(name in content for name in _IN_WORKBOOKS)
    return _SPREADSHEET if is_workbook else "a compressed file (ZIP)"


def _as_text(what: str) -> str:
    if what != _SPREADSHEET:
        return ""
    return "; open it there and save it as CSV (UTF-8), because another file name is not enough"


# Opening never waits for a writer, takes no terminal and is not passed on to other programs.
_FLAGS = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
    _FLAGS |= getattr(os, _flag, 0)

_PIECE = 256 * 1024

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def other_kind(status: os.stat_result) -> str:
    """Return what is there instead of a regular file, such as `a folder`; empty: it is one."""
    if stat.S_ISREG(status.st_mode):
        return ""
    return next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "special")


def _check_kind(status: os.stat_result, most: int) -> None:
    """Raise `FileUnreadable` when what was found is not a regular file of at most *most* bytes."""
    if stat.S_ISDIR(status.st_mode):
        raise FileUnreadable(UnreadableReason.FOLDER, "it is a folder, not a file")
    if what := other_kind(status):
        raise FileUnreadable(UnreadableReason.SPECIAL, f"it is {what}, not a regular file")
    if status.st_size > most:
        raise _too_large(most)


def _read_all(descriptor: int, most: int) -> bytes:
    content = bytearray()
    while len(content) <= most:
        piece = os.read(descriptor, min(_PIECE, most + 1 - len(content)))
        if not piece:
            return bytes(content)
        content += piece
    # It has grown since its size was asked for, or its file system reported none.
    raise _too_large(most)


def _too_large(most: int) -> FileUnreadable:
    size = f"{most // MIB} MiB" if most >= MIB else f"{most} bytes"
    return FileUnreadable(UnreadableReason.TOO_LARGE, f"it is larger than {size}")


def _refused(path: Path, error: OSError) -> FileUnreadable:
    missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
    if error.errno == errno.ELOOP:
        return FileUnreadable(UnreadableReason.MISSING, "it is a link that leads back to itself")
    if missing and os.path.islink(path):
        return FileUnreadable(
            UnreadableReason.MISSING, "it is a link to a file that does not exist"
        )
    kind = UnreadableReason.MISSING if missing else UnreadableReason.REFUSED
    return FileUnreadable(kind, error.strerror or str(error))


# --- encodings --------------------------------------------------------------------------------

_ADVICE = "save the file as UTF-8"

# UTF-32's mark begins as UTF-16's does.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, ""),
    (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# Latin letters with a NUL on the same side of each.
_UTF_16 = late_pattern(rb"[^\0]\0[^\0]\0|\0[^\0]\0[^\0]", re.DOTALL)

_DECLARATION = late_pattern(
    rb"""\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,39})["']"""
)

# Python's names of the encodings that XML may declare. Others of its codecs are not encodings of
# text, or take time that grows with the square of the text.
_DECLARABLE = late_pattern(
    r"utf-8|ascii|iso8859-\d+|cp\d+|koi8-[rtu]|mac-[a-z]+|tis-620"
    r"|gbk|gb2312|gb18030|big5|big5hkscs|shift_jis|euc_jp|euc_kr"
)
# Of these, in which each byte is a character.
_OF_SINGLE_BYTES = late_pattern(r"iso8859|cp\d+|koi8|mac|tis")


def _encoding_of(content: bytes, xml: bool) -> tuple[str, int]:
    """Return the name of the encoding of *content*, and the length of its byte order mark."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            if not name:
                raise FileUnreadable(UnreadableReason.ENCODING, f"it is UTF-32; {_ADVICE}")
            return name, len(mark)
    if _UTF_16.match(content):
        reason = f"it is UTF-16 without a byte order mark; {_ADVICE}"
        raise FileUnreadable(UnreadableReason.ENCODING, reason)
    declared = _DECLARATION.match(content) if xml else None
    name = "utf-8" if declared is None else _declared(declared)
    # Editors save as UTF-8 and keep the declaration that was there before.
    return ("utf-8" if _OF_SINGLE_BYTES.match(name) and _is_utf_8(content) else name), 0


def _is_utf_8(content: bytes) -> bool:
    """Tell whether *content* is UTF-8 with characters beyond ASCII: no other text looks so."""
    try:
        return not content.isascii() and bool(content.decode())
    except UnicodeDecodeError:
        return False


def _is_plain_utf_8(content: bytes) -> bool:
    """Tell whether *content* is UTF-8 without the NULs that other encodings of Unicode have."""
    try:
        return b"\0" not in content and bool(content.decode())
    except UnicodeDecodeError:
        return False


def _declared(declaration: re.Match[bytes]) -> str:
    """Return Python's name of the encoding that an XML declaration names."""
    written = declaration[1].decode("ascii")
    try:
        name = codecs.lookup(written).name
    except LookupError:
        name = ""
    if _DECLARABLE.fullmatch(name):
        return name
    if name.startswith(("utf-16", "utf-32")) and _is_plain_utf_8(declaration.string):
        # The text was copied, and saved as UTF-8.
        return "utf-8"
    if name.startswith(("utf-16", "utf-32")):
        reason = f"it declares the encoding {written}, but has no byte order mark"
    else:
        reason = f"it declares the unknown encoding {written}"
    reason += f"; {_ADVICE} and declare UTF-8"
    place = _mark_of(declaration.string[: declaration.start(1)].decode("ascii", "replace"))
    raise FileUnreadable(UnreadableReason.ENCODING, reason, *place)


def _not_in(name: str, content: bytes, mark: int, error: UnicodeDecodeError) -> FileUnreadable:
    position = mark + error.start
    encoding = name.upper().removesuffix("-LE").removesuffix("-BE")
    reason = f"byte 0x{content[position]:02x} at position {position} is not {encoding}; {_ADVICE}"
    before = content[mark:position].decode(name, "replace")
    return FileUnreadable(UnreadableReason.ENCODING, reason, *_mark_of(before))


def _mark_of(before: str) -> tuple[int, int]:
    """Return line and column (from 1) of what comes after *before*."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


# --- names ------------------------------------------------------------------------------------

# What a screen shows as something else: control characters, text directions, line separators,
# bytes that are not UTF-8 (which Python keeps as surrogates), and a backslash, which would look
# like the escape of one of these.
_NOT_SHOWN = late_pattern(
    "[\0-\x1f\\\\\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def printable(name: str) -> str:
    """Return the name of a file as messages show it, with escapes for what cannot be shown.

    Two names that differ are shown differently. On Windows a backslash divides folders.
    """
    return name if _is_plain(name) else _NOT_SHOWN.sub(_escaped, name)


def display_path(path: Path) -> str:
    """Return *path* as messages show it: relative to here, when it is below."""
    try:
        return printable(str(path.absolute().relative_to(Path.cwd())))
    except ValueError:
        return printable(str(path))


def _is_plain(name: str) -> bool:
    """Whether *name* clearly has nothing of `_NOT_SHOWN`, as almost every name."""
    return name.isascii() and name.isprintable() and "\\" not in name


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if character == "\\":
        return character if os.sep == character else "\\\\"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def path_problem(path: Path) -> str:
    """Return why the file at *path* cannot be used for its name's sake; empty when it can.

    The text continues a sentence that names the file.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(str(path)[error.start])
        byte = f" (byte 0x{code - 0xDC00:02x})" if 0xDC80 <= code <= 0xDCFF else ""
        return f"has a path that is not UTF-8{byte}"
    if _is_plain(str(path)):
        return ""
    bad = next((one for one in _NOT_SHOWN.findall(str(path)) if one != os.sep), "")
    return f"has a path with the character U+{ord(bad):04X}, which is not shown" if bad else ""


def names_in(folder: Path) -> list[str] | None:
    """Return the names in *folder*, for suggestions; None when it cannot be read."""
    try:
        return [printable(name) for name in os.listdir(folder)]
    except (OSError, ValueError):
        return None
