"""Pieces of reports."""


def markdown_table(header, rows):
    """A table of strings."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def environments(lines):
    """A paragraph for each machine and set of versions."""
    dates = {}
    for line in lines:
        versions = [f"{name} {number}" for name, number in line["versions"].items()]
        words = [line["cpu"], f"{line['cores']} cores", *versions]
        dates.setdefault(", ".join(words), set()).add(line["date"][:10])
    return [f"{', '.join(sorted(days))}: {words}." for words, days in dates.items()]
