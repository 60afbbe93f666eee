#!/usr/bin/env python3
"""Holds the kernels' sources to the rules of docs/internals.md, as far as a script can tell.

- Every file's first line says what lives there.
- No file has more than 300 lines and no function more than 80, unless the head of the file says why ("longer than").
- Choices by shape stand in plan/ alone: elsewhere nothing compares a size of the problem with a number or with a size
  of the machine. What remains are ends of loops, the vectors of a row, and the one or no elements that have no loop.

Usage: check_house.py SOURCE_DIR. Prints what it finds and exits with 1 if there is something.
"""

import pathlib
import re
import sys

LINES_OF_FILE, LINES_OF_FUNCTION = 300, 80
SIZES = r"(?:batch|rows|cols|depth|inputs|outputs|in|out|ld[a-z]*|stride)"
# A size of the problem against a number above 1, or against bytes, caches and strides of the machine.
CHOICE = re.compile(
    rf"\b{SIZES}\b\s*(?:<=?|>=?|==)\s*(?:[2-9]\b|\d\d+)"
    rf"|\b\d+\s*(?:<=?|>=?)\s*\b{SIZES}\b"
    rf"|\bmachine<T>\.(?:is_conflicting|is_long|l1|l2)\b"
    rf"|\bsizeof\(T\)\s*(?:<=?|>=?)\s*\d|<<\s*(?:10|20)\b|\bas measured\b"
)


def without_comments(text):
    return re.sub(r"//[^\n]*", "", text)


def functions(text):
    """The first line and the number of lines of each function: a brace at the end of a line that begins a definition
    at the outermost level of a namespace or of a struct, up to the brace that closes it."""
    lines = text.split("\n")
    depth, start = 0, None
    for i, line in enumerate(lines):
        code = re.sub(r'"[^"]*"|//.*', "", line)
        opens, closes = code.count("{"), code.count("}")
        if start is None and opens > closes and ")" in "".join(lines[max(0, i - 8) : i + 1]):
            if not re.match(r"\s*(?:namespace|struct|class|enum|template <[^>]*>$)", line):
                begin = i
                while begin > 0 and not re.match(r"\s*$|.*[;}]\s*$|\s*(?:public|private):", lines[begin - 1]):
                    begin -= 1
                start = (begin, depth)
        depth += opens - closes
        if start is not None and depth <= start[1]:
            yield start[0] + 1, i - start[0] + 1
            start = None


def check(source):
    found = []
    root = source / "kernels" / "src"
    paths = sorted(p for p in root.rglob("*") if p.suffix in (".hpp", ".cpp"))
    if len(paths) < 20:
        return [f"{root} has {len(paths)} files: this is not where the kernels are"]
    for path in paths:
        text = path.read_text()
        name = path.relative_to(source)
        head = text[: text.find("\n\n")]
        if not head.startswith("//"):
            found.append(f"{name}:1: does not say what lives there")
        excused = "longer than" in head
        if text.count("\n") > LINES_OF_FILE and not excused:
            found.append(f"{name}: {text.count(chr(10))} lines")
        for line, length in functions(text):
            if length > LINES_OF_FUNCTION and not excused:
                found.append(f"{name}:{line}: a function of {length} lines")
        inside = path.relative_to(root).parts[0]
        if inside in ("plan", "reference", "simd", "math", "order.hpp", "explain.cpp"):
            continue
        for i, line in enumerate(without_comments(text).split("\n"), 1):
            if CHOICE.search(line) and "static_assert" not in line and "for (" not in line:
                found.append(f"{name}:{i}: a choice by shape: {line.strip()}")
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    problems = check(pathlib.Path(sys.argv[1]))
    print("\n".join(problems) or "nothing found")
    sys.exit(1 if problems else 0)
