"""Checks README.md and docs/*.md: their C++ compiles and prints what they say, their links and names exist.

check_docs.py ROOT [--work DIR] [--compiler CXX] [--flags FLAGS...] [--libraries FILES...]

Every fence needs a language. One of ```cpp is
- a program if it has a main: compiled, linked and run; an indented block after "It prints" is what it must print;
- a fragment if <!-- prelude: NAME --> stands in the line before it: compiled as the body of a function after
  preludes/NAME.hpp, which declares what the text around the fragment takes for granted;
- else a translation unit as it stands.

Relative links must lead to files and headings, as GitHub names them. Paths in backticks that begin with one of the
repository's folders must exist, and so must programs and settings of densimd's (densimd_..., DENSIMD_...), the
subcommands of ./dev, and presets.

Without --compiler no C++ is looked at.
"""

import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LANGUAGES = {"cpp", "cmake", "sh", "text"}
WARNINGS = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-unused-variable",
            "-Wno-unused-but-set-variable"]


class Fence:
    def __init__(self, line, language, prelude):
        self.line, self.language, self.prelude = line, language, prelude  # line: of the first line of code
        self.code, self.after = [], []

    @property
    def is_program(self):
        return any(re.match(r"int main\(", line) for line in self.code)

    @property
    def prints(self):
        """What the text behind the fence says that it prints; None if it says nothing."""
        lines = [line for line in self.after if line.strip()]
        if not lines or not re.match(r"It prints:?$", lines[0]):
            return None
        block = []
        for line in lines[1:]:
            if not line.startswith("    "):
                break
            block.append(line[4:].rstrip())
        return "\n".join(block) + "\n"


class Document:
    def __init__(self, path, root):
        self.path, self.name = path, path.relative_to(root).as_posix()
        self.fences, self.problems, self.prose = [], [], []
        fence, before = None, ""
        for number, line in enumerate(path.read_text().splitlines(), 1):
            opening = re.match(r"```(.*)$", line)
            if fence is not None and not fence.after and not opening:
                fence.code.append(line)
            elif fence is not None and not fence.after and opening:
                fence.after.append("")
            elif opening:
                prelude = re.match(r"<!-- prelude: (\w+) -->$", before)
                fence = Fence(number + 1, opening[1].strip(), prelude and prelude[1])
                self.fences.append(fence)
                if fence.language not in LANGUAGES:
                    self.problem(number, f"a fence of '{fence.language}'; expected one of {sorted(LANGUAGES)}")
            else:
                if fence is not None:
                    fence.after.append(line)
                self.prose.append((number, line))
            before = line
        if fence is not None and not fence.after:
            self.problem(fence.line, "a fence that does not end")

    def problem(self, line, text):
        self.problems.append(f"{self.name}:{line}: {text}")

    def headings(self):
        """Their anchors: lower case, without punctuation, hyphens for blanks, -1 ... at repetitions."""
        seen = {}
        for _, line in self.prose:
            heading = re.match(r"#+ +(.*?) *#*$", line)
            if heading:
                text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
                anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
                count = seen.get(anchor, 0)
                seen[anchor] = count + 1
                yield anchor if count == 0 else f"{anchor}-{count}"


def run(command):
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def check_links(document, documents, root):
    text = "\n".join(line for _, line in document.prose)
    for match in re.finditer(r"\[[^]]*\]\(([^)\s]+)\)", text):
        line = document.prose[text.count("\n", 0, match.start())][0]
        target, _, anchor = match[1].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = (document.path.parent / target).resolve() if target else document.path
        if not path.exists() or not path.is_relative_to(root):
            document.problem(line, f"a link to {target}, which does not exist")
        elif anchor:
            other = next((d for d in documents if d.path == path), None)
            if other is None or anchor not in other.headings():
                document.problem(line, f"a link to #{anchor}, which is no heading of {target or 'this page'}")


def text_of(paths):
    return "\n".join(path.read_text(errors="replace") for path in paths)


