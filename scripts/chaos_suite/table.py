"""What is printed."""

from __future__ import annotations

import statistics

from .plan import KINDS
from .run import Result


def line_of(result: Result) -> str:
    outcome = "ok" if result.ok else "FAIL " + "; ".join(result.problems)
    times = ", ".join(f"{fault.kind} {fault.recovery:.2f} s" for fault in result.faults if fault.recovery is not None)
    notes = "; ".join(f"{fault.kind}: {fault.note}" for fault in result.faults if not fault.fired)
    recovered = f"; recovered: {times}" if times else ""
    unfired = f"; not struck: {notes}" if notes else ""
    return f"seed {result.schedule.seed}: {result.schedule}: {outcome}, {result.seconds:.1f} s{recovered}{unfired}"


def table_of(results: list[Result]) -> str:
    head: tuple[str, ...] = ("fault", "tries", "survived", "same bits", "recovery median", "worst")
    rows = [head]
    for kind in KINDS:
        row = row_of(kind, results)
        if row is not None:
            rows.append(row)
    rows.append(total_of(results))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = []
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("| " + " | ".join(cells) + " |")
        if number == 0:
            rules = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
            lines.append("| " + " | ".join(rules) + " |")
    return "\n".join(lines)


def row_of(kind: str, results: list[Result]) -> tuple[str, ...] | None:
    struck = [(result, fault) for result in results for fault in result.faults if fault.kind == kind and fault.fired]
    if not struck:
        return None
    seconds = [fault.recovery for _, fault in struck if fault.recovery is not None]
    return (kind, str(len(struck)), str(sum(result.survived for result, _ in struck)),
            str(sum(result.same_bits for result, _ in struck)), *spread(seconds))


def spread(seconds: list[float]) -> tuple[str, str]:
    if not seconds:
        return ("", "")
    return (f"{statistics.median(seconds):.2f} s", f"{max(seconds):.2f} s")


def total_of(results: list[Result]) -> tuple[str, ...]:
    return ("schedules", str(len(results)), str(sum(result.survived for result in results)),
            str(sum(result.same_bits for result in results)), "", "")
