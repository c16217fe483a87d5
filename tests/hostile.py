"""Two hundred names that a page must show letter for letter: Markdown, HTML, LaTeX, links, directions of writing, emoji, length."""

import csv
from pathlib import Path
from unicodedata import category

import numpy as np
from PIL import Image

TRAP = "http://trap.example/x.png"  # a page that asks for it is caught
_MARKUP = (
    f"![x]({TRAP})", f"[link]({TRAP})", f"<img src={TRAP}>", "<img src=x onerror=alert(1)>",
    f"<script>alert('{TRAP}')</script>", "<svg onload=alert(1)>", f"<iframe src={TRAP}>",
    f"<a href={TRAP}>x</a>", f"<style>@import '{TRAP}';</style>", "<b>bold</b>",
    f"<link rel=stylesheet href={TRAP}>", "<br><br><br>", "&lt;b&gt; &amp; &#x3c;",
    "__background__", "*star*", "**bold**", "a*b*c", "~~gone~~", "`code`", "```", "# head",
    "## head", "> quote", "- item", "+ item", "* item", "1. one", "1) one", "---", "***", "===",
    "| a | b |", "[ ] task", "- [x] task", "[^1]", f"[x]: {TRAP}", f"<{TRAP}>", TRAP,
    "https://e.example/x", "www.e.example", "ftp://e.example", "a@e.example", "mailto:a@e.example",
    "//e.example/x.png", "javascript:alert(1)", "data:text/html,<script>alert(1)</script>",
    ":red[hot]", ":blue-background[x]", ":material/home:", ":smile:", ":streamlit:",
    ":green-badge[x]", ":small[x]", ":color[x]{foreground=red}", "$x^2$", "$$\\int x$$", "\\(x\\)",
    "\\frac{1}{2}", "\\", "\\\\", "a\\nb", "%{x}", "%{customdata[0]}", "{0}", "{{x}}", "%s %d",
    "${x}", "a -> b", "a <- b", "a <-> b", "a -- b", "a >= b", "a <= b", "a != b", "a => b",
    "(c) (tm)", "...", "''", '"', '"" or 1', "'; drop table runs; --", "..", ".hidden", "a/b",
    "C:\\x", "CON", "nul", "None", "nan", "null", "true", "0", "-1", "1e999", "inf", "\u00bd", "½",
    "", "\u202etxt.exe", "\u2066isolated\u2069", "\u200b", "\u200bzero", "\u200fright", "שלום",
    "مرحبا", "mixed שלום (1)", "猫", "ﷺ", "Ω≈ç√", "é", "e\u0301", "🙂", "👩‍👩‍👧‍👦", "🏳️‍🌈",
    "\U0001f1e9\U0001f1ea",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞", "tab\tx",
    "line\nbreak", "para\n\n# head", "cr\rx", "\x1b[31mred", "\x00nul", "\ufeffbom", "x" * 10_000,
    "wide " * 2_000, "<b>" * 500, "(" * 300, "[" * 300 + "]" * 300, "*" * 999, "_" * 999,
    "`" * 999, "![" * 300,
)  # fmt: skip


def names(count: int = 200) -> list[str]:
    """As many different ones that an import takes (none blank, none with control characters), pairs of them among the last."""
    found = [
        one.strip() for one in _MARKUP if one.strip() and not any(category(letter) in ("Cc", "Cs") for letter in one)
    ]
    pairs = [f"{a} {b}" for a, b in zip(found, found[7:], strict=False) if len(a) + len(b) < 80]
    return [*dict.fromkeys([*found, *pairs])][:count]


def pictures(count: int, side: int = 8) -> list[Image.Image]:
    """As many grey images, each of noise of its own."""
    drawn = np.random.default_rng(0).integers(0, 256, (count, side, side), np.uint8)
    return [Image.fromarray(one) for one in drawn]


def folder_of(root: Path, classes: list[str], each: int = 2) -> Path:
    """A folder of images as README's `folder` layout has it, whose column `kind` says the classes: `data add PATH --label kind`."""
    rows, drawn = [], iter(pictures(2 * each * len(classes)))
    for half in ("train", "test"):
        (root / half / "all").mkdir(parents=True)
        for number, name in enumerate(classes):
            for copy in range(each):
                path = f"{half}/all/{number}-{copy}.png"
                next(drawn).save(root / path)
                rows.append((path, name))
    with open(root / "index.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "kind"), *rows])
    return root
