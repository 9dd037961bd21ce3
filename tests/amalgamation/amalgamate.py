#!/usr/bin/env python3
"""Writes the whole library as mobilenet.c and its public headers as mobilenet.h into the folder given.

mobilenet.c compiles with `cc -O2 -c mobilenet.c` and no other flag, and links with -lz -lm -pthread. In one file,
what was private to a file is so no more. Three rules keep the names apart:

- A name that two files define for themselves (static functions and tables, enumeration constants, tags, types)
  gets the file's name behind it, except where it is a member, behind a dot or an arrow. Macros of a file are
  undefined at its end.
- Headers come once; those without a guard (lists, vector/isa.h and what it reads) come wherever they are included.
- The families of lib/kernels/vector/, which read themselves once for each instruction set, keep ISA(name) for
  what they define for others; every other ISA(name) gets the family's name too, and so do the vector operations.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIB, PUBLIC = ROOT / "lib", ROOT / "include"
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<(mobilenet/[^>]+)>|(MBNI_THIS_FILE))')
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|(?:->|\.)\s*[A-Za-z_]\w*|\b[A-Za-z_]\w*', re.S)
HEAD = """\
/* libmobilenet %s in one file, made by `make amalgamation`. Needs zlib, and gcc or clang.
 *
 *     cc -O2 -c mobilenet.c        then link with -lz -lm -pthread
 *
 * -O3 makes the kernels that are plain C faster; -fvisibility=hidden keeps internal names (mbni_) out of a shared
 * library. The Makefile's other flags are below. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
/* No multiplication and addition may be fused that the source does not fuse. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off", "no-trapping-math", "no-math-errno")
#endif
#include "mobilenet.h"
"""


def bare(text):
    """The text without comments, strings and preprocessor lines."""
    text = re.sub(r'//[^\n]*|/\*.*?\*/', ' ', text, flags=re.S)
    text = re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', '0', text)
    return re.sub(r'^[ \t]*#(?:[^\n\\]|\\.|\\\n)*', '', text, flags=re.M)


def private_names(text):
    """What a file defines for itself at file scope."""
    names, statement, depth, body = set(), "", 0, ""
    for token in re.findall(r'\w+|[^\w\s]', bare(text)):
        if token == "{":
            if depth == 0:
                body = ""
            depth += 1
        elif token == "}":
            depth -= 1
            if depth == 0:
                kind = re.search(r'\b(enum|struct|union)\b ?(\w*) $', statement)
                if kind:
                    names.update([kind[2]] if kind[2] else [])
                    if kind[1] == "enum":
                        names.update(re.findall(r'(?:^|,) *(\w+)', re.sub(r'\([^()]*\)', '', body)))
                elif ") " in statement and "=" not in statement:  # a function's body ends it
                    names.update(definition(statement))
                    statement = ""
        elif depth:
            body += token + " " if token != "," else ","
        elif token == ";":
            names.update(definition(statement))
            statement = ""
        else:
            statement += token + " "
    return names


def definition(statement):
    """The name that a typedef or a static declaration gives."""
    if statement.startswith("typedef"):
        return re.findall(r'(\w+) (?:\[.*\] )?$', statement) or re.findall(r'\( \* (\w+) \)', statement)
    if not re.search(r'\bstatic\b', statement) or " ISA (" in statement:
        return []
    statement = re.sub(r'_(?:Atomic|Alignas) \( [^()]* \)|__attribute__ \( \( .*? \) \) (?=\w)', '', statement)
    return re.findall(r'(\w+) (?=[=(\[]|$)', statement)[:1]


def renamed(text, names, suffix):
    return TOKEN.sub(lambda m: m[0] + suffix if m[0] in names else m[0], text)


class Amalgamation:
    def __init__(self):
        self.files = sorted(LIB.glob("*/*.c")) + sorted(LIB.glob("kernels/*/*.c"))
        self.seen = set()
        # Functions of the families that others call: neither static nor an operation.
        self.kernels = {name for file in LIB.glob("kernels/vector/*.c") for name in
                        re.findall(r'^(?!static|V_OP|typedef)[a-z].*\bISA\((\w+)\)\(', file.read_text(), re.M)}
        counts = {}
        self.private = {}
        for file in self.files + sorted(LIB.rglob("*.h")):
            self.private[file] = private_names(file.read_text())
            for name in self.private[file]:
                counts[name] = counts.get(name, 0) + 1
        # A name with the library's prefix is one for all of it: a type that a header names and a file defines.
        self.shared = {name for name, count in counts.items() if count > 1 and not name.startswith("mbni_")}

    def expand(self, path, family=None):
        """The text of a file with the library's own headers in their places."""
        text = path.read_text()
        if path.suffix == ".c":
            text = renamed(text, self.private[path] & self.shared, "__" + path.stem)
        if family:
            text = re.sub(r'\bISA\((\w+)\)', lambda m: f"ISA_KERNEL({m[1]})" if m[1] in self.kernels else m[0], text)
        out = []
        for line in text.split("\n"):
            found = INCLUDE.match(line)
            out.append(self.included(found, family) if found else line)
        return "\n".join(out)

    def included(self, found, family):
        if found[2]:  # all of them are in mobilenet.h
            return ""
        path = family if found[3] else LIB / found[1]
        if path.name == "isa.h" and "isa.h" in self.seen:
            return ""  # the family, read by isa.h
        guarded = re.search(r'^#ifndef (MBNI_\w+_H)\n#define \1', path.read_text(), re.M)
        if guarded or path.name == "isa.h":
            if path.name in self.seen or path in self.seen:
                return ""
            self.seen.add("isa.h" if path.name == "isa.h" else path)
        return self.expand(path, family)

    def unit(self, file):
        """One source file, and what keeps its macros from the next."""
        is_family = file.parent.name == "vector"
        head = f"\n/* {file.relative_to(ROOT)} */\n"
        if is_family:  # names.h first, whose macro is then replaced
            head += self.included(INCLUDE.match(NAMES), file) + "\n#undef MBNI_PASTE\n" \
                    f"#define MBNI_PASTE(isa, name) mbni_##isa##_{file.stem}_##name\n"
        self.seen.discard("isa.h")
        text = self.expand(file, file if is_family else None)
        macros = dict.fromkeys(re.findall(r'^[ \t]*#[ \t]*define[ \t]+(\w+)', file.read_text(), re.M))
        return head + text + "\n" + "".join(f"#undef {macro}\n" for macro in macros)

    def source(self, version):
        units = "".join(self.unit(file) for file in self.files)
        kernel = "#define ISA_KERNEL_PASTE(isa, name) mbni_##isa##_##name\n" \
                 "#define ISA_KERNEL_EXPAND(isa, name) ISA_KERNEL_PASTE(isa, name)\n" \
                 "#define ISA_KERNEL(name) ISA_KERNEL_EXPAND(MBNI_ISA, name)\n"
        return HEAD % version + kernel + units


NAMES = '#include "kernels/vector/names.h"'


def public_header(name, seen):
    if name in seen:
        return ""
    seen.add(name)
    lines = (PUBLIC / name).read_text().split("\n")
    return "\n".join(public_header(m[2], seen) if (m := INCLUDE.match(line)) and m[2] else line for line in lines)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: amalgamate.py FOLDER")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    parts = re.findall(r'^#define MBN_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)', (PUBLIC / "mobilenet/version.h").read_text(), re.M)
    (folder / "mobilenet.h").write_text(public_header("mobilenet/mobilenet.h", set()))
    (folder / "mobilenet.c").write_text(Amalgamation().source(".".join(parts)))


if __name__ == "__main__":
    main()
