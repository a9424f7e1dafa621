"""How a script of this folder tells what it found: a line per check on standard output.

`run.sh` counts these lines, so nothing else may be printed there. A flow that breaks off is a failed
check of its own, and the flows after it still run.
"""

import contextlib
import json
import sys


class Checks:
    """The checks of one script."""

    def __init__(self, script):
        self.script = script
        self.flow = ""
        self.failures = 0

    @contextlib.contextmanager
    def flow_of(self, name):
        """Names the checks inside; whatever is raised there is told and ends only this flow."""
        self.flow = name
        try:
            yield
        except Exception as error:  # noqa: BLE001: a broken flow is a finding, not the end
            self.tell(False, "runs to its end", f"{type(error).__name__}: {error}")

    def tell(self, holds, what, detail=""):
        """One line: what was checked and, where it does not hold, what was found instead."""
        line = f"{self.script}: {self.flow}: {what}"
        if holds:
            print(f"ok {line}", flush=True)
            return
        self.failures += 1
        print(f"FAILED {line}: {' '.join(str(detail).split())}", flush=True)

    def equal(self, what, found, wanted):
        """`found` is `wanted`, of the same type."""
        holds = type(found) is type(wanted) and found == wanted
        self.tell(holds, what, f"{found!r} instead of {wanted!r}")

    def typed(self, what, found, wanted):
        """`found` is an instance of the SDK's model `wanted`."""
        self.tell(type(found) is wanted, what, f"{type(found)} instead of {wanted}")

    def contains(self, what, found, wanted):
        """`found` says everything that `wanted` says; it may say more."""
        holds = _contains(found, wanted)
        self.tell(holds, what, f"{json.dumps(found, default=str)} lacks {json.dumps(wanted)}")

    def end(self):
        """Ends the script, with success only if every check held."""
        sys.exit(1 if self.failures else 0)


def _contains(found, wanted):
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            key in found and _contains(found[key], value) for key, value in wanted.items()
        )
    return found == wanted
