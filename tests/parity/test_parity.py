"""The same bytes read by Spark and by us: equal rows, or a refusal by name, or an error on both sides.

PARITY_CASES says how many files are tried and PARITY_SEED where they start; build/parity.json tells the outcome. A
mismatch is printed as the smallest case that shows it, to be pasted into named_cases.jsonl.
"""

import json
import os
from collections import Counter
from pathlib import Path

import pyspark
from differential import Differential, Failed, verdict
from made_reads import made
from pyspark.sql import SparkSession

CASES = int(os.environ.get("PARITY_CASES", "1000"))
SEED = int(os.environ.get("PARITY_SEED", "0"))
SHRUNK = int(os.environ.get("PARITY_SHRUNK", "10"))
FILES = 50
REPORT = Path(__file__).resolve().parents[2] / "build" / "parity.json"


def test_generated_reads(spark: SparkSession, tmp_path: Path) -> None:
    compare, seed = Differential(spark, tmp_path), SEED
    verdicts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    while verdicts.total() < CASES:
        read = made(seed, FILES)
        outcomes = compare.outcomes(read)
        refusals: list[str] = []
        for key, (theirs, mine) in outcomes.items():
            found = verdict(theirs, mine)
            if found == "equal":
                verdicts["both_fail" if isinstance(theirs, Failed) else "equal"] += 1
            elif found == "refused":
                verdicts["refused"] += 1
                refusals.append(key)
            else:
                verdicts["mismatches"] += 1
                what = f"{found.partition(':')[0]}, with {', '.join(sorted(read.options)) or 'no option'}"
                if not wrong[what] and len(wrong) <= SHRUNK:
                    print(f"seed {seed}, {key}: {found}\n{json.dumps(compare.reproduction(read, key))}")
                wrong[what] += 1
        if refusals:
            refused[compare.blamed(read, refusals[0])] += len(refusals)
        seed += 1
    report = {
        "cases": verdicts.total(),
        **{kind: verdicts[kind] for kind in ("mismatches", "refused", "both_fail")},
        "refused_by": dict(refused.most_common()),
        "reads": seed - SEED,
        "first_seed": SEED,
        "pyspark": pyspark.__version__,
    }
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))
    assert not wrong, "\n".join(f"{count} times: {what}" for what, count in wrong.most_common())
