"""Known vulnerabilities of installed packages: python audit.py PIP_AUDIT SITE_PACKAGES

Fails where pip-audit knows of one. Where it cannot be had, or cannot reach its data, nothing was looked at: that is a
warning, not a failure, so that work goes on without a network.
"""

from __future__ import annotations

import json
import subprocess
import sys

NOTHING = "warning: nothing was audited"


def audit(program: str, place: str) -> int:
    """The exit code: 1 for a vulnerability that is known, else 0."""
    command = [program, "--path", place, "--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        packages = json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError, KeyError) as error:
        said = done.stderr.strip().splitlines() if isinstance(error, (ValueError, KeyError)) else [str(error)]
        print(f"{NOTHING}: {said[-1] if said else 'pip-audit said nothing'}")
        return 0
    skipped = [f"{package['name']} ({package['skip_reason']})" for package in packages if "skip_reason" in package]
    found = [(package, flaw) for package in packages for flaw in package.get("vulns", [])]
    for package, flaw in found:
        mended = ", ".join(flaw.get("fix_versions", [])) or "no version"
        print(f"{package['name']} {package['version']}: {flaw['id']}, mended in {mended}")
    audited = len(packages) - len(skipped)
    print(f"{audited} packages audited, {len(found)} known vulnerabilities" if audited else NOTHING)
    if skipped:
        print(f"not audited: {', '.join(skipped)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(audit(*sys.argv[1:]))
