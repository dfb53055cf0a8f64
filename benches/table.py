"""Prints the tables: a figure, and how it compares with raw and with libcurl."""

LABEL = 36


def number(value):
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 100 else f"{value:.1f}"


def ratio(value, base):
    return "-" if value is None or not base else number(value / base)


def line(label, cells):
    print(f"{label:{LABEL}}" + "".join(f"{cell:>{width}}" for cell, width in cells))


def heading(title, columns):
    print()
    line(title, columns)
    print("-" * (LABEL + sum(width for _, width in columns)))
