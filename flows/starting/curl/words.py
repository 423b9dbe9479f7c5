"""The words of a pasted command, as a shell takes it apart: bash's, or cmd's where carets say so."""

import re
from collections.abc import Callable


class CurlError(ValueError):
    """A command that cannot become a flow; the message says what to change."""


_CMD = re.compile(r"\^[ \t]*\r?\n|\^\"")
_PLAIN = re.compile(r"[^\s\\'\"$`|;<>&]+")
_VARIABLE = re.compile(r"\$(?:\{\w+\}|\w+)")
_ANSI = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v"}
_ANSI_CODE = re.compile(r"x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})")
_NOT_CLOSED = "A quote is not closed: the end of the command is missing."

Note = Callable[[str], None]


def words_of(text: str, note: Note) -> list[str]:
    """The words of the command; `note` hears what of the text is none of it. Raises CurlError."""
    text = re.sub(r"\A\s*(?:[$>%] +)?", "", text.replace("\r\n", "\n"))
    return _arguments(_without_carets(text, note)) if _CMD.search(text) else _Bash(text, note).words()


class _Bash:
    """One pass over a text (POSIX 2.2, and bash's $'...'); nothing is looked up and nothing is run."""

    def __init__(self, text: str, note: Note) -> None:
        self.text, self.note, self.at = text, note, 0

    def words(self) -> list[str]:
        found: list[str] = []
        word: str | None = None
        while self.at < len(self.text):
            char, following = self.text[self.at], self.text[self.at + 1 : self.at + 2]
            if char.isspace() or (char == "#" and word is None):
                self.at = self._end_of_comment() if char == "#" else self.at + 1
                if word is not None:
                    found.append(word)
                word = None
                continue
            if char in "|;<>" or (char == "&" and (word is None or not following.strip(" \n&"))):
                self.note(f"What stands behind {char} in the command is not part of the request.")
                word = None if char in "<>" and word and word.isdigit() else word  # as in 2>/dev/null
                break
            piece = self._piece(char, following)
            if piece is not None:
                word = (word or "") + piece
        return [*found, word] if word is not None else found

    def _end_of_comment(self) -> int:
        end = self.text.find("\n", self.at)
        return len(self.text) if end < 0 else end

    def _piece(self, char: str, following: str) -> str | None:
        """What comes next of a word; None for a line that goes on."""
        self.at += 1
        if char in "\\`" and following == "\n":  # PowerShell ends such a line with a backquote
            self.at += 1
            return None
        if char == "\\":
            self.at += 1
            return following
        if char == "'":
            return self._until("'")
        if char == '"' or (char == "$" and following == '"'):
            self.at += char == "$"
            return self._double()
        if char == "$" and following == "'":
            self.at += 1
            return self._ansi()
        self._look_up(char)
        if plain := _PLAIN.match(self.text, self.at):
            self.at = plain.end()
            return char + plain[0]
        return char

    def _until(self, end: str) -> str:
        stop = self.text.find(end, self.at)
        if stop < 0:
            raise CurlError(_NOT_CLOSED)
        piece, self.at = self.text[self.at : stop], stop + 1
        return piece

    def _double(self) -> str:
        pieces = []
        while (char := self._next()) != '"':
            if char == "\\" and self.text[self.at : self.at + 1] in ("$", "`", '"', "\\", "\n"):
                char = self._next().strip("\n")
            else:
                self._look_up(char)
            pieces.append(char)
        return "".join(pieces)

    def _ansi(self) -> str:
        pieces = []
        while (char := self._next()) != "'":
            if char == "\\":
                code = _ANSI_CODE.match(self.text, self.at)
                if code and code.lastindex:
                    self.at = code.end()
                    number = int(code[code.lastindex], 8 if code.lastindex == 4 else 16)
                    char = chr(number) if number < 0x110000 else "\ufffd"
                else:
                    char = self._next()
                    char = _ANSI.get(char, char)
            pieces.append(char)
        # Two escapes of UTF-16 are one character.
        return "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _next(self) -> str:
        if self.at >= len(self.text):
            raise CurlError(_NOT_CLOSED)
        self.at += 1
        return self.text[self.at - 1]

    def _look_up(self, char: str) -> None:
        """Say what a shell would put in at the character just read."""
        if char == "`" or (char == "$" and self.text[self.at : self.at + 1] == "("):
            raise CurlError("The command runs another one inside it (`...` or $(...)). Put in what that one gives.")
        if char == "$" and (variable := _VARIABLE.match(self.text, self.at - 1)):
            self.note(f"{variable[0]} is a variable of your shell: its value is not in the command.")


def _without_carets(text: str, note: Note) -> str:
    """What cmd hands to the program: a caret outside of quotes takes the next character as it is."""
    pieces: list[str] = []
    at, is_quoted = 0, False
    while at < len(text):
        char = text[at]
        at += 1
        if char == "^" and not is_quoted:
            char, at = text[at : at + 1], at + 1
            if char == "\n":
                # A line goes on; an empty one behind it is a line break that belongs to the value.
                char = text[at : at + 1] if text[at : at + 1] == "\n" else ""
                at += len(char)
        elif char == '"':
            is_quoted = not is_quoted
        elif char in "|&<>" and not is_quoted:
            note(f"What stands behind {char} in the command is not part of the request.")
            break
        pieces.append(char)
    return "".join(pieces)


def _arguments(line: str) -> list[str]:
    """The words of a command line as Windows programs read it: a quote behind a backslash is a character."""
    found: list[str] = []
    word: str | None = None
    is_quoted = False
    for piece in re.findall(r'\\*"|\\+|\s|[^\s"\\]+', line):
        if piece.endswith('"'):
            slashes = len(piece) - 1
            word = (word or "") + "\\" * (slashes // 2)
            if slashes % 2:
                word += '"'
            else:
                is_quoted = not is_quoted
        elif piece.isspace() and not is_quoted:
            if word is not None:
                found.append(word)
            word = None
        else:
            word = (word or "") + piece
    if is_quoted:
        raise CurlError(_NOT_CLOSED)
    return [*found, word] if word is not None else found
