"""Prints the tables: figures, and how they compare with raw and with libcurl."""

LABEL = 36


def number(value):
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 100 else f"{value:.1f}"


def ratio(value, base):
    return number(value / base) if base else "-"


def line(label, cells, widths):
    print(f"{label:{LABEL}}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths)))


def heading(title, columns, widths):
    print()
    line(title, columns, widths)
    print("-" * (LABEL + sum(widths)))
