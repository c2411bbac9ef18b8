"""Text as a work tree on Windows has it."""


def in_windows_form(content: bytes) -> bytes | None:
    """Text with CRLF for LF; None where Git for Windows leaves it as it is.

    That is what is no text, what has no lines, and what has CRs of its own (`text=auto`, see
    https://git-scm.com/docs/gitattributes).
    """
    if b"\n" not in content or b"\r" in content or b"\0" in content:
        return None
    return content.replace(b"\n", b"\r\n")
