# SPDX-License-Identifier: Apache-2.0
"""What the checks share: the files of a tree, its C functions, the symbols of its objects, and how
findings are told.

A check is a program: check_NAME ROOT BUILD. It prints a line for each finding, `path:line: what`,
and exits 1 if there were any. ROOT is the tree that is looked at, so that selftest can show it a
tree with a planted fault.
"""
import os
import re
import subprocess
import sys

ROOT = sys.argv[1] if len(sys.argv) > 1 else "."
BUILD = sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "build")
CODE_DIRS = ("shm", "ipc", "roles", "supervisor")
PROCESS_DIRS = ("gate", "manager", "worker", "engine", "console", "client")
findings = 0


def report(place, text):
    global findings
    findings += 1
    print(f"{place}: {text}")


def finish():
    sys.exit(1 if findings else 0)


def files(dirs=None, suffixes=None):
    """Paths relative to ROOT, without what is built or hidden (but for the dot files of the root
    and .ci)."""
    for base in dirs or (".",):
        for folder, subdirs, names in os.walk(os.path.join(ROOT, base)):
            subdirs[:] = sorted(d for d in subdirs
                                if not d.startswith("build") and d != "__pycache__"
                                and (not d.startswith(".") or d == ".ci"))
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), ROOT)
                if path != ".git" and (suffixes is None or name.endswith(suffixes)):
                    yield path


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def exists(path):
    return os.path.exists(os.path.join(ROOT, path))


def blank_comments(text):
    """Comments and the insides of literals become blanks; lines and columns stay true."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        found = match.group(0)
        if found[0] == "/":
            return re.sub(r"[^\n]", " ", found)
        return found[0] + " " * (len(found) - 2) + found[-1]

    return pattern.sub(blank, text)


class Function:
    def __init__(self, path, name, line, signature, body):
        self.path, self.name, self.line = path, name, line
        self.signature, self.body = signature, body

    @property
    def place(self):
        return f"{self.path}:{self.line}"

    @property
    def line_count(self):
        return self.body.count("\n") + 1

    @property
    def parameter_count(self):
        inside = self.signature[self.signature.index(self.name + "(") + len(self.name) +
                                1:self.signature.rindex(")")]
        depth = 0
        count = 1
        for c in inside:
            depth += c in "([{"
            depth -= c in ")]}"
            count += c == "," and depth == 0
        return 0 if inside.strip() in ("", "void") else count

    @property
    def level_count(self):
        depth = deepest = 0
        for c in self.body:
            depth += c == "{"
            depth -= c == "}"
            deepest = max(deepest, depth)
        return deepest - 1


def functions(path):
    """As clang-format lays them out: the braces of a function stand alone in the first column."""
    text = blank_comments(read(path))
    for match in re.finditer(r"^(?P<head>[A-Za-z_][^;{}#]*?\))\n(?P<body>\{\n.*?^\})", text,
                             re.S | re.M):
        named = re.search(r"\b([A-Za-z_]\w*)\(", match.group("head"))
        if named:
            yield Function(path, named.group(1), text.count("\n", 0, match.start()) + 1,
                           match.group("head"), match.group("body"))


def objects(dirs=CODE_DIRS):
    """(object, source) of every source that was built; an object without a source is left over and
    ignored."""
    for path in files(dirs, (".c",)):
        built = os.path.join(BUILD, path[:-2] + ".o")
        if os.path.exists(built):
            yield built, path
        else:
            report(path, "is not built")


def undefined_symbols(built):
    """Names as the source writes them: __read_chk is read, open64 is open, __isoc99_sscanf is
    sscanf."""
    output = subprocess.run(["nm", "-u", "-P", built], capture_output=True, text=True,
                            check=True).stdout
    for line in output.splitlines():
        name = line.split()[0].split("@")[0]
        name = re.sub(r"^__isoc\d+_", "", name)
        name = re.sub(r"^__(\w+)_chk$", r"\1", name)
        yield re.sub(r"64(_2)?$", "", name)


def def_rows(path, macro):
    """The first arguments of each row MACRO(a, b, ...) of an X-macro list, with its line."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group(0)), read(path),
                  flags=re.S)
    for match in re.finditer(r"^[ \t]*(?:X|" + macro + r")\(\s*([^,()\s]+)\s*(?:,\s*([^,()\s]+))?",
                             text, re.M):
        yield (text.count("\n", 0, match.start()) + 1,
               *(a.strip('"') if a else "" for a in match.groups()))
