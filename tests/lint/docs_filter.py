#!/usr/bin/env python3
"""Doxygen's input filter: gives a public header the marks that its plain comments spare the reader.

The comment at the head describes the file, a comment behind a field or constant describes it, and what every header has
(init functions, option structs, opaque objects) is described by rule.
"""
import re
import sys

text = open(sys.argv[1], encoding="utf-8").read()
name = re.sub(r".*/", "", sys.argv[1])

text = re.sub(r"\A/\* ", f"/** @file {name}\n * ", text)
# "alpha; /* width */", "MBN_OK = 0, /* ... */" and the last constant of an enum, which has no comma
text = re.sub(r"([;,]|= -?\d+)([ \t]*)/\*(?![*<]) ?", r"\1\2/**< ", text)
text = re.sub(r"(?<!\*/\n)^(MBN_API void mbn_(\w+)_init_sized)", r"/** What mbn_\2_init calls; for callers without the headers. */\n\1",
              text, flags=re.M)
text = re.sub(r"(?<!\*/\n)^(static inline void mbn_(\w+)_init\()",
              r"/** Fills a struct with the defaults (or zeros, for one that the library fills) and notes its size. */\n\1", text, flags=re.M)
text = re.sub(r"(?<!\*/\n)^(typedef struct (mbn_\w+_options) \{)", r"/** Options; \2_init fills in the defaults. */\n\1", text, flags=re.M)
text = re.sub(r"(?<!\*/\n)^(typedef struct (mbn_\w+) \2;)", r"/** An object of the library, used through pointers only. */\n\1", text, flags=re.M)
sys.stdout.write(text)
