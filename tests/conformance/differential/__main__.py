"""python -m tests.conformance.differential: so many random instructions on our engines and on other implementations."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter

from tests.conformance.differential.cases import group
from tests.conformance.differential.compare import ENGINES, Comparison, Report, progress, selected
from tests.conformance.differential.peers import KINDS, find, where_else


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.differential", description=__doc__)
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--count", type=int, help="cases in total, the same number of each class and peer")
    amount.add_argument("--per-class", type=int, default=100, help="cases of each class and peer (default: 100)")
    parser.add_argument("--group", action="append", default=[], help="only classes of this file of emu/isa; repeatable")
    parser.add_argument("--class", action="append", default=[], dest="names", help="only this class; repeatable")
    parser.add_argument(
        "--peer", action="append", choices=KINDS, default=[],
        help="compare with these only (default: unicorn, and every QEMU there is: on PATH, and the command line in"
        " MECTUI_QEMU_SYSTEM); none: our engines with each other",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="another seed tries other cases (default: 1)")
    parser.add_argument("--json", action="store_true", help="the table as JSON")
    parser.add_argument("--show", type=int, default=20, help="how many differences to print (default: 20)")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    encodings = selected(arguments.group, arguments.names)
    if not encodings:
        print("no class of that name or group", file=sys.stderr)
        return 2
    started = time.perf_counter()
    peers = find(arguments.peer or ("unicorn", "qemu")) or [None]
    report = Report()
    names = [peer.name for peer in peers if peer is not None]
    each = arguments.per_class
    if arguments.count is not None:
        each = -(-arguments.count // (len(encodings) * len(peers)))
    try:
        for peer in peers:
            comparison = Comparison(peer, arguments.seed)
            known = [encoding for encoding in encodings if comparison.has(encoding)]
            # Every class once before any class twice, so that an interrupted run has seen them all.
            done = 0
            while done < each:
                now = min(each - done, max(1, 4096 // max(1, len(known))))
                comparison.run([(encoding, now) for encoding in known])
                done += now
                progress(
                    f"{peer.name if peer else 'engines'}: {done} of {each} cases of {len(known)} classes,"
                    f" {len(comparison.report.differences)} differences", started,
                )  # fmt: skip
            report.merge(comparison.report)
    except KeyboardInterrupt:
        report.merge(comparison.report)
        print("\ninterrupted", file=sys.stderr)
    print(file=sys.stderr)
    rows = _rows(encodings, names, report)
    if arguments.json:
        print(json.dumps(_as_json(rows, names, report), indent=1))
    else:
        _print_table(rows, names, report, arguments.show)
    return 1 if report.differences else 0


def _rows(encodings: list, names: list[str], report: Report) -> list[dict]:  # type: ignore[type-arg]
    different = Counter(difference.case.encoding.name for difference in report.differences)
    rows = []
    for encoding in sorted(encodings, key=lambda encoding: (group(encoding), encoding.name)):
        counts = {who: report.executions[encoding.name, who] for who in (*ENGINES, *names)}
        allowed = sum(count for (name, _, _), count in report.explained.items() if name == encoding.name)
        rows.append(
            {
                "group": group(encoding),
                "class": encoding.name,
                "executions": counts,
                "exceptions": report.exceptions[encoding.name],
                "different": different[encoding.name],
                "explained": allowed,
                "elsewhere": "" if any(counts[name] for name in names) else where_else(encoding),
            }
        )
    return rows


def _rules(report: Report) -> Counter[tuple[str, str]]:
    rules: Counter[tuple[str, str]] = Counter()
    for (_, who, rule), count in report.explained.items():
        rules[who, rule] += count
    return rules


def _as_json(rows: list[dict], names: list[str], report: Report) -> dict:  # type: ignore[type-arg]
    return {
        "peers": names,
        "classes": rows,
        "explained": [
            {"peer": who, "rule": rule, "count": count} for (who, rule), count in sorted(_rules(report).items())
        ],
        "differences": [difference.text for difference in report.differences],
    }


def _print_table(rows: list[dict], names: list[str], report: Report, show: int) -> None:  # type: ignore[type-arg]
    columns = [*ENGINES, *names]
    head = f"{'group':<24} {'class':<56} " + " ".join(f"{name:>11}" for name in columns)
    print(f"{head} {'exceptions':>10} {'different':>9} {'explained':>9}")
    total: Counter[str] = Counter()
    for row in rows:
        counts = " ".join(f"{row['executions'][name]:>11}" for name in columns)
        print(f"{row['group']:<24} {row['class']:<56} {counts} {row['exceptions']:>10} {row['different']:>9}"
              f" {row['explained']:>9}")  # fmt: skip
        total.update(row["executions"])
    counts = " ".join(f"{total[name]:>11}" for name in columns)
    print(f"{'total':<24} {len(rows):<56} {counts} {sum(row['exceptions'] for row in rows):>10}"
          f" {len(report.differences):>9} {sum(report.explained.values()):>9}")  # fmt: skip
    for (who, rule), count in sorted(_rules(report).items()):
        print(f"explained: {count} on {who}: {rule}")
    alone = [row for row in rows if not any(row["executions"][name] for name in names)]
    for row in alone:
        print(f"no peer here: {row['class']}; {row['elsewhere'] or 'the engines only'}")
    for difference in report.differences[:show]:
        print(difference.text)


if __name__ == "__main__":
    sys.exit(main())
