"""Text → terms: its words without filler, each as a stem, so that "sinks" finds "sinking"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# Words that say nothing about a bug by themselves.
FILLER = """
a about after again all also am an and any are as at be because been before being but by can cannot
could did do does doing down during each either else even ever for from get gets getting got had has
have having he her here hers him his how i if in into is it its itself just like may me might more
most much must my myself no nor not now of off on once one only onto or other our out over own same
see seen she should so some such than that the their them then there these they this those through
to too under until up upon us very was we were what when where which while who whom whose why will
with within without would you your
"""
STOP_WORDS = frozenset(FILLER.split())
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
# Endings are removed only down to a stem of this length.
SHORTEST = 3
VOWELS = frozenset("aeiouy")


def terms_of(text: str) -> list[str]:
    """The terms of a text in its order, repeats included. A text of filler alone keeps it: a query
    "up" searches for "up"."""
    words = [word.partition("'")[0] for word in _words(text)]
    telling = [word for word in words if word not in STOP_WORDS]
    return [stem(word) for word in telling or words]


def stem(word: str) -> str:
    """An English word in lower case without its endings; in other languages at least the plural's
    s is removed. Not always a word: "missing" and "missed" become "miss", "texture" becomes
    "textur"."""
    if not word.isascii() or not word.isalpha():
        return word
    word = _singular(word)
    for ending in ("ing", "edly", "ed", "ly"):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) >= SHORTEST and VOWELS & set(rest) and rest[-1] != "e":
            word = _undoubled(rest)
            break
    if word.endswith("y") and len(word) > SHORTEST and word[-2] not in VOWELS:
        return f"{word[:-1]}i"
    return word[:-1] if word.endswith("e") and len(word) > SHORTEST else word


def coverage(asked: Sequence[str], said: Sequence[str]) -> float:
    """The share of `asked` terms that are in `said`, from 0 to 1."""
    wanted = set(asked)
    return len(wanted & set(said)) / len(wanted) if wanted else 0.0


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return WORD.findall(plain)


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > SHORTEST + 1:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > SHORTEST:
        return word[:-1]
    return word


def _undoubled(word: str) -> str:
    """`stopp` → `stop`, but `fall` and `miss` as they are."""
    twice = len(word) > SHORTEST and word[-1] == word[-2] and word[-1] not in "aeioulsz"
    return word[:-1] if twice else word