def check_names(document, root):
    folders = {path.name for path in root.iterdir() if path.is_dir() and path.name[0] != "."} - {"build", "out"}
    files = [path for folder in folders for path in root.glob(f"{folder}/**/*")] + [root / "CMakeLists.txt"]
    build_files = text_of(path for path in files if path.name == "CMakeLists.txt" or path.suffix == ".cmake")
    sources = build_files + text_of(path for path in files if path.suffix in (".hpp", ".cpp"))
    presets = {p["name"] for p in json.loads((root / "CMakePresets.json").read_text())["configurePresets"]}
    subcommands = set(re.findall(r"^    (\w+)\) ", (root / "dev").read_text(), re.MULTILINE))

    programs = set(re.findall(r"\bdensimd_\w+", build_files))
    for family, names in (("bench", "kernels training peers reading"),):  # named by a loop
        programs.update(f"densimd_{family}_{name}" for name in names.split())

    code = [(fence.line + i, line) for fence in document.fences if fence.language != "cpp"
            for i, line in enumerate(fence.code)]
    for number, line in document.prose + code:
        for path in re.findall(r"`([\w.]+/[\w./*-]*)`", line):
            if path.split("/")[0] in folders and not list(root.glob(path.rstrip("/"))):
                document.problem(number, f"{path} does not exist")
        for name in re.findall(r"\bDENSIMD_\w+", line):
            if not re.search(rf"\b{name}\b", sources):
                document.problem(number, f"nothing reads {name}")
        for name in re.findall(r"\bdensimd_\w+\b(?!\.)", line):
            if name not in programs:
                document.problem(number, f"there is no program {name}")
        for name in re.findall(r"\./dev (\w+)", line):
            if name not in subcommands:
                document.problem(number, f"./dev has no {name}")
        for name in re.findall(r"--preset[ =](\w+)|\bbuild/(\w+)/(?=bench|tests|examples)", line):
            if not presets & set(name):
                document.problem(number, f"there is no preset {name[0] or name[1]}")


def check_code(document, arguments):
    for index, fence in enumerate((f for f in document.fences if f.language == "cpp"), 1):
        lines = [f'#line {fence.line} "{document.name}"', *fence.code]
        if fence.prelude:
            prelude = HERE / "preludes" / f"{fence.prelude}.hpp"
            lines = [f'#include "{prelude}"', "void fragment();", "void fragment() {", *lines, "}"]
        stem = arguments.work / f"{document.path.stem}_{index}"
        source = stem.with_suffix(".cpp")
        source.write_text("\n".join(lines) + "\n")
        command = [arguments.compiler, *WARNINGS, *arguments.flags, source]
        program = fence.is_program and not fence.prelude
        done = run([*command, *arguments.libraries, *arguments.flags, "-o", stem] if program
                   else [*command, "-fsyntax-only"])
        if done.returncode != 0:
            document.problem(fence.line, "this does not compile:\n" + done.stderr)
        elif program:
            done = run([stem])
            if done.returncode != 0:
                document.problem(fence.line, f"this program ends with {done.returncode}:\n{done.stderr}")
            elif fence.prints is not None and fence.prints != done.stdout:
                document.problem(fence.line, f"this program prints\n{done.stdout}and not\n{fence.prints}")


def check_quick_start(readme, root):
    """The README's first program is examples/quickstart.cpp, but for the comment that begins it."""
    example = (root / "examples/quickstart.cpp").read_text().splitlines()
    while example and example[0].startswith("//"):
        example.pop(0)
    program = next((fence for fence in readme.fences if fence.is_program), None)
    if program is None or program.code != example:
        readme.problem(program.line if program else 1, "the first program is not examples/quickstart.cpp")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--compiler")
    parser.add_argument("--flags", type=shlex.split, default=[])
    parser.add_argument("--libraries", nargs="*", default=[])
    arguments = parser.parse_args()

    root = arguments.root
    documents = [Document(path, root) for path in (root / "README.md", *sorted(root.glob("docs/*.md")))]
    check_quick_start(documents[0], root)
    for document in documents:
        check_links(document, documents, root)
        check_names(document, root)
        if arguments.compiler:
            arguments.work.mkdir(parents=True, exist_ok=True)
            check_code(document, arguments)
    problems = [problem for document in documents for problem in document.problems]
    print("\n".join(problems) or f"{len(documents)} documents, "
          f"{sum(f.language == 'cpp' for d in documents for f in d.fences)} fences of C++")
    sys.exit(bool(problems))


main()
