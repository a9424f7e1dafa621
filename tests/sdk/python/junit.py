"""The JUnit report of a run, read by a parser that others use, and held against the JSON report.

usage: junit.py JUNIT JSON
"""

import json
import sys

import junitparser

from checks import Checks

STATES = {"done": [], "failed": [junitparser.Failure], "waiting": [junitparser.Skipped], "pending": [junitparser.Skipped]}


def name(entry):
    """What a case is called: by what the manifest says."""
    if entry["label"] is not None:
        return f'{entry["app"]} "{entry["label"]}"'
    return f'{entry["app"]} {entry["appId"]}'


def case_of(checks, entry, case):
    checks.equal("a case is named after its entry", case.name, name(entry))
    checks.equal("and classed by its org", case.classname, f'{entry["org"]}.{entry["app"]}')
    checks.tell(case.time is not None and case.time >= 0, "it has a time", case.time)
    rows = [found.value for found in case.iterchildren(junitparser.Properties) for found in found if found.name == "row"]
    checks.equal("it has its row", rows, [str(entry["row"])])
    checks.equal("its result is the entry's state", [type(found) for found in case.result], STATES[entry["state"]])
    for found in case.result:
        checks.tell(bool(found.message), "it says why", found.message)
        checks.tell("hint: okta-rollout" in found.text or entry["error"] is not None, "it says what to do", found.text)
    if entry["state"] == "failed":
        for part in ("message", "hint"):
            checks.tell(entry["error"][part] in case.result[0].text, f"its {part} is there in full", case.result[0].text)


def main(checks, junit, report):
    entries = {}
    for entry in report["entries"]:
        entries.setdefault(entry["org"], []).append(entry)
    totals = report["totals"]
    checks.equal("all entries are counted", junit.tests, totals["entries"])
    checks.equal("failed ones are", junit.failures, totals["failed"])
    checks.equal("those that wait or are pending are", junit.skipped, totals["waiting"] + totals["pending"])
    checks.equal("a suite is an org", [suite.name for suite in junit], list(entries))
    for suite in junit:
        cases = list(suite)
        checks.equal("its cases are the org's entries", suite.tests, len(entries[suite.name]))
        checks.equal("all of them", len(cases), len(entries[suite.name]))
        for entry, case in zip(entries[suite.name], cases):
            case_of(checks, entry, case)


if __name__ == "__main__":
    checks = Checks("junit.py")
    with checks.flow_of("the JUnit report"):
        with open(sys.argv[2], encoding="utf-8") as file:
            main(checks, junitparser.JUnitXml.fromfile(sys.argv[1]), json.load(file))
    checks.end()
