"""Asks Kubernetes' validation all questions and writes its judgements to `tests/data/validation/judged.jsonl`.

Run it after every change of the questions: `python tests/oracle/validation/record.py`.
"""

from __future__ import annotations

import json
import sys
import time

from oracle import SOURCES, NoOracle, ask, build
from questions import RECORDED, judgement, questions


def main() -> int:
    """Record; 1 if the oracle cannot be had."""
    began = time.monotonic()
    asked = questions()
    try:
        print(f"{build(SOURCES)}, after {time.monotonic() - began:.0f} s")  # noqa: T201
        answers = ask([question.line() for question in asked])
    except NoOracle as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return 1
    lines = [
        json.dumps({"id": question.id, "question": question.digest, **judgement(answer)}, ensure_ascii=False)
        for question, answer in zip(asked, answers, strict=True)
    ]
    RECORDED.write_text("".join(f"{line}\n" for line in lines))
    refused = sum("errors" in line or "decodeError" in line for line in lines)
    print(f"{len(lines)} questions: {len(lines) - refused} accepted, {refused} refused")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
